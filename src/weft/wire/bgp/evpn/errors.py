"""A route that cannot be read although its place in the message is known (RFC 7606 section 5.4)."""

from __future__ import annotations

from weft.values import Malformed


class MalformedRoute(Malformed):
    """`key` names the route if at least its key could be read: then it counts as withdrawn; else it is None."""

    def __init__(self, message: str, key: bytes | None = None) -> None:
        super().__init__(message)
        self.key = key
