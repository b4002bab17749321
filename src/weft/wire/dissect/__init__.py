"""Packets for people: every layer of any octets, as far as they can be told. Pure, and raises nothing on any input.

A layer is a dictionary: `layer` is its name, the other keys are its fields. Numbers are numbers, addresses are text,
octets are hexadecimal text, what is absent is None.

    ethernet  dst src ethertype             vlan  vid pcp dei ethertype
    arp       operation sender_mac sender_ip target_mac target_ip
    mpls      label tc bottom ttl
    ipv4      src dst ttl tos protocol id df mf fragment_offset
    ipv6      src dst hop_limit traffic_class flow_label next_header; extensions (their numbers, in order), protocol
              (of the payload); id mf fragment_offset (None without a fragment header)
    udp       sport dport                   tcp   sport dport seq ack flags
    icmp      type code                     icmpv6  type code target mac (of neighbour discovery)
    igmp      type group
    gre       version protocol checksum key sequence; version 1 (PPTP) also payload_length call_id acknowledgement
    nvgre     vsid flow_id
    vxlan     vni flags (the first octet) policy; protocol (GPE's next protocol), dont_learn applied (of a policy)
    geneve    vni protocol critical oam options [{class type data}]
    stt       context_id frame_length offset id mss l4_offset vlan (VID) flags; pcp sport. A later segment has no frame
              header: its context_id, mss, l4_offset, vlan and flags are None

Ethernet in keyed GRE without checksum and sequence may be NVGRE (RFC 7637) or plain. `gre_key_as="both"` shows a `gre`
layer and behind it an `nvgre` layer of the same octets; `"nvgre"` only the latter, `"plain"` only the former.

The first fragment of a packet and the first segment of an STT frame are shown as far as they go; later ones end at
their `ipv4` (`ipv6`, `stt`) layer. `weft.wire.reassembly` puts them together.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from weft.values import InvalidValue
from weft.wire.dissect import internet, link, transport, tunnels
from weft.wire.dissect.walk import Layer, Next, Reader, Walk
from weft.wire.encap.registry import PORTS

DEFAULT_DEPTH = 8
"""How many tunnels may be nested."""
MAX_LAYERS = 128
GRE_READINGS = ("both", "nvgre", "plain")

_READERS: dict[str, Reader] = {**link.READERS, **internet.READERS, **transport.READERS, **tunnels.READERS}


class Dissection(Struct, frozen=True):
    """`layers`, outermost first; `error`: the first thing that is wrong, in plain words."""

    layers: tuple[Layer, ...]
    error: str | None


def dissect(
    data: bytes,
    *,
    start: str = "ethernet",
    depth: int = DEFAULT_DEPTH,
    gre_key_as: str = "both",
    ports: Mapping[int, str] = PORTS,
    verify: bool = False,
    cut: bool = False,
) -> Dissection:
    """Every layer of a packet.

    `start`: what the octets begin with: `ethernet`, `ip` (the version tells), `ipv4`, `ipv6`, `mpls`, `vxlan`, `gre` ….
    `ports`: UDP or TCP destination port -> `vxlan`, `vxlan-gpe`, `geneve` or `stt`. `verify`: also check UDP, TCP,
    ICMP and IGMP sums (captures of a sender that offloads have unfinished ones); these layers then have `checksum_ok`
    (None: absent, or not all octets are there). IPv4 and GRE sums are always checked. `cut`: the capture may
    have cut the packet short. Raises InvalidValue for an unknown `start` or `gre_key_as`, and nothing for any `data`.
    """
    if start not in _READERS or gre_key_as not in GRE_READINGS:
        known = ", ".join(_READERS if start not in _READERS else GRE_READINGS)
        raise InvalidValue(f"cannot dissect {start} with keys as {gre_key_as}: known are {known}")
    walk = Walk(depth, gre_key_as, ports, verify, cut)
    step: Next = (start, data, 0)
    while step is not None:
        if len(walk.layers) >= MAX_LAYERS:
            walk.fault(f"more than {MAX_LAYERS} layers")
            break
        name, octets, at = step
        step = _READERS[name](walk, octets, at)
    return Dissection(tuple(walk.layers), walk.error)
