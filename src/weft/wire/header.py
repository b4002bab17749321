"""What every header has: a strict reading for forwarding and a tolerant one for people.

A class defines one of the two and inherits the other: `parse` where whole headers are right headers, `dissect` where
a header can be whole and wrong and a person still wants to see it.
"""

from __future__ import annotations

from typing import Self

from msgspec import Struct

from weft.values import WireError


class Header(Struct, frozen=True, gc=False):
    @classmethod
    def parse(cls, data: bytes, offset: int = 0) -> tuple[Self, int]:
        """(the header, the offset behind it). Raises WireError."""
        header, end, fault = cls.dissect(data, offset)
        if header is None or fault is not None:
            raise fault or WireError(f"no {cls.__name__} header", offset)
        return header, end

    @classmethod
    def dissect(cls, data: bytes, offset: int = 0) -> tuple[Self | None, int, WireError | None]:
        """(the header if its fields can be told, the offset behind it, what is wrong with it). Raises nothing."""
        try:
            header, end = cls.parse(data, offset)
        except WireError as fault:
            return None, offset, fault
        return header, end, None
