"""Writes a capture of mixed nested tunnels: `python -m bench.packets_capture FILE [PACKETS] [SEED]`.

The same seed gives the same file. 20 000 different packets are drawn and then sent in random order, 1 to 4 µs apart:
one in ten without a tunnel, the others in one to three of VXLAN, Geneve, NVGRE, GRE and STT, over IPv4 and IPv6,
some with VLAN tags; about 490 octets each. A million packets make a file of about 500 MB.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

import numpy as np

from weft.capture.pcap import RECORD, file_header
from weft.values import Ip, Mac
from weft.wire import ethernet
from weft.wire.checksum import checksum, pseudo_header_sum
from weft.wire.encap.geneve import Geneve, Option
from weft.wire.encap.gre import Gre
from weft.wire.encap.nvgre import Nvgre
from weft.wire.encap.stt import Stt
from weft.wire.encap.stt_frame import segments
from weft.wire.encap.vxlan_gbp import VxlanGbp
from weft.wire.ethernet import Ethernet
from weft.wire.ipv4 import Ipv4
from weft.wire.ipv6 import Ipv6
from weft.wire.tcp import Tcp
from weft.wire.udp import Udp
from weft.wire.vlan import Vlan

DIFFERENT = 20_000
_START_NS = 1_700_000_000_000_000_000
_NESTING = (0, 1, 1, 1, 1, 1, 1, 2, 2, 3)
_PAYLOADS = (0, 0, 0, 18, 64, 100, 200, 512, 512, 900, 1300)
_CHUNK = 65_536


class Mix:
    """Draws packets."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def packet(self) -> bytes:
        frame = self._tenant_frame()
        for _ in range(self.random.choice(_NESTING)):
            frame = self._wrap(frame)
        return frame

    def _mac(self, first: int) -> Mac:
        return Mac(bytes((first, 0)) + self.random.randrange(5000).to_bytes(4, "big"))

    def _addresses(self, version: int, network: int) -> tuple[Ip, Ip]:
        hosts = self.random.sample(range(1, 250), 2)
        if version == 4:
            return Ip(bytes((10, network, 0, hosts[0]))), Ip(bytes((10, network, 0, hosts[1])))
        start = bytes.fromhex("20010db8") + bytes((0, network)) + bytes(9)
        return Ip(start + bytes(hosts[:1])), Ip(start + bytes(hosts[1:]))

    def _ip(self, protocol: int, src: Ip, dst: Ip, payload: bytes) -> tuple[int, bytes]:
        """(EtherType, packet)."""
        if src.version == 4:
            header = Ipv4(src=src, dst=dst, protocol=protocol, total_length=20 + len(payload), df=True)
            return ethernet.IPV4, header.pack() + payload
        return ethernet.IPV6, Ipv6(src=src, dst=dst, next_header=protocol, payload_length=len(payload)).pack() + payload

    def _frame(self, ethertype: int, packet: bytes, first: int, tag: bool) -> bytes:
        if tag:
            packet = Vlan(self.random.randrange(1, 4094), ethertype).pack() + packet
            ethertype = ethernet.VLAN
        return Ethernet(self._mac(first), self._mac(first), ethertype).pack() + packet

    def _tenant_frame(self) -> bytes:
        draw = self.random
        src, dst = self._addresses(draw.choice((4, 4, 4, 4, 6)), draw.randrange(100, 120))
        payload = draw.randbytes(draw.choice(_PAYLOADS))
        sport, dport = draw.randrange(32768, 60999), draw.randrange(20_000, 20_400)
        if draw.random() < 0.7:
            protocol, header = 6, Tcp(sport, dport, draw.getrandbits(32), draw.getrandbits(32), 0x10, 0xFFFF).pack()
        else:
            protocol, header = 17, Udp(sport, dport, 8 + len(payload)).pack()
        packet = header + payload
        total = checksum(packet, pseudo_header_sum(src.octets, dst.octets, protocol, len(packet)))
        at = 16 if protocol == 6 else 6
        packet = packet[:at] + (total or 0xFFFF).to_bytes(2, "big") + packet[at + 2 :]
        return self._frame(*self._ip(protocol, src, dst, packet), 0xFA, False)

    def _wrap(self, frame: bytes) -> bytes:
        draw = self.random
        src, dst = self._addresses(draw.choice((4, 4, 4, 4, 4, 4, 4, 4, 4, 6)), draw.randrange(5))
        vni, flow = draw.randrange(5000, 5200), draw.randrange(49152, 65536)
        kind = draw.choices(("vxlan", "geneve", "nvgre", "gre", "gretap", "stt"), (40, 20, 15, 10, 5, 10))[0]
        protocol = 47
        if kind == "vxlan":
            protocol, packet = 17, self._udp(flow, 4789, VxlanGbp(vni).pack() + frame)
        elif kind == "geneve":
            options = (Option(0x0102, 0x21, draw.randbytes(4)),) if draw.random() < 0.3 else ()
            protocol, packet = 17, self._udp(flow, 6081, Geneve(vni, options=options).pack() + frame)
        elif kind == "nvgre":
            packet = Nvgre(vni, flow & 0xFF).pack() + frame
        elif kind == "gre" and frame[12:14] in (b"\x08\x00", b"\x86\xdd"):
            packet = Gre(int.from_bytes(frame[12:14], "big"), key=vni).pack() + frame[14:]
        elif kind == "stt":
            stt = segments(Stt(vni), frame, src=src, dst=dst, sport=flow, id=draw.getrandbits(32), max_octets=65535)
            protocol, packet = 6, next(stt)
        else:
            packet = Gre(ethernet.TRANSPARENT_BRIDGING).pack() + frame
        return self._frame(*self._ip(protocol, src, dst, packet), 0x02, draw.random() < 0.1)

    @staticmethod
    def _udp(sport: int, dport: int, payload: bytes) -> bytes:
        return Udp(sport, dport, 8 + len(payload)).pack() + payload


def write(path: Path, packets: int, seed: int = 1) -> None:
    """Write the capture: pcap, little-endian, nanoseconds."""
    mix = Mix(seed)
    pool = [mix.packet() for _ in range(min(DIFFERENT, packets))]
    order = np.random.default_rng(seed)
    lengths = np.array([len(packet) for packet in pool], np.uint32)
    now = _START_NS
    with path.open("wb") as file:
        file.write(file_header())
        for begin in range(0, packets, _CHUNK):
            chosen = order.integers(0, len(pool), min(_CHUNK, packets - begin))
            times = now + np.cumsum(order.integers(1000, 4000, len(chosen)))
            now = int(times[-1])
            records = np.empty(len(chosen), RECORD)
            records["seconds"], records["nanoseconds"] = times // 10**9, times % 10**9
            records["captured"] = records["length"] = lengths[chosen]
            headers = records.tobytes()
            for row, packet in enumerate(chosen.tolist()):
                file.write(headers[16 * row : 16 * row + 16] + pool[packet])


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000, *map(int, sys.argv[3:4]))
