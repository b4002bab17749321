"""What people see of a packet, right or broken."""

import pytest

from support import frames, tunnels
from support.tunnels import INNER, SAMPLES, link, wrap
from weft.values import InvalidValue, Ip
from weft.wire.dissect import MAX_LAYERS, dissect
from weft.wire.encap.geneve import Geneve
from weft.wire.encap.gre import Gre
from weft.wire.encap.nvgre import Nvgre
from weft.wire.encap.stt import Stt, SttSegment
from weft.wire.encap.vxlan import Vxlan
from weft.wire.encap.vxlan_gpe import VxlanGpe
from weft.wire.icmp import Icmp
from weft.wire.icmpv6 import Icmpv6
from weft.wire.igmp import V2_REPORT, Igmp
from weft.wire.ipv4 import Ipv4
from weft.wire.ipv6_extensions import Fragment
from weft.wire.mpls import Mpls
from weft.wire.nd import ADVERTISEMENT, TARGET_LINK_ADDRESS, Neighbor
from weft.wire.tcp import SYN, Tcp

TAIL = ["ethernet", "ipv4", "udp"]


def names(dissection):
    return [layer["layer"] for layer in dissection.layers]


def layer(name, data, **options):
    return next(layer for layer in dissect(data, **options).layers if layer["layer"] == name)


@pytest.mark.parametrize("name", SAMPLES)
def test_a_right_packet_has_no_error_even_if_every_sum_is_checked(name):
    assert dissect(SAMPLES[name], verify=True).error is None


def test_layers_have_the_keys_that_scripts_rely_on():
    ethernet, ipv4, udp, vxlan, *inner = dissect(SAMPLES["vxlan"]).layers
    assert ethernet == {
        "layer": "ethernet", "dst": "02:00:00:00:00:03", "src": "02:00:00:00:00:04", "ethertype": 0x0800,
    }  # fmt: skip
    assert ipv4 == {
        "layer": "ipv4", "src": "192.0.2.1", "dst": "192.0.2.2", "ttl": 64, "tos": 0, "protocol": 17, "id": 0,
        "df": True, "mf": False, "fragment_offset": 0,
    }  # fmt: skip
    assert udp == {"layer": "udp", "sport": 50000, "dport": 4789}
    assert {key: vxlan[key] for key in ("vni", "flags", "policy")} == {"vni": 5001, "flags": 8, "policy": None}
    assert [one["layer"] for one in inner] == TAIL


def test_ipv6_and_tags():
    _, vlan, ipv6, *_ = dissect(SAMPLES["vxlan-ipv6-tagged"]).layers
    assert {key: vlan[key] for key in ("vid", "pcp")} == {"vid": 7, "pcp": 3}
    wanted = {"src": "2001:db8::1", "hop_limit": 64, "traffic_class": 0, "flow_label": 0xABCDE, "next_header": 17}
    assert {key: ipv6[key] for key in wanted} == wanted


def test_gre_and_geneve_and_stt():
    assert (
        layer("gre", SAMPLES["gre-all"]).items() >= {"version": 0, "protocol": 0x0800, "key": 77, "sequence": 5}.items()
    )
    assert isinstance(layer("gre", SAMPLES["gre-all"])["checksum"], int)
    geneve = layer("geneve", SAMPLES["geneve-options"])
    assert geneve["critical"] is True
    assert geneve["options"][0] == {"class": 0x103, "type": 0x21, "data": "0001020304050607"}
    assert layer("geneve", SAMPLES["geneve-ip-oam"])["oam"] is True
    stt = layer("stt", SAMPLES["stt"])
    wanted = {"context_id": 5001, "offset": 0, "id": 7, "mss": 0, "l4_offset": 0, "vlan": 100, "pcp": 5, "flags": 1}
    assert stt.items() >= (wanted | {"frame_length": 18 + len(INNER)}).items()


def test_the_group_policy_and_the_protocol_of_gpe():
    gbp = layer("vxlan", SAMPLES["vxlan-gbp"])
    assert (gbp["flags"], gbp["policy"], gbp["dont_learn"], gbp["applied"]) == (0x88, 0x123, True, True)
    assert layer("vxlan", SAMPLES["vxlan-gpe-ip"])["protocol"] == 1
    assert names(dissect(SAMPLES["vxlan-gpe-ip"]))[-3:] == ["vxlan", "ipv4", "udp"]


