"""BGP message header (RFC 4271 section 4.1) and cutting a byte stream into messages.

| marker 16 x ff | length 2 | type 1 | body |
"""

from __future__ import annotations

import struct
from enum import IntEnum

from weft.wire.bgp.errors import BgpError, Code

MARKER = b"\xff" * 16
HEADER_OCTETS = 19
MESSAGE_OCTETS = 4096
"""Largest message without the extended message capability (RFC 4271 section 4.1)."""
EXTENDED_OCTETS = 65535
"""Largest message with it (RFC 8654 section 4)."""

_NOT_SYNCHRONISED, _BAD_LENGTH, _BAD_TYPE = 1, 2, 3


class MessageType(IntEnum):
    OPEN = 1
    UPDATE = 2
    NOTIFICATION = 3
    KEEPALIVE = 4
    REFRESH = 5


# Least length of each type (RFC 4271 section 6.1). A ROUTE-REFRESH of another length has an error code of its own
# (RFC 7313 section 5), so its body is judged where it is parsed.
_LEAST = {
    MessageType.OPEN: 29,
    MessageType.UPDATE: 23,
    MessageType.NOTIFICATION: 21,
    MessageType.KEEPALIVE: HEADER_OCTETS,
    MessageType.REFRESH: HEADER_OCTETS,
}


def pack(kind: MessageType, body: bytes = b"") -> bytes:
    """One whole message. The caller keeps the body within the negotiated size."""
    return MARKER + struct.pack("!HB", HEADER_OCTETS + len(body), kind) + body


KEEPALIVE = pack(MessageType.KEEPALIVE)


def _check(header: bytes, limit: int) -> tuple[MessageType, int]:
    """Type and length of a message from its first 19 octets. Raises BgpError with code 1."""
    if header[:16] != MARKER:
        raise BgpError(Code.HEADER, _NOT_SYNCHRONISED, "the marker is not all ones")
    length, number = struct.unpack_from("!HB", header, 16)
    try:
        kind = MessageType(number)
    except ValueError:
        message = f"message type {number} does not exist"
        raise BgpError(Code.HEADER, _BAD_TYPE, message, header[18:19]) from None
    # OPEN and KEEPALIVE never grow (RFC 8654 section 4).
    most = MESSAGE_OCTETS if kind is MessageType.OPEN else limit
    if kind is MessageType.KEEPALIVE:
        most = HEADER_OCTETS
    if not _LEAST[kind] <= length <= most:
        message = f"{kind.name} of {length} octets, allowed are {_LEAST[kind]} to {most}"
        raise BgpError(Code.HEADER, _BAD_LENGTH, message, header[16:18])
    return kind, length


class Framer:
    """Collects octets of one connection and hands out whole messages; keeps at most one message and one read."""

    def __init__(self) -> None:
        self._octets = b""
        self._offset = 0

    def feed(self, data: bytes) -> None:
        self._octets = self._octets[self._offset :] + data
        self._offset = 0

    def next(self, limit: int) -> tuple[MessageType, bytes] | None:
        """The next message's type and body, or None until more octets come. Raises BgpError with code 1."""
        start = self._offset
        header = self._octets[start : start + HEADER_OCTETS]
        if len(header) < HEADER_OCTETS:
            return None
        kind, length = _check(header, limit)
        if len(self._octets) - start < length:
            return None
        self._offset = start + length
        return kind, self._octets[start + HEADER_OCTETS : self._offset]
