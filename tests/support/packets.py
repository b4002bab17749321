"""Packets of every kind that the capture tools know, and ways to break them. All from a seed."""

from __future__ import annotations

import random
import struct

from weft.values import Ip, Mac
from weft.wire import ethernet
from weft.wire.encap.geneve import Geneve, Option
from weft.wire.encap.gre import Gre
from weft.wire.encap.nvgre import Nvgre
from weft.wire.encap.pptp import Pptp
from weft.wire.encap.stt import Stt
from weft.wire.encap.stt_frame import segments
from weft.wire.encap.vxlan_gbp import VxlanGbp
from weft.wire.encap.vxlan_gpe import VxlanGpe
from weft.wire.ethernet import Ethernet
from weft.wire.ipv4 import Ipv4
from weft.wire.ipv6 import Ipv6
from weft.wire.ipv6_extensions import Fragment
from weft.wire.tcp import Tcp
from weft.wire.udp import Udp
from weft.wire.vlan import Vlan

A, B = Mac.parse("02:00:00:00:00:0a"), Mac.parse("02:00:00:00:00:0b")
V4 = Ip.parse("10.0.0.1"), Ip.parse("10.0.0.2")
V6 = Ip.parse("2001:db8::1"), Ip.parse("2001:db8::2")
VTEPS = Ip.parse("192.0.2.1"), Ip.parse("192.0.2.2")
VTEPS6 = Ip.parse("2001:db8:ffff::1"), Ip.parse("2001:db8:ffff::2")


def ip(protocol: int, payload: bytes, pair: tuple[Ip, Ip] = V4, **fields: object) -> tuple[int, bytes]:
    """(EtherType, packet)."""
    if pair[0].version == 6:
        header = Ipv6(src=pair[0], dst=pair[1], next_header=protocol, payload_length=len(payload))
        return ethernet.IPV6, header.pack() + payload
    options = fields.get("options", b"")
    assert isinstance(options, bytes)
    total = 20 + len(options) + len(payload)
    header4 = Ipv4(src=pair[0], dst=pair[1], protocol=protocol, total_length=total, **fields)  # type: ignore[arg-type]
    return ethernet.IPV4, header4.pack() + payload


def frame(ethertype: int, packet: bytes, *tags: int) -> bytes:
    for vid in reversed(tags):
        packet, ethertype = Vlan(vid, ethertype).pack() + packet, ethernet.VLAN
    return Ethernet(B, A, ethertype).pack() + packet


def udp(sport: int, dport: int, payload: bytes = b"") -> bytes:
    return Udp(sport, dport, 8 + len(payload)).pack() + payload


def tcp(sport: int, dport: int, payload: bytes = b"") -> bytes:
    return Tcp(sport, dport, 1, 2, 0x18, 100).pack() + payload


def stt(payload: bytes, vni: int = 5001, most: int = 65535) -> list[bytes]:
    """IP payloads of one frame."""
    return list(segments(Stt(vni), payload, src=VTEPS[0], dst=VTEPS[1], sport=50000, id=7, max_octets=most))


def tenant_frames() -> list[bytes]:
    extended = bytes((44, 0)) + bytes(6) + Fragment(17, 9, 0, False).pack() + udp(1, 2, b"y" * 9)
    return [
        frame(*ip(17, udp(1000, 2000, b"x" * 10))),
        frame(*ip(6, tcp(1001, 2001, b"x" * 300), V6)),
        frame(*ip(6, tcp(1002, 2002), options=bytes(8)), 7),
        frame(*ip(1, b"\x08\x00" + bytes(20))),
        frame(*ip(0, extended, V6)),
        frame(*ip(17, udp(3, 4, b"z" * 20), mf=True)),
        frame(*ip(17, bytes(40), fragment_offset=64)),
        frame(*ip(132, struct.pack("!HHII", 5, 6, 0, 0))),
        frame(ethernet.ARP, struct.pack("!HHBBH", 1, 0x800, 6, 4, 1) + bytes(20)),
        frame(ethernet.MPLS, b"\x00\x01\x01\x40" + ip(17, udp(1, 2))[1]),
        frame(0x1234, bytes(30), 5, 6),
    ]