def test_pptp_is_recognised():
    pptp = layer("gre", SAMPLES["pptp"])
    assert pptp.items() >= {"version": 1, "protocol": 0x880B, "call_id": 0x4D2, "acknowledgement": 2}.items()


@pytest.mark.parametrize(("reading", "seen"), [("both", ["gre", "nvgre"]), ("nvgre", ["nvgre"]), ("plain", ["gre"])])
def test_keyed_gre_with_a_frame_has_two_readings(reading, seen):
    dissection = dissect(wrap(Nvgre(5001, 0x42)), gre_key_as=reading)
    assert names(dissection) == ["ethernet", "ipv4", *seen, *TAIL]
    for one in dissection.layers:
        assert one.get("key", 0x138942) == 0x138942
        assert (one.get("vsid", 5001), one.get("flow_id", 0x42)) == (5001, 0x42)


@pytest.mark.parametrize("header", [Gre(0x6558), Gre(0x6558, key=1, sequence=1), Gre(0x6558, 0, 1), Gre(0x0800, key=1)])
def test_other_gre_has_one_reading(header):
    payload = tunnels.INNER_IP if header.protocol == 0x0800 else INNER
    assert "nvgre" not in names(dissect(wrap(header, payload)))


def test_tunnels_in_tunnels_are_opened():
    assert [name for name in names(dissect(SAMPLES["nested"])) if name not in TAIL] == [
        "vxlan", "geneve", "gre", "nvgre", "stt", "gre",
    ]  # fmt: skip


@pytest.mark.parametrize("depth", [0, 1, 8, 9])
def test_tunnels_are_opened_to_a_depth(depth):
    packet = INNER
    for vni in range(9):
        packet = wrap(Vxlan(9 - vni), packet)
    dissection = dissect(packet, depth=depth)
    assert [one["vni"] for one in dissection.layers if one["layer"] == "vxlan"] == list(range(1, min(depth, 8) + 2))
    assert dissection.error == (None if depth == 9 else f"tunnels are nested deeper than {depth}")


def test_ip_in_ip_is_a_tunnel_too():
    packet = link(link(tunnels.INNER_IP, 4)[14:], 4)
    assert names(dissect(packet)) == ["ethernet", "ipv4", "ipv4", "ipv4", "udp"]
    assert dissect(packet, depth=1).error == "tunnels are nested deeper than 1"


def test_layers_without_end_end():
    dissection = dissect(INNER[:12] + bytes.fromhex("81000001") * 20000)
    assert len(dissection.layers) == MAX_LAYERS
    assert dissection.error == f"more than {MAX_LAYERS} layers"


def test_any_port_can_be_a_tunnel():
    packet = link(tunnels.datagram(tunnels.SRC, tunnels.DST, 14789, Vxlan(5001).pack() + INNER), 17)
    assert names(dissect(packet)) == TAIL
    assert layer("vxlan", packet, ports={14789: "vxlan"})["vni"] == 5001
    assert "vxlan" not in names(dissect(SAMPLES["vxlan"], ports={}))
    assert names(dissect(SAMPLES["vxlan"], ports={4789: "stt"})) == TAIL


def test_a_packet_can_begin_anywhere():
    ip = SAMPLES["geneve"][14:]
    assert names(dissect(ip, start="ipv4")) == names(dissect(ip, start="ip")) == names(dissect(SAMPLES["geneve"]))[1:]
    assert names(dissect(SAMPLES["stt-ipv6"][14:], start="ip"))[:2] == ["ipv6", "stt"]
    assert dissect(b"", start="ip").error == "there are no octets"
    assert dissect(b"\x75", start="ip").error == "IP version 7 is neither 4 nor 6"
    with pytest.raises(InvalidValue, match="ethernet"):
        dissect(b"", start="token-ring")
    with pytest.raises(InvalidValue, match="plain"):
        dissect(b"", gre_key_as="guess")


