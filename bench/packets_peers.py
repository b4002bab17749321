"""The same work by others: for every packet, of every nesting level, addresses, protocol, ports, encapsulation, key.

A level is (source, destination, protocol, source port, destination port, encapsulation, key); addresses are octets,
what is absent is None. GRE keys are read as one number of 32 bits, for the peers know no NVGRE.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

Level = tuple[bytes | None, bytes | None, int | None, int | None, int | None, str | None, int | None]
VXLAN, GENEVE, STT = 4789, 6081, 7471


def by_dpkt(path: Path) -> Iterator[list[Level]]:
    import dpkt

    ethernet, ip, ip6, udp, tcp, gre = (
        dpkt.ethernet.Ethernet,
        dpkt.ip.IP,
        dpkt.ip6.IP6,
        dpkt.udp.UDP,
        dpkt.tcp.TCP,
        dpkt.gre.GRE,
    )

    def level(packet: object) -> tuple[Level, object]:
        """(the level, the packet inside or None)."""
        network = packet.data if isinstance(packet, ethernet) else packet
        if not isinstance(network, ip | ip6):
            return (None,) * 7, None
        transport = network.data
        sport = dport = kind = key = inner = None
        if isinstance(transport, udp):
            sport, dport, data = transport.sport, transport.dport, transport.data
            if dport == VXLAN:
                kind, key, inner = "vxlan", int.from_bytes(data[4:7], "big"), ethernet(data[8:])
            elif dport == GENEVE:
                kind, key = "geneve", int.from_bytes(data[4:7], "big")
                inner = ethernet(data[8 + (data[0] & 0x3F) * 4 :])
        elif isinstance(transport, tcp):
            sport, dport = transport.sport, transport.dport
            if dport == STT:
                kind, key = "stt", int.from_bytes(transport.data[8:16], "big")
                inner = ethernet(transport.data[18:])
        elif isinstance(transport, gre):
            kind = "gre"
            key = transport.key if transport.flags & 0x2000 else None
            data = transport.data
            inner = ethernet(bytes(data)) if transport.p == 0x6558 and not isinstance(data, ethernet) else data
        return (network.src, network.dst, transport_number(network), sport, dport, kind, key), inner

    def transport_number(network: object) -> int:
        return network.p if isinstance(network, ip) else network.nxt

    with path.open("rb") as file:
        for _, octets in dpkt.pcap.Reader(file):
            found: list[Level] = []
            inner: object = ethernet(octets)
            while inner is not None:
                one, inner = level(inner)
                found.append(one)
            yield found


def by_scapy(path: Path) -> Iterator[list[Level]]:
    """scapy has no STT: its context id and its frame are taken from the TCP payload by hand, as with dpkt."""
    from scapy.contrib.geneve import GENEVE as Geneve  # noqa: N811
    from scapy.layers.inet import IP, TCP, UDP
    from scapy.layers.inet6 import IPv6
    from scapy.layers.l2 import GRE, Ether
    from scapy.layers.vxlan import VXLAN as Vxlan  # noqa: N811
    from scapy.utils import PcapReader, inet_aton

    def addresses(layer: object) -> tuple[bytes, bytes]:
        import socket

        family = socket.AF_INET if isinstance(layer, IP) else socket.AF_INET6
        convert = inet_aton if family == socket.AF_INET else lambda text: socket.inet_pton(family, text)
        return convert(layer.src), convert(layer.dst)

    with PcapReader(str(path)) as reader:
        for packet in reader:
            found: list[Level] = []
            current: list[object] = [None] * 7
            layer = packet
            while layer:
                if isinstance(layer, IP | IPv6):
                    current[:3] = *addresses(layer), layer.proto if isinstance(layer, IP) else layer.nh
                elif isinstance(layer, UDP | TCP):
                    current[3:5] = layer.sport, layer.dport
                elif isinstance(layer, Vxlan | Geneve):
                    current[5:] = "vxlan" if isinstance(layer, Vxlan) else "geneve", layer.vni
                elif isinstance(layer, GRE):
                    current[5:] = "gre", layer.key if layer.key_present else None
                if current[5]:
                    found.append(tuple(current))
                    current = [None] * 7
                if isinstance(layer, TCP) and layer.dport == STT:
                    octets = bytes(layer.payload)
                    current[5:] = "stt", struct.unpack_from("!Q", octets, 8)[0]
                    found.append(tuple(current))
                    current = [None] * 7
                    layer = Ether(octets[18:])
                    continue
                layer = layer.payload
            found.append(tuple(current))
            yield found
