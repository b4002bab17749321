"""Puts captured packets into a tunnel, as a sender between two addresses would: checksums valid, entropy in place."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from weft.capture import links
from weft.capture.joining import ip_header
from weft.capture.pcap import record_headers
from weft.capture.reader import Block
from weft.forwarding import flowhash
from weft.values import Encap, Ip, Mac
from weft.wire import ethernet, udp
from weft.wire.checksum import checksum, pseudo_header_sum
from weft.wire.encap import geneve, stt, vxlan
from weft.wire.encap.geneve import Geneve
from weft.wire.encap.gre import Gre
from weft.wire.encap.nvgre import Nvgre
from weft.wire.encap.registry import GRE, UDP
from weft.wire.encap.stt import Stt
from weft.wire.encap.stt_frame import segments
from weft.wire.encap.vxlan_gbp import VxlanGbp
from weft.wire.ethernet import Ethernet
from weft.wire.vlan import Vlan

_HASHED_OCTETS = 78
"""`flow_hash` wants its headers whole: shorter frames are hashed as if zeros followed."""
_IP_OCTETS = {4: 20, 6: 40}


class Encapsulator:
    """Frames in, packets out; STT may make several of one, none larger than `link_mtu` octets of IP.

    `key`: VNI, VSID, GRE key or STT context id. Checksums of UDP are 0 over IPv4 (RFC 7348 section 5) and computed
    over IPv6. NVGRE carries no VLAN tag and STT has it in its header: there it is taken out of the frame.
    """

    def __init__(self, encap: Encap, key: int, src: Ip, dst: Ip, link_mtu: int = 1500) -> None:
        self._encap = encap
        self._key = key
        self._src, self._dst = src, dst
        self._room = link_mtu - _IP_OCTETS[src.version]
        self._ids = count(1)
        ethertype = ethernet.IPV4 if src.version == 4 else ethernet.IPV6
        self._ethernet = Ethernet(_mac(dst), _mac(src), ethertype).pack()

    def records(self, block: Block) -> Iterator[bytes]:
        """pcap records (`weft.capture.pcap.file_header`) of a block's packets. Links other than Ethernet and raw IP
        are left out. Raises Malformed: a frame is too long for STT."""
        for row, (link, time_ns) in enumerate(zip(block.link.tolist(), block.time_ns.tolist(), strict=True)):
            if link not in links.STARTS:
                continue
            missing = int(block.length[row] - block.captured[row])
            for packet in self.wrap(_framed(block.packet(row), link)):
                yield record_headers(time_ns, len(packet), len(packet) + missing).tobytes() + packet

    def wrap(self, frame: bytes) -> Iterator[bytes]:
        """The Ethernet packets that carry a frame."""
        flow = flowhash.flow_hash(frame.ljust(_HASHED_OCTETS, b"\0"))
        protocol, payloads = self._payloads(frame, flow)
        for payload in payloads:
            yield self._ethernet + ip_header(self._src, self._dst, protocol, len(payload)) + payload

    def _payloads(self, frame: bytes, flow: int) -> tuple[int, list[bytes]]:
        """(IP protocol, IP payloads)."""
        match self._encap:
            case Encap.VXLAN:
                return UDP, [self._udp(flow, vxlan.PORT, VxlanGbp(self._key).pack() + frame)]
            case Encap.GENEVE:
                return UDP, [self._udp(flow, geneve.PORT, Geneve(self._key).pack() + frame)]
            case Encap.GRE:
                return GRE, [Gre(ethernet.TRANSPARENT_BRIDGING, key=self._key).pack() + frame]
            case Encap.NVGRE:
                return GRE, [Nvgre(self._key, flow & 0xFF).pack() + _untagged(frame)[1]]
            case Encap.STT:
                return stt.PROTOCOL, self._stt(frame, flow)

    def _udp(self, flow: int, dport: int, payload: bytes) -> bytes:
        header = udp.Udp(flowhash.source_port(flow), dport, udp.LENGTH + len(payload))
        if self._src.version == 4:
            return header.pack() + payload
        datagram = header.pack() + payload
        total = checksum(datagram, pseudo_header_sum(self._src.octets, self._dst.octets, UDP, len(datagram)))
        return datagram[:6] + (total or 0xFFFF).to_bytes(2, "big") + payload

    def _stt(self, frame: bytes, flow: int) -> list[bytes]:
        tag, frame = _untagged(frame)
        header = Stt(self._key, vid=tag.vid if tag else None, pcp=tag.pcp if tag else 0)
        number = next(self._ids) & 0xFFFFFFFF
        sport = flowhash.source_port(flow)
        pieces = segments(header, frame, src=self._src, dst=self._dst, sport=sport, id=number, max_octets=self._room)
        return list(pieces)


def _mac(address: Ip) -> Mac:
    """A locally administered address for a VTEP, since captures of tunnels are judged by what is above."""
    return Mac(b"\x02\x00" + address.octets[-4:])


def _framed(packet: bytes, link: int) -> bytes:
    if link == links.ETHERNET:
        return packet
    ethertype = ethernet.IPV6 if packet[:1] and packet[0] >> 4 == 6 else ethernet.IPV4
    return bytes(12) + ethertype.to_bytes(2, "big") + packet


def _untagged(frame: bytes) -> tuple[Vlan | None, bytes]:
    """The 802.1Q tag of a frame, if it has one, and the frame without it."""
    if frame[12:14] != ethernet.VLAN.to_bytes(2, "big") or len(frame) < 18:
        return None, frame
    tag, _ = Vlan.parse(frame, 14)
    return tag, frame[:12] + frame[16:]
