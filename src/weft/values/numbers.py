"""Checked numbers of overlay and BGP: VNI and AS number.

They are plain `int` to the type checker's eye only where arithmetic needs it; make them with `vni()` and
`asn()`, which refuse what the standards refuse.
"""

from __future__ import annotations

from typing import NewType

from weft.values.errors import InvalidValue

Vni = NewType("Vni", int)
"""A 24-bit network number (RFC 7348 section 5), 1..16777215."""

Asn = NewType("Asn", int)
"""A 4-octet AS number (RFC 6793), 1..4294967295."""

VNI_MAX = 0xFFFFFF
ASN_MAX = 0xFFFFFFFF
AS_TRANS = Asn(23456)
"""Stands for a 4-octet AS number in 2-octet fields (RFC 6793 section 9)."""


def vni(number: int) -> Vni:
    """Check a VNI. Raises InvalidValue."""
    if not 1 <= number <= VNI_MAX:
        side = "above 16777215, the largest 24-bit VNI" if number > VNI_MAX else "below 1, the smallest VNI"
        raise InvalidValue(f"{number} is {side}")
    return Vni(number)


def asn(number: int) -> Asn:
    """Check an AS number: 0 is reserved (RFC 7607). Raises InvalidValue."""
    if not 1 <= number <= ASN_MAX:
        raise InvalidValue(f"{number} is not an AS number within 1..{ASN_MAX}")
    return Asn(number)
