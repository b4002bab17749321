"""Why a route that a route target would import is not used; every one is counted and named."""

from __future__ import annotations

from enum import StrEnum


class Ignored(StrEnum):
    ENCAP_NOT_SUPPORTED = "encap-not-supported"
    NEXT_HOP_VERSION = "next-hop-version"
    OWN_NEXT_HOP = "own-next-hop"
    NO_INGRESS_REPLICATION = "no-ingress-replication"
    BAD_LABEL = "bad-label"
    BAD_MAC = "bad-mac"


MEANINGS: dict[Ignored, str] = {
    Ignored.ENCAP_NOT_SUPPORTED: "the route offers no encapsulation that this VTEP carries (RFC 8365 section 6)",
    Ignored.NEXT_HOP_VERSION: "the next hop is of another IP version than this VTEP's underlay",
    Ignored.OWN_NEXT_HOP: "the next hop is this VTEP itself",
    Ignored.NO_INGRESS_REPLICATION: "type 3 without a PMSI attribute for ingress replication (RFC 7432 section 11)",
    Ignored.BAD_LABEL: "the label, which is the VNI (RFC 8365 section 5.1.3), is 0",
    Ignored.BAD_MAC: "the address is a group address or all zero",
}
