"""tshark, which is not ours, reads the same fields from the same frames, and finds the same checksums right."""

import shutil
import struct
import subprocess

import pytest

from support import frames
from support.tunnels import DST, SAMPLES, SRC, VECTORS, link, wrap
from weft.wire.dissect import dissect
from weft.wire.encap.geneve import Geneve, Option
from weft.wire.encap.stt import PARTIAL, VERIFIED, Stt
from weft.wire.encap.stt_frame import segments

FIELDS = {
    "eth.dst": ("ethernet", "dst"),
    "eth.src": ("ethernet", "src"),
    "vlan.id": ("vlan", "vid"),
    "vlan.priority": ("vlan", "pcp"),
    "arp.opcode": ("arp", "operation"),
    "arp.src.hw_mac": ("arp", "sender_mac"),
    "arp.dst.proto_ipv4": ("arp", "target_ip"),
    "mpls.label": ("mpls", "label"),
    "mpls.ttl": ("mpls", "ttl"),
    "ip.src": ("ipv4", "src"),
    "ip.dst": ("ipv4", "dst"),
    "ip.ttl": ("ipv4", "ttl"),
    "ip.proto": ("ipv4", "protocol"),
    "ip.id": ("ipv4", "id"),
    "ip.flags.df": ("ipv4", "df"),
    "ip.flags.mf": ("ipv4", "mf"),
    "ipv6.src": ("ipv6", "src"),
    "ipv6.dst": ("ipv6", "dst"),
    "ipv6.hlim": ("ipv6", "hop_limit"),
    "ipv6.flow": ("ipv6", "flow_label"),
    "ipv6.nxt": ("ipv6", "next_header"),
    "udp.srcport": ("udp", "sport"),
    "udp.dstport": ("udp", "dport"),
    "tcp.srcport": ("tcp", "sport"),
    "tcp.dstport": ("tcp", "dport"),
    "tcp.seq_raw": ("tcp", "seq"),
    "tcp.flags": ("tcp", "flags"),
    "icmp.type": ("icmp", "type"),
    "icmpv6.type": ("icmpv6", "type"),
    "igmp.type": ("igmp", "type"),
    "gre.proto": ("gre", "protocol"),
    "gre.key": ("gre", "key"),
    "gre.sequence_number": ("gre", "sequence"),
    "gre.flags.version": ("gre", "version"),
    "vxlan.vni": ("vxlan", "vni"),
    "geneve.vni": ("geneve", "vni"),
    "geneve.proto_type": ("geneve", "protocol"),
    "geneve.flags.oam": ("geneve", "oam"),
    "geneve.flags.critical": ("geneve", "critical"),
    "stt.context_id": ("stt", "context_id"),
    "stt.pkt_len": ("stt", "frame_length"),
    "stt.seg_off": ("stt", "offset"),
    "stt.pkt_id": ("stt", "id"),
    "stt.mss": ("stt", "mss"),
    "stt.l4offset": ("stt", "l4_offset"),
    "stt.flags": ("stt", "flags"),
}
CHECKSUMS = ("ip.checksum.status", "udp.checksum.status", "gre.checksum.status", "icmp.checksum.status")
BAD = "0"
SETTINGS = (
    *("-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE", "-o", "ip.try_heuristic_first:TRUE"),
    *("-o", "ip.defragment:FALSE", "-o", "ipv6.defragment:FALSE", "-o", "stt.reassemble:FALSE"),
    *("-d", "udp.port==8472,vxlan"),
)
MANY = tuple(Option(0x100 + number, number, bytes(4 * number)) for number in range(10))
MORE = {
    "geneve-many-options": wrap(Geneve(1, options=MANY)),
    "stt-flags": wrap(Stt(5001, VERIFIED | 4, 0, 0, 0, 7)),
    **{
        f"stt-segment-{number}": link(octets, 6)
        for number, octets in enumerate(
            segments(
                Stt(5001, PARTIAL | 12, 34, 1448), frames.udp4(frames.mac(1), frames.mac(2), bytes(2000)),
                src=SRC, dst=DST, sport=50000, id=9, max_octets=800,
            )
        )
    },
}  # fmt: skip
NOT_READ_BY_TSHARK = {
    "nested": "STT within other tunnels is not looked for",
    "stt-ipv6": "STT is looked for over IPv4 only",
    "pptp": "the key is shown as call id and length",
    "ovs-qinq": "the outer tag is another protocol",
}
FRAMES = {
    **SAMPLES,
    **{vector["name"]: bytes.fromhex(vector["hex"]) for vector in VECTORS},
    **MORE,
}


@pytest.fixture(scope="module")
def read_by_tshark(tmp_path_factory):
    """Name of each frame -> field -> the values that tshark sees, outermost first."""
    if not shutil.which("tshark"):
        pytest.skip("tshark is not installed")
    file = tmp_path_factory.mktemp("tshark") / "frames.pcap"
    records = (struct.pack("<IIII", 0, 0, len(data), len(data)) + data for data in FRAMES.values())
    file.write_bytes(struct.pack("<IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1) + b"".join(records))
    command = ["tshark", "-n", "-r", str(file), "-T", "fields", "-E", "occurrence=a", *SETTINGS]
    command += [part for field in (*FIELDS, *CHECKSUMS) for part in ("-e", field)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    rows = [line.split("\t") for line in done.stdout.rstrip("\n").split("\n")]
    values = [
        {field: text.split(",") if text else [] for field, text in zip((*FIELDS, *CHECKSUMS), row, strict=True)}
        for row in rows
    ]
    return dict(zip(FRAMES, values, strict=True))


def same(theirs, ours):
    """Whether a text of tshark's is a value of ours, whichever way it writes numbers."""
    if isinstance(ours, str):
        return theirs == ours
    return int(theirs, 0) == int(ours)


@pytest.mark.parametrize("name", [name for name in FRAMES if name not in NOT_READ_BY_TSHARK])
def test_the_same_fields_are_read(name, read_by_tshark):
    layers = dissect(FRAMES[name], gre_key_as="plain").layers
    for field, (kind, key) in FIELDS.items():
        ours = [layer[key] for layer in layers if layer["layer"] == kind and layer[key] is not None]
        theirs = read_by_tshark[name][field]
        assert len(theirs) == len(ours), (field, theirs, ours)
        assert all(map(same, theirs, ours)), (field, theirs, ours)


@pytest.mark.parametrize("name", FRAMES)
def test_no_checksum_is_wrong(name, read_by_tshark):
    assert all(BAD not in read_by_tshark[name][field] for field in CHECKSUMS)
