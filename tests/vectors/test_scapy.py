"""scapy, which is not ours, builds the same octets, and reads the same fields."""

import pytest

from support.tunnels import DST, INNER, INNER_IP, SAMPLES, SRC, VECTORS, wrap
from weft.wire.dissect import dissect
from weft.wire.encap.geneve import Geneve, Option
from weft.wire.encap.gre import Gre
from weft.wire.encap.nvgre import Nvgre
from weft.wire.encap.pptp import Pptp
from weft.wire.encap.vxlan import Vxlan
from weft.wire.encap.vxlan_gbp import VxlanGbp
from weft.wire.encap.vxlan_gpe import VxlanGpe

scapy = pytest.importorskip("scapy.all", reason="scapy is not installed")
contrib = pytest.importorskip("scapy.contrib.geneve", reason="scapy is not installed")

UDP_TO = {Vxlan: 4789, VxlanGbp: 4789, VxlanGpe: 4790, Geneve: 6081}
OPTION = Option(0x0103, 0x21, bytes(range(8)))
KEYED, NUMBERED = {"key_present": 1, "key": 77}, {"seqnum_present": 1, "sequence_number": 5}
SAME = [
    (Vxlan(5001), lambda: scapy.VXLAN(vni=5001, flags=8)),
    (VxlanGbp(5001, 0x123), lambda: scapy.VXLAN(vni=5001, flags=0x88, gpid=0x123)),
    (VxlanGpe(5001), lambda: scapy.VXLAN(vni=5001, flags=0x0C, NextProtocol=3)),
    (Gre(0x6558), lambda: scapy.GRE(proto=0x6558)),
    (Gre(0x6558, 0, 77, 5), lambda: scapy.GRE(proto=0x6558, chksum_present=1, **KEYED, **NUMBERED)),
    (Gre(0x0800, key=77), lambda: scapy.GRE(proto=0x0800, **KEYED)),
    (Nvgre(5001, 0x42), lambda: scapy.GRE(proto=0x6558, key_present=1, key=0x138942)),
    (Geneve(5001), lambda: contrib.GENEVE(vni=5001, proto=0x6558)),
    (
        Geneve(5001, oam=True, options=(OPTION,)),
        lambda: contrib.GENEVE(
            vni=5001, proto=0x6558, oam=1, options=[contrib.GeneveOptions(classid=0x103, type=0x21, data=OPTION.data)]
        ),
    ),
    (
        Pptp(len(INNER), 0x4D2, 5, 2),
        lambda: scapy.GRE_PPTP(payload_len=len(INNER), call_id=0x4D2, acknum_present=1, ack_number=2, **NUMBERED),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("ours", "theirs"), SAME, ids=lambda value: getattr(value, "__class__", value).__name__)
def test_the_same_octets_are_built(ours, theirs):
    payload = INNER_IP if getattr(ours, "protocol", 0) == 0x0800 else INNER
    ip = scapy.IP(src=str(SRC), dst=str(DST), id=0, flags="DF")
    port = UDP_TO.get(type(ours))
    outer = ip / scapy.UDP(sport=50000, dport=port) if port else ip
    frame = scapy.Ether(dst="02:00:00:00:00:03", src="02:00:00:00:00:04") / outer / theirs() / scapy.Raw(payload)
    assert wrap(ours, payload).hex() == bytes(frame).hex()


READ = {
    "ethernet": ("Ether", {"dst": "dst", "src": "src", "ethertype": "type"}),
    "vlan": ("Dot1Q", {"vid": "vlan", "pcp": "prio"}),
    "ipv4": ("IP", {"src": "src", "dst": "dst", "ttl": "ttl", "tos": "tos", "protocol": "proto", "id": "id"}),
    "ipv6": ("IPv6", {"src": "src", "dst": "dst", "hop_limit": "hlim", "flow_label": "fl", "next_header": "nh"}),
    "udp": ("UDP", {"sport": "sport", "dport": "dport"}),
    "tcp": ("TCP", {"sport": "sport", "dport": "dport", "seq": "seq", "ack": "ack"}),
    "icmp": ("ICMP", {"type": "type", "code": "code"}),
    "arp": ("ARP", {"operation": "op", "sender_mac": "hwsrc", "sender_ip": "psrc", "target_ip": "pdst"}),
    "vxlan": ("VXLAN", {"vni": "vni"}),
    "geneve": ("GENEVE", {"vni": "vni", "protocol": "proto"}),
}
FRAMES = {name: data for name, data in SAMPLES.items() if "stt" not in name and name != "nested"}
FRAMES |= {vector["name"]: bytes.fromhex(vector["hex"]) for vector in VECTORS}


@pytest.mark.parametrize("name", [name for name in FRAMES if name != "vxlan-gpe"])
def test_the_same_fields_are_read(name):
    """Layer by layer as far as scapy goes; it does not know that GPE carries IP, nor NVGRE."""
    packet = scapy.Ether(FRAMES[name])
    seen = dict.fromkeys(READ, 0)
    for layer in dissect(FRAMES[name], gre_key_as="plain").layers:
        kind = str(layer["layer"])
        if kind not in READ:
            continue
        theirs, fields = READ[kind]
        seen[kind] += 1
        found = packet.getlayer(theirs, seen[kind], _subclass=True)
        if found is None:
            assert packet.lastlayer().name in ("Raw", "Padding"), (kind, packet.lastlayer().name)
            return
        assert {key: layer[key] for key in fields} == {key: getattr(found, field) for key, field in fields.items()}
    assert sum(seen.values()) >= 2