def test_a_broken_header_is_shown_and_named():
    packet = bytearray(SAMPLES["vxlan"])
    packet[42] = 0
    dissection = dissect(bytes(packet))
    assert names(dissection) == [*TAIL, "vxlan", *TAIL]
    assert dissection.error == "the VXLAN I flag is clear, so the VNI is not valid"


@pytest.mark.parametrize("name", SAMPLES)
def test_every_octet_less_is_told_and_takes_no_layer_that_is_still_there(name):
    whole = dissect(SAMPLES[name])
    seen = 0
    for length in range(len(SAMPLES[name])):
        part = dissect(SAMPLES[name][:length])
        assert part.error is not None
        assert dissect(SAMPLES[name][:length], cut=True).error is None
        assert names(part) == names(whole)[: len(part.layers)]
        assert len(part.layers) >= seen
        seen = len(part.layers)


@pytest.mark.parametrize(
    ("packet", "at", "why"),
    [
        ("vxlan", 14 + 10, "IPv4 header checksum is wrong"),
        ("gretap-checksum-key", 90, "GRE checksum is wrong"),
        ("geneve", 34 + 4, "a UDP datagram needs"),
        ("vxlan-gpe-ip", 45, "VXLAN-GPE next protocol 255 is unknown"),
        ("geneve", 42, "Geneve version 3 is not 0"),
        ("gre-ip", 34, "GRE bits 0x4c00 (RFC 1701) cannot be read here"),
        ("stt", 34 + 20, "STT version 254 is not 0"),
        ("stt-ipv6", 18, "an IPv6 packet needs"),
    ],
)
def test_the_first_problem_is_told_in_plain_words(packet, at, why):
    octets = bytearray(SAMPLES[packet])
    octets[at] ^= 0xFE
    assert dissect(bytes(octets)).error.startswith(why)


@pytest.mark.parametrize("name", ["vxlan", "geneve", "stt"])
def test_sums_are_checked_if_asked_for(name):
    octets = bytearray(SAMPLES[name])
    octets[-1] ^= 1
    assert dissect(bytes(octets)).error is None
    assert dissect(bytes(octets), verify=True).error.endswith("checksum is wrong")
    assert layer("stt" if name == "stt" else "udp", bytes(octets), verify=True)["checksum_ok"] is False
    assert "checksum_ok" not in layer("stt" if name == "stt" else "udp", bytes(octets))


def test_a_sum_of_octets_that_are_missing_says_nothing():
    assert layer("udp", SAMPLES["vxlan"][:-1], verify=True)["checksum_ok"] is None
    first = link(bytes(8), 17)
    fragment = (
        Ipv4(src=tunnels.SRC, dst=tunnels.DST, protocol=1, total_length=28, mf=True).pack() + b"\x08\0\0\0\0\0\0\0"
    )
    assert dissect(fragment, start="ipv4").error is None
    assert layer("udp", first, verify=True)["checksum_ok"] is None


def test_padding_of_the_link_is_no_part_of_the_packet():
    padded = SAMPLES["gretap-checksum-key"] + bytes(30)
    assert dissect(padded, verify=True) == dissect(SAMPLES["gretap-checksum-key"], verify=True)


def test_a_length_of_zero_is_what_segmentation_offload_leaves():
    packet = bytearray(INNER)
    packet[16:18] = bytes(2)
    ip = Ipv4(src=tunnels.SRC, dst=tunnels.DST, protocol=17, total_length=0).pack()
    assert dissect(bytes(packet[:14]) + ip + INNER[34:]).error is None


def test_a_length_shorter_than_the_header_is_told():
    ip = Ipv4(src=tunnels.SRC, dst=tunnels.DST, protocol=17, total_length=19).pack()
    assert "its header alone has 20" in dissect(ip, start="ipv4").error
    assert "its header alone has 8" in dissect(link(bytes.fromhex("0001000200070000"), 17)).error