def tunnels(inner: bytes) -> list[bytes]:
    """The frame in every encapsulation, some over IPv6, some with tags."""
    packet = inner[14:]
    ethertype = int.from_bytes(inner[12:14], "big")
    options = (Option(0x0102, 0x80, b"abcd"), Option(0xFF00, 5))
    behind_udp = [
        (4789, VxlanGbp(5001).pack() + inner),
        (8472, VxlanGbp(5002).pack() + inner),
        (4789, VxlanGbp(5003, policy=9, applied=True).pack() + inner),
        (4790, VxlanGpe(5004).pack() + inner),
        (4790, VxlanGpe(5005, protocol=2 if ethertype == ethernet.IPV6 else 1).pack() + packet),
        (6081, Geneve(5006).pack() + inner),
        (6081, Geneve(5007, options=options).pack() + inner),
        (6081, Geneve(5008, protocol=ethertype).pack() + packet),
    ]
    behind_gre = [
        Nvgre(5009, 66).pack() + inner,
        Gre(ethernet.TRANSPARENT_BRIDGING).pack() + inner,
        Gre(ethernet.TRANSPARENT_BRIDGING, key=77, sequence=3).pack() + inner,
        Gre(ethertype, checksum=0, key=5010).pack(packet) + packet,
        Gre(ethertype).pack() + packet,
        Pptp(len(packet), 3, 4, 5).pack() + packet,
    ]
    if ethertype not in (ethernet.IPV4, ethernet.IPV6):
        del behind_udp[4]  # GPE has no number for it
    pairs = (VTEPS, VTEPS, VTEPS6)
    found = [
        frame(*ip(17, udp(50000, port, octets), pairs[n % 3]), *((9,) if n % 4 == 3 else ()))
        for n, (port, octets) in enumerate(behind_udp)
    ]
    found += [frame(*ip(47, octets, pairs[n % 3])) for n, octets in enumerate(behind_gre)]
    found += [frame(*ip(6, piece, VTEPS)) for piece in stt(inner)]
    found += [frame(*ip(6, piece, VTEPS)) for piece in stt(inner, most=100)]
    return found


def seeds(seed: int) -> list[bytes]:
    """A few hundred well-formed packets, nested up to three tunnels."""
    draw = random.Random(seed)
    found = tenant_frames()
    once = [packet for inner in tenant_frames() for packet in tunnels(inner)]
    twice = [packet for inner in draw.sample(once, 12) for packet in tunnels(inner)]
    thrice = [packet for inner in draw.sample(twice, 6) for packet in tunnels(inner)]
    return found + once + twice + thrice


def mutate(draw: random.Random, packet: bytes) -> bytes:
    """The packet with some octets changed, preferably near the front; often cut, sometimes spliced or padded."""
    octets = bytearray(packet)
    for _ in range(draw.choice((0, 1, 1, 2, 4, 16))):
        reach = draw.choice((16, 50, 100, len(octets)))
        place = draw.randrange(max(1, min(reach, len(octets))))
        if place < len(octets):
            octets[place] = draw.choice((0, 1, 4, 0xFF, octets[place] ^ (1 << draw.randrange(8)), draw.randrange(256)))
    way = draw.randrange(8)
    if way == 0:
        del octets[draw.randrange(len(octets) + 1) :]
    elif way == 1 and octets:
        at = draw.randrange(len(octets))
        octets[at:at] = draw.randbytes(draw.randrange(9))
    elif way == 2:
        octets += draw.randbytes(draw.randrange(20))
    elif way == 3 and octets:
        del octets[draw.randrange(len(octets))]
    return bytes(octets)
