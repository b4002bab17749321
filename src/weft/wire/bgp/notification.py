"""NOTIFICATION (RFC 4271 section 4.5): code 1, subcode 1, data. Shutdown text: RFC 9003."""

from __future__ import annotations

from msgspec import Struct

from weft.values import Truncated
from weft.wire.bgp import framing
from weft.wire.bgp.errors import BgpError, Code

ADMINISTRATIVE_SHUTDOWN, ADMINISTRATIVE_RESET, CONNECTION_COLLISION = 2, 4, 7
TEXT_LIMIT = 200
"""Octets of a peer's text that we keep."""

_SUBCODES = {
    (1, 1): "connection not synchronised",
    (1, 2): "bad message length",
    (1, 3): "bad message type",
    (2, 1): "unsupported version number",
    (2, 2): "bad peer AS",
    (2, 3): "bad BGP identifier",
    (2, 4): "unsupported optional parameter",
    (2, 6): "unacceptable hold time",
    (2, 7): "unsupported capability",
    (2, 11): "role mismatch",
    (3, 1): "malformed attribute list",
    (3, 2): "unrecognised well-known attribute",
    (3, 3): "missing well-known attribute",
    (3, 4): "attribute flags error",
    (3, 5): "attribute length error",
    (3, 6): "invalid origin attribute",
    (3, 8): "invalid next hop attribute",
    (3, 9): "optional attribute error",
    (3, 10): "invalid network field",
    (3, 11): "malformed AS path",
    (5, 1): "unexpected message in OpenSent",
    (5, 2): "unexpected message in OpenConfirm",
    (5, 3): "unexpected message in Established",
    (6, 1): "maximum number of prefixes reached",
    (6, 2): "administrative shutdown",
    (6, 3): "peer de-configured",
    (6, 4): "administrative reset",
    (6, 5): "connection rejected",
    (6, 6): "other configuration change",
    (6, 7): "connection collision resolution",
    (6, 8): "out of resources",
    (6, 9): "hard reset",
    (6, 10): "BFD down",
    (7, 1): "invalid message length",
}


def printable(octets: bytes, limit: int = TEXT_LIMIT) -> str:
    """A stranger's text as printable ASCII of at most `limit` characters; anything else becomes `?`.

    It ends up on terminals and in logs, where escape sequences and look-alike letters would do harm.
    """
    return "".join(chr(octet) if 0x20 <= octet < 0x7F else "?" for octet in octets[:limit])


class Notification(Struct, frozen=True):
    """Why a session ends. `code` and `subcode` may be numbers nobody has assigned."""

    code: int
    subcode: int
    data: bytes = b""

    @classmethod
    def of(cls, error: BgpError) -> Notification:
        return cls(error.code, error.subcode, error.data)

    def pack(self) -> bytes:
        return framing.pack(framing.MessageType.NOTIFICATION, bytes((self.code, self.subcode)) + self.data[:1024])

    @property
    def text(self) -> str:
        """The peer's own words on a shutdown or reset (RFC 9003 section 2), made harmless; "" without any."""
        if self.code != Code.CEASE or self.subcode not in (ADMINISTRATIVE_SHUTDOWN, ADMINISTRATIVE_RESET):
            return ""
        return printable(self.data[1 : 1 + self.data[0]]) if self.data else ""

    def __str__(self) -> str:
        known = self.code in Code.__members__.values()
        name = Code(self.code).name.replace("_", " ").lower() if known else "unknown error"
        detail = _SUBCODES.get((self.code, self.subcode), "")
        words = f"{self.code}/{self.subcode} {name}" + (f", {detail}" if detail else "")
        return f"{words}: {self.text}" if self.text else words


def parse(body: bytes) -> Notification:
    """Read the body of a NOTIFICATION. Raises Truncated; there is no answer to a bad one (RFC 4271 section 6.4)."""
    if len(body) < 2:
        raise Truncated("a NOTIFICATION", 2, len(body))
    return Notification(body[0], body[1], body[2:])


def shutdown(text: str) -> BgpError:
    """The cease that a graceful stop sends (RFC 9003), with a text of at most 255 octets."""
    words = text.encode()[:255]
    return BgpError(Code.CEASE, ADMINISTRATIVE_SHUTDOWN, text, bytes((len(words),)) + words)