def test_a_later_fragment_ends_at_its_ip_layer():
    later = Ipv4(src=tunnels.SRC, dst=tunnels.DST, protocol=17, total_length=36, fragment_offset=8).pack() + bytes(16)
    assert names(dissect(later, start="ipv4")) == ["ipv4"]
    fragment = Fragment(17, 0xCAFE, 1480, False).pack() + bytes(16)
    dissection = dissect(link(fragment, 44, 6))
    assert names(dissection) == ["ethernet", "ipv6"]
    wanted = {"next_header": 44, "protocol": 17, "extensions": [44], "id": 0xCAFE, "mf": False, "fragment_offset": 1480}
    assert dissection.layers[1].items() >= wanted.items()
    assert dissection.error is None


def test_the_first_fragment_is_shown_as_far_as_it_goes():
    body = SAMPLES["vxlan"][34:90]
    first = Ipv4(src=tunnels.SRC, dst=tunnels.DST, protocol=17, total_length=20 + len(body), mf=True).pack() + body
    dissection = dissect(first, start="ipv4", verify=True)
    assert names(dissection) == ["ipv4", "udp", "vxlan", "ethernet", "ipv4"]
    assert dissection.error is None


def test_segments_of_stt():
    body = Stt(5001).pack() + INNER
    for offset, seen in ((0, ["stt", "ethernet", "ipv4"]), (56, ["stt"])):
        piece = body[offset : offset + 56]
        segment = SttSegment(50000, len(body), offset, 7).pack(tunnels.SRC.octets, tunnels.DST.octets, piece)
        dissection = dissect(link(segment + piece, 6), verify=True)
        assert names(dissection)[2:] == seen
        assert dissection.error is None
        assert dissection.layers[2]["offset"] == offset
        assert dissection.layers[2]["context_id"] == (None if offset else 5001)


def test_tcp_to_the_port_of_stt_that_opens_a_connection_is_tcp():
    syn = link(Tcp(40000, 7471, 1, 0, SYN).pack(), 6)
    assert dissect(syn).layers[-1] == {"layer": "tcp", "sport": 40000, "dport": 7471, "seq": 1, "ack": 0, "flags": 2}


def test_arp():
    wanted = {"operation": 1, "sender_mac": "02:00:00:00:00:01", "sender_ip": "10.0.0.1", "target_ip": "10.0.0.2"}
    packet = frames.arp_request(frames.mac(1))
    assert layer("arp", packet).items() >= wanted.items()
    assert dissect(packet[:14] + b"\0\6" + packet[16:]).error == "the ARP packet is not one for IPv4 over Ethernet"


def test_neighbour_discovery_tells_who_has_what():
    src, dst = tunnels.SRC6, tunnels.DST6
    body = Neighbor(dst, options=((TARGET_LINK_ADDRESS, frames.mac(9).octets),)).pack()
    packet = link(Icmpv6(ADVERTISEMENT, 0).pack(src, dst, body) + body, 58, 6)
    advert = dissect(packet, verify=True)
    wanted = {"type": 136, "code": 0, "target": "2001:db8::2", "mac": "02:00:00:00:00:09", "checksum_ok": True}
    assert advert.layers[-1].items() >= wanted.items()
    assert advert.error is None


def test_icmp_and_igmp_and_mpls():
    assert layer("icmp", link(Icmp(3, 4, 1400).pack(), 1)) == {"layer": "icmp", "type": 3, "code": 4}
    report = Igmp(V2_REPORT, group=Ip.parse("239.1.1.1")).pack()
    assert layer("igmp", link(report, 2)) == {"layer": "igmp", "type": 0x16, "group": "239.1.1.1"}
    stack = Mpls(16, bottom=False).pack() + Mpls(17).pack()
    dissection = dissect(frames.eth(frames.mac(1), frames.mac(2), 0x8847, stack + tunnels.INNER_IP))
    assert names(dissection) == ["ethernet", "mpls", "mpls", "ipv4", "udp"]
    assert names(dissect(stack + b"\x00", start="mpls")) == ["mpls", "mpls"]


@pytest.mark.parametrize("header", [Geneve(1, 0x1234), VxlanGpe(1, 4), Gre(0x88BE)])
def test_a_payload_that_nobody_can_read_ends_the_layers(header):
    assert dissect(wrap(header)).error is None
    assert len(dissect(wrap(header)).layers) in (3, 4)
