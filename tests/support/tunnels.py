"""Tunnel packets for tests, built with the product's own headers; scapy and tshark check those elsewhere."""

from __future__ import annotations

import json
import random
from pathlib import Path

from support import frames
from weft.values import Ip
from weft.wire import ethernet
from weft.wire.checksum import checksum, pseudo_header_sum
from weft.wire.encap.geneve import Geneve, Option
from weft.wire.encap.gre import Gre
from weft.wire.encap.nvgre import Nvgre
from weft.wire.encap.pptp import Pptp
from weft.wire.encap.registry import GRE, TCP, UDP
from weft.wire.encap.stt import Stt, SttSegment
from weft.wire.encap.tunnel import Tunnel
from weft.wire.encap.vxlan import Vxlan
from weft.wire.encap.vxlan_gbp import VxlanGbp
from weft.wire.encap.vxlan_gpe import VxlanGpe
from weft.wire.ipv4 import Ipv4
from weft.wire.ipv6 import Ipv6
from weft.wire.udp import Udp
from weft.wire.vlan import Vlan

VECTORS = json.loads((Path(__file__).parent.parent / "vectors/packets.json").read_text())["packets"]
SRC, DST = Ip.parse("192.0.2.1"), Ip.parse("192.0.2.2")
SRC6, DST6 = Ip.parse("2001:db8::1"), Ip.parse("2001:db8::2")
INNER = frames.udp4(frames.mac(1), frames.mac(2))
INNER_IP = INNER[ethernet.LENGTH :]
PORTS = {Vxlan: 4789, VxlanGbp: 4789, VxlanGpe: 4790, Geneve: 6081}


def wrap(header: Tunnel, payload: bytes = INNER, *, ip_version: int = 4, tags: tuple[int, ...] = ()) -> bytes:
    """An Ethernet frame that carries `payload` behind a tunnel header, every checksum right."""
    src, dst = (SRC, DST) if ip_version == 4 else (SRC6, DST6)
    if type(header) in PORTS:
        protocol, packet = UDP, datagram(src, dst, PORTS[type(header)], header.pack() + payload)
    elif isinstance(header, Stt):
        body = header.pack() + payload
        protocol, packet = TCP, SttSegment(50000, len(body), 0, 7, last=True).pack(src.octets, dst.octets, body) + body
    else:
        packet = (header.pack(payload) if isinstance(header, Gre) else header.pack()) + payload
        protocol = GRE
    return link(packet, protocol, ip_version, tags)


def datagram(src: Ip, dst: Ip, dport: int, payload: bytes, sport: int = 50000) -> bytes:
    length = 8 + len(payload)
    start = pseudo_header_sum(src.octets, dst.octets, UDP, length)
    sum_ = checksum(Udp(sport, dport, length).pack() + payload, start) or 0xFFFF
    return Udp(sport, dport, length, sum_).pack() + payload


def link(packet: bytes, protocol: int, ip_version: int = 4, tags: tuple[int, ...] = ()) -> bytes:
    """An Ethernet frame, tagged or not, with an IP packet from SRC to DST."""
    if ip_version == 4:
        ip = Ipv4(src=SRC, dst=DST, protocol=protocol, total_length=20 + len(packet), df=True).pack()
    else:
        ip = Ipv6(src=SRC6, dst=DST6, next_header=protocol, payload_length=len(packet), flow_label=0xABCDE).pack()
    ethertype = ethernet.IPV4 if ip_version == 4 else ethernet.IPV6
    for vid in reversed(tags):
        ip, ethertype = Vlan(vid, ethertype, pcp=3).pack() + ip, ethernet.VLAN
    return frames.eth(frames.mac(3), frames.mac(4), ethertype, ip + packet)


OPTIONS = (Option(0x0103, 0x21, bytes(range(8))), Option(0xFFFF, 0x80), Option(0x0102, 0x01, b"weft"))
SAMPLES: dict[str, bytes] = {
    "vxlan": wrap(Vxlan(5001)),
    "vxlan-ipv6-tagged": wrap(Vxlan(0xFFFFFF), ip_version=6, tags=(7,)),
    "vxlan-gbp": wrap(VxlanGbp(5001, 0x123, dont_learn=True, applied=True)),
    "vxlan-gpe-ethernet": wrap(VxlanGpe(5001)),
    "vxlan-gpe-ip": wrap(VxlanGpe(5001, 1), INNER_IP),
    "gre-ip": wrap(Gre(0x0800), INNER_IP),
    "gre-all": wrap(Gre(0x0800, 0, 77, 5), INNER_IP),
    "gretap": wrap(Gre(0x6558)),
    "gretap-checksum-key": wrap(Gre(0x6558, 0, 5001), ip_version=6),
    "nvgre": wrap(Nvgre(5001, 0x42), tags=(100, 200)),
    "pptp": wrap(Pptp(5, 0x4D2, 1, 2), b"hello"),
    "geneve": wrap(Geneve(5001)),
    "geneve-options": wrap(Geneve(5001, options=OPTIONS), ip_version=6),
    "geneve-ip-oam": wrap(Geneve(5001, 0x0800, oam=True), INNER_IP),
    "stt": wrap(Stt(5001, flags=1, vid=100, pcp=5)),
    "stt-ipv6": wrap(Stt(2**64 - 1), ip_version=6),
    "nested": wrap(Vxlan(1), wrap(Geneve(2, options=OPTIONS), wrap(Nvgre(3, 3), wrap(Stt(4), wrap(Gre(0x6558)))))),
}


def mutated(rng: random.Random, seeds: list[bytes]) -> bytes:
    """One of `seeds` with a few octets changed, cut, doubled or cut off."""
    octets = bytearray(rng.choice(seeds))
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(len(octets))
        match rng.randrange(6):
            case 0 | 1 | 2:
                octets[at] = rng.getrandbits(8)
            case 3:
                octets[at] ^= 1 << rng.randrange(8)
            case 4:
                octets[at:at] = octets[at : at + rng.randint(1, 16)]
            case _ if len(octets) > 1:
                del octets[at : at + rng.choice((1, 2, 4, len(octets)))]
                octets = octets or bytearray(1)
    return bytes(octets)
