"""OPEN (RFC 4271 section 4.2), with optional parameters in the short form or the long one of RFC 9072.

| version 1 | my AS 2 | hold time 2 | BGP identifier 4 | length 1 | parameters |
"""

from __future__ import annotations

import struct

from msgspec import Struct

from weft.values import AS_TRANS, Ip, WireError
from weft.wire.bgp import capabilities, framing
from weft.wire.bgp.capabilities import Capabilities
from weft.wire.bgp.errors import BgpError, Code

VERSION = 4
UNSPECIFIC, BAD_VERSION, BAD_PEER_AS, BAD_IDENTIFIER, BAD_PARAMETER, BAD_HOLD_TIME, BAD_CAPABILITY = 0, 1, 2, 3, 4, 6, 7

_FIXED = struct.Struct("!BHH4sB")
_CAPABILITIES = 2
_LONG_FORM = 255


class Open(Struct, frozen=True, kw_only=True):
    """An OPEN. `asn` is the sender's AS number, from the 4-octet capability where there is one."""

    asn: int
    hold_time_s: int
    router_id: Ip
    capabilities: Capabilities

    def pack(self) -> bytes:
        """The whole message. Capabilities of more than 253 octets take the long form of RFC 9072."""
        offered = self.capabilities.pack()
        if len(offered) <= 253:
            parameters = bytes((_CAPABILITIES, len(offered))) + offered if offered else b""
            length = len(parameters)
        else:
            parameter = struct.pack("!BH", _CAPABILITIES, len(offered)) + offered
            parameters = struct.pack("!BH", _LONG_FORM, len(parameter)) + parameter
            length = _LONG_FORM
        short_asn = self.asn if self.asn <= 0xFFFF else AS_TRANS
        fixed = _FIXED.pack(VERSION, short_asn, self.hold_time_s, self.router_id.octets, length)
        return framing.pack(framing.MessageType.OPEN, fixed + parameters)


def _malformed(message: str) -> BgpError:
    return BgpError(Code.OPEN, UNSPECIFIC, message)


def _parameters(octets: bytes, header: struct.Struct) -> bytes:
    """The values of all capability parameters, joined."""
    found, offset = [], 0
    while offset < len(octets):
        value = offset + header.size
        if len(octets) < value:
            raise _malformed("an optional parameter is cut short")
        kind, length = header.unpack_from(octets, offset)
        if len(octets) < value + length:
            raise _malformed("an optional parameter is longer than the message")
        if kind != _CAPABILITIES:
            raise BgpError(Code.OPEN, BAD_PARAMETER, f"optional parameter {kind} is not supported")
        offset = value + length
        found.append(octets[value:offset])
    return b"".join(found)


def _capabilities(octets: bytes, length: int) -> bytes:
    # RFC 9072 section 2: a first parameter of type 255 means the long form, whatever the short length says, except
    # that a short length of 0 means there are no parameters at all.
    if length and octets[:1] == bytes((_LONG_FORM,)):
        if len(octets) < 3 or int.from_bytes(octets[1:3], "big") != len(octets) - 3:
            raise _malformed("the extended length of the optional parameters does not fit the message")
        return _parameters(octets[3:], struct.Struct("!BH"))
    if length != len(octets):
        raise _malformed("the length of the optional parameters does not fit the message")
    return _parameters(octets, struct.Struct("!BB"))


def parse(body: bytes) -> Open:
    """Read the body of an OPEN. Raises BgpError with code 2 only.

    What the values mean for this neighbour (its AS, its hold time) is judged by whoever knows the neighbour.
    """
    if len(body) < _FIXED.size:
        raise _malformed("the OPEN is cut short")
    version, asn, hold_time_s, router_id, length = _FIXED.unpack_from(body)
    if version != VERSION:
        # The data is the version we would take (RFC 4271 section 6.2).
        raise BgpError(Code.OPEN, BAD_VERSION, f"BGP version {version}", struct.pack("!H", VERSION))
    try:
        offered = capabilities.parse(_capabilities(body[_FIXED.size :], length))
    except BgpError:
        raise
    except WireError as error:
        raise _malformed(str(error)) from None
    if asn not in (AS_TRANS, offered.asn) and offered.asn is not None:
        # The short field holds the same number where it fits (RFC 6793 section 4.1): one of the two is a lie.
        raise BgpError(Code.OPEN, BAD_PEER_AS, f"the OPEN says AS {asn} and AS {offered.asn}")
    return Open(
        asn=asn if offered.asn is None else offered.asn,
        hold_time_s=hold_time_s,
        router_id=Ip(router_id),
        capabilities=offered,
    )
