"""Every reason to drop a frame and every counter, once: the C header, the CLI and the documents read them here.

The numbers are the index in the data path's counter map; append, never reorder.
"""

from __future__ import annotations

from enum import IntEnum


class Drop(IntEnum):
    """Why a frame went nowhere."""

    RUNT_FRAME = 1
    BAD_SOURCE_MAC = 2
    TAGGED_FRAME = 3
    LINK_LOCAL_GROUP = 4
    INNER_TRUNCATED = 5
    SAME_PORT = 6
    SPLIT_HORIZON = 7
    NO_DESTINATION = 8
    NO_UNDERLAY_PATH = 9
    TOO_BIG = 10
    OUTER_FRAGMENT = 11
    OUTER_OPTIONS = 12
    OUTER_CHECKSUM = 13
    OUTER_LENGTH = 14
    VXLAN_NO_VNI = 15
    VXLAN_RESERVED = 16
    UNKNOWN_VNI = 17
    UNKNOWN_VTEP = 18
    ECN_INVALID = 19
    GSO_REFUSED = 20
    NOT_UNDERLAY = 21
    KERNEL_REFUSED = 22

    @property
    def word(self) -> str:
        """The name people see: `unknown-vtep`."""
        return self.name.lower().replace("_", "-")


MEANING: dict[Drop, str] = {
    Drop.RUNT_FRAME: "frame is shorter than an Ethernet header",
    Drop.BAD_SOURCE_MAC: "source MAC is a group address or all zero",
    Drop.TAGGED_FRAME: "frame has a VLAN tag, the attachment point carries untagged frames",
    Drop.LINK_LOCAL_GROUP: "destination 01:80:c2:00:00:0x stays on its link (IEEE 802.1Q)",
    Drop.INNER_TRUNCATED: "frame says it is IP and ends within the IP header",
    Drop.SAME_PORT: "destination is behind the port the frame came from",
    Drop.SPLIT_HORIZON: "frame came from a tunnel and its destination is behind a tunnel of the same mesh",
    Drop.NO_DESTINATION: "nobody else is in this network",
    Drop.NO_UNDERLAY_PATH: "the underlay has no route or no neighbour towards the remote VTEP",
    Drop.TOO_BIG: "frame with tunnel headers is larger than the underlay carries",
    Drop.OUTER_FRAGMENT: "tunnel packet is an IP fragment; VTEPs do not fragment (RFC 7348 section 4.3)",
    Drop.OUTER_OPTIONS: "tunnel packet has IP options",
    Drop.OUTER_CHECKSUM: "outer IP header checksum is wrong",
    Drop.OUTER_LENGTH: "outer IP or UDP length does not fit the packet",
    Drop.VXLAN_NO_VNI: "VXLAN I flag is clear: no valid VNI (RFC 7348 section 5)",
    Drop.VXLAN_RESERVED: "reserved VXLAN bits are set and the VTEP is strict",
    Drop.UNKNOWN_VNI: "no network of this VTEP has that VNI",
    Drop.UNKNOWN_VTEP: "outer source is not a VTEP of this network",
    Drop.ECN_INVALID: "outer header says congestion, inner packet cannot carry the mark (RFC 6040)",
    Drop.GSO_REFUSED: "large frame cannot be wrapped whole: a tunnel of the tenant's own, or neither TCP nor UDP",
    Drop.NOT_UNDERLAY: "tunnel packet is for another address of this host, or came in by no underlay interface",
    Drop.KERNEL_REFUSED: "the kernel refused to resize the packet",
}


class Dropped(Exception):
    """Ends the walk of one frame with its reason; never leaves `forwarding`."""

    def __init__(self, reason: Drop) -> None:
        super().__init__(reason.word)
        self.reason = reason


class Counter(IntEnum):
    """What else is counted; the index continues after the drop reasons."""

    ENCAPSULATED = 32
    DECAPSULATED = 33
    SWITCHED_LOCALLY = 34
    FLOODED_FRAMES = 35
    FLOOD_COPIES = 36
    FLOOD_COPIES_LOST = 37
    ADDRESSES_LEARNED = 38
    EVENTS_LOST = 39
    LEARNED_TABLE_FULL = 40
    ADDRESSES_AGED = 41

    @property
    def word(self) -> str:
        return self.name.lower().replace("_", "-")


COUNTER_MEANING: dict[Counter, str] = {
    Counter.ENCAPSULATED: "frames sent into a tunnel, one for each copy",
    Counter.DECAPSULATED: "tunnel packets accepted",
    Counter.SWITCHED_LOCALLY: "frames passed from one local port to another",
    Counter.FLOODED_FRAMES: "broadcast, multicast and unknown-unicast frames",
    Counter.FLOOD_COPIES: "copies made of flooded frames",
    Counter.FLOOD_COPIES_LOST: "copies of flooded frames that could not be sent",
    Counter.ADDRESSES_LEARNED: "addresses learned or moved",
    Counter.EVENTS_LOST: "reports to the agent that found the ring full; the agent re-reads the table",
    Counter.LEARNED_TABLE_FULL: "addresses not learned because the table is full",
    Counter.ADDRESSES_AGED: "learned addresses removed after their ageing time",
}

COUNTERS = 64
"""Size of the counter map; drop reasons are below 32."""
