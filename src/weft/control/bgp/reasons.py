"""Names for everything the speaker refuses, ignores or loses, each with what it means. Counters use these names."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Why a route is not used, or what odd thing was counted."""

    AS_LOOP = "as-loop"
    ORIGINATOR_LOOP = "originator-loop"
    CLUSTER_LOOP = "cluster-loop"
    NEXT_HOP_UNUSABLE = "next-hop-unusable"
    NEXT_HOP_OWN = "next-hop-own"
    TREATED_AS_WITHDRAWN = "treated-as-withdrawn"
    ATTRIBUTE_DISCARDED = "attribute-discarded"
    ROUTE_MALFORMED = "route-malformed"
    FAMILY_IGNORED = "family-ignored"
    REFRESH_IGNORED = "refresh-ignored"
    ATTRIBUTES_TOO_LARGE = "attributes-too-large"
    CONNECTION_REFUSED = "connection-refused"
    CONNECTION_COLLISION = "connection-collision"
    DIAL_FAILED = "dial-failed"
    SESSION_LOST = "session-lost"


MEANINGS: dict[Reason, str] = {
    Reason.AS_LOOP: "A route whose AS path holds our own AS number was not used (RFC 4271 section 9).",
    Reason.ORIGINATOR_LOOP: "A reflected route that we had originated came back and was not used (RFC 4456 section 8).",
    Reason.CLUSTER_LOOP: "A route that had passed our own cluster was not used (RFC 4456 section 8).",
    Reason.NEXT_HOP_UNUSABLE: "A route whose next hop is no host's address was not used.",
    Reason.NEXT_HOP_OWN: "A route whose next hop is one of our own addresses was not used (RFC 4271 section 5.1.3).",
    Reason.TREATED_AS_WITHDRAWN: "An UPDATE with a bad attribute: its routes count as withdrawn (RFC 7606).",
    Reason.ATTRIBUTE_DISCARDED: "An attribute was dropped and its routes kept (RFC 7606).",
    Reason.ROUTE_MALFORMED: "A single EVPN route could not be read and was left out (RFC 7606 section 5.4).",
    Reason.FAMILY_IGNORED: "Routes of an address family that was not agreed on were ignored (RFC 4760 section 7).",
    Reason.REFRESH_IGNORED: "A route refresh for another family or with another subtype was ignored (RFC 7313).",
    Reason.ATTRIBUTES_TOO_LARGE: "Attributes left no room for a route within the message size: not sent to that peer.",
    Reason.CONNECTION_REFUSED: "A connection was closed at once: no such neighbour, or not ready for it.",
    Reason.CONNECTION_COLLISION: "One of two connections with the same neighbour was closed (RFC 4271 section 6.8).",
    Reason.DIAL_FAILED: "A connection to a neighbour could not be made.",
    Reason.SESSION_LOST: "An established session ended.",
}
