"""Link types (https://www.iana.org/assignments/pcap-linktype) that are read, and what their packets begin with."""

from __future__ import annotations

ETHERNET, RAW = 1, 101
STARTS = {ETHERNET: "ethernet", RAW: "ip", 12: "ip", 14: "ip", 228: "ipv4", 229: "ipv6"}
"""LINKTYPE -> where `weft.wire.dissect` starts. 12 and 14 are raw IP, too, as some systems number it."""
