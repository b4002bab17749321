"""Immutable values, checked once when they are made, and the one error tree.

Everything above works on these and never on text. Pure: no I/O, no clock.
"""

from weft.values.addresses import BROADCAST, Ip, Mac, Prefix
from weft.values.encap import Encap
from weft.values.errors import (
    CapabilityMissing,
    InvalidValue,
    Malformed,
    PermissionMissing,
    Truncated,
    Unavailable,
    WeftError,
    WireError,
)
from weft.values.evpn import Esi, Rd, RouteTarget
from weft.values.numbers import AS_TRANS, ASN_MAX, VNI_MAX, Asn, Vni, asn, vni

__all__ = [
    "ASN_MAX",
    "AS_TRANS",
    "BROADCAST",
    "VNI_MAX",
    "Asn",
    "CapabilityMissing",
    "Encap",
    "Esi",
    "InvalidValue",
    "Ip",
    "Mac",
    "Malformed",
    "PermissionMissing",
    "Prefix",
    "Rd",
    "RouteTarget",
    "Truncated",
    "Unavailable",
    "Vni",
    "WeftError",
    "WireError",
    "asn",
    "vni",
]
