"""Makes tests/vectors/packets.json: octets that real senders put on a wire, and what they had been told to send.

    sudo .venv/bin/python tools/capture_vectors.py [FILE]

Two namespaces joined by a cable: the sender's, with the kernel's own devices or Open vSwitch (userspace data path) in
it, and the other end, where every frame is read from a packet socket. What is expected of a packet comes from the
sender's configuration, never from weft's decoder. Needs root, iproute2, iputils-ping, ethtool, openvswitch-switch.
"""

from __future__ import annotations

import json
import os
import platform
import shlex
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from weft.host import netns

FILE = Path(__file__).parent.parent / "tests/vectors/packets.json"
NEAR, FAR = f"wvec-near-{os.getpid()}", f"wvec-far-{os.getpid()}"
LOCAL, REMOTE = "10.0.0.1", "10.0.0.2"
FAR_MAC = "02:00:00:00:00:02"
TENANTS = socket.inet_aton("203.0.113.1") + socket.inet_aton("203.0.113.2")
PATIENCE_S = 5.0
ALL_FRAMES = 3
SOL_PACKET, PACKET_AUXDATA, VLAN_VALID = 263, 8, 0x10

Layer = dict[str, object]
Wanted = Callable[[bytes], bool]
OUTER: Layer = {"layer": "ipv4", "src": LOCAL, "dst": REMOTE}
PING: Layer = {"layer": "icmp", "type": 8, "code": 0}


def run(command: str, check: bool = True) -> str:
    done = subprocess.run(shlex.split(command), capture_output=True, text=True, timeout=30, check=False)
    if check and done.returncode:
        raise SystemExit(f"{command}: {done.stderr or done.stdout}")
    return done.stdout


class Bench:
    """The cable, and what was seen on it."""

    def __init__(self) -> None:
        self.packets: list[dict[str, object]] = []
        self.sender = ""
        with netns.entered(FAR):
            self._wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL_FRAMES))
            self._wire.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
            self._wire.bind(("wire", 0))
            self._wire.settimeout(0.1)

    def see(self, name: str, told: Sequence[str], wanted: Wanted, layers: Sequence[Layer], count: int = 1) -> None:
        """Run the commands in the sender's namespace, the last of which sends, and keep `count` frames."""
        with netns.entered(NEAR):
            for command in told[:-1]:
                run(command)
            self._drain()
            sending = subprocess.Popen(shlex.split(told[-1]), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        frames = self._read(wanted, count)
        sending.kill()
        sending.wait()
        for number, frame in enumerate(frames):
            self.packets.append(
                {
                    "name": name if count == 1 else f"{name}-{number + 1}",
                    "sender": self.sender,
                    "told": list(told),
                    "expected": list(layers),
                    "hex": frame.hex(),
                }
            )
        print(f"{name}: {len(frames)} of {count}", file=sys.stderr)

    def _receive(self) -> bytes:
        """A frame with its outermost VLAN tag, which the kernel hands over apart (struct tpacket_auxdata)."""
        frame, extra, _, _ = self._wire.recvmsg(65536, socket.CMSG_SPACE(20))
        for _, _, data in extra:
            status, tag, kind = struct.unpack("=I12xHH", data[:20])
            if status & VLAN_VALID:
                frame = frame[:12] + struct.pack("!HH", kind, tag) + frame[12:]
        return frame

    def _drain(self) -> None:
        try:
            while self._wire.recv(65536):
                pass
        except TimeoutError:
            return

    def _read(self, wanted: Wanted, count: int) -> list[bytes]:
        frames: list[bytes] = []
        deadline = time.monotonic() + PATIENCE_S
        while len(frames) < count and time.monotonic() < deadline:
            try:
                frame = self._receive()
            except TimeoutError:
                continue
            if wanted(frame):
                frames.append(frame)
        return frames


def of_protocol(protocol: int, dport: int | None = None) -> Wanted:
    """IPv4 from LOCAL with this protocol, and destination port."""

    def wanted(frame: bytes) -> bool:
        if frame[12:14] != b"\x08\0" or frame[26:30] != socket.inet_aton(LOCAL) or frame[23] != protocol:
            return False
        return dport is None or int.from_bytes(frame[36:38], "big") == dport

    return wanted


def inside(octets: bytes) -> Wanted:
    return lambda frame: octets in frame


def both(one: Wanted, other: Wanted) -> Wanted:
    return lambda frame: one(frame) and other(frame)


def of_type(ethertype: int) -> Wanted:
    return lambda frame: frame[12:14] == ethertype.to_bytes(2, "big")


def of_icmpv6(*kinds: int) -> Wanted:
    """ICMPv6 of a type, behind a hop-by-hop header of 8 octets or none."""

    def wanted(frame: bytes) -> bool:
        at = 62 if frame[20] == 0 else 54
        return frame[12:14] == b"\x86\xdd" and frame[at] in kinds

    return wanted


@contextmanager
def cable() -> Iterator[None]:
    netns.create(NEAR)
    netns.create(FAR)
    try:
        run(f"ip -n {NEAR} link add wire type veth peer name wire netns {FAR}")
        run(f"ip -n {FAR} link set wire address {FAR_MAC} up arp off")
        run(f"ip -n {NEAR} link set lo up")
        yield
    finally:
        netns.delete(NEAR)
        netns.delete(FAR)


def kernel_plain(bench: Bench) -> None:
    """What any host sends."""
    bench.sender = f"Linux {platform.release()}"
    with netns.entered(NEAR):
        run("ethtool -K wire tx off")  # or checksums would be left to a network card that is not there
    up = "ip link set wire address 02:00:00:00:00:01 up"
    joins = [{"layer": "ipv6", "hop_limit": 1, "extensions": [0], "protocol": 58}, {"layer": "icmpv6", "type": 143}]
    bench.see("mld-report", [up], of_icmpv6(143), joins)
    arp: Layer = {"layer": "arp", "operation": 1, "sender_mac": "02:00:00:00:00:01", "sender_ip": LOCAL}
    arp |= {"target_mac": "00:00:00:00:00:00", "target_ip": REMOTE}
    bench.see("arp-request", [f"ip address add {LOCAL}/24 dev wire", f"ping -c1 {REMOTE}"], of_type(0x0806), [arp])
    run(f"ip -n {NEAR} neighbour replace {REMOTE} lladdr {FAR_MAC} dev wire")
    echo = f"ping -c1 -s 8 -Q 0x2e -t 17 {REMOTE}"
    bench.see("icmp-echo", [echo], of_protocol(1), [OUTER | {"ttl": 17, "tos": 0x2E, "protocol": 1}, PING])
    fragments = [OUTER | {"protocol": 1, "df": False}]
    bench.see("ipv4-fragment", [f"ping -c1 -s 2000 -M dont {REMOTE}"], of_protocol(1), fragments, count=2)
    record = [OUTER | {"protocol": 1}, PING]
    bench.see("ipv4-record-route", [f"ping -c1 -s 8 -R {REMOTE}"], of_protocol(1), record)
    report = [{"layer": "ipv4", "dst": "224.0.0.22", "ttl": 1}, {"layer": "igmp", "type": 0x22, "group": "239.1.1.1"}]
    bench.see("igmp-report", ["ip address add 239.1.1.1/32 dev wire autojoin"], of_protocol(2), report)
    solicit: Layer = {"layer": "icmpv6", "type": 135, "target": "fd00::2", "mac": "02:00:00:00:00:01"}
    told = ["ip address add fd00::1/64 dev wire nodad", "ping -c1 fd00::2"]
    bench.see("neighbour-solicitation", told, of_icmpv6(135), [{"layer": "ipv6", "hop_limit": 255}, solicit])
    run(f"ip -n {NEAR} neighbour replace fd00::2 lladdr {FAR_MAC} dev wire")
    echo6 = [
        {"layer": "ipv6", "src": "fd00::1", "dst": "fd00::2", "flow_label": 0x12345},
        {"layer": "icmpv6", "type": 128},
    ]
    bench.see("icmpv6-echo", ["ping -c1 -s 8 -F 0x12345 fd00::2"], of_icmpv6(128), echo6)
    fragment6: Layer = {"layer": "ipv6", "next_header": 44, "extensions": [44], "protocol": 58}
    wanted: Wanted = lambda frame: frame[12:14] == b"\x86\xdd" and frame[20] == 44  # noqa: E731
    bench.see("ipv6-fragment", ["ping -c1 -s 2000 -M dont fd00::2"], wanted, [fragment6], count=2)
    syn = [OUTER, {"layer": "tcp", "dport": 7777, "ack": 0, "flags": 2}]
    program = f"import socket; socket.create_connection(('{REMOTE}', 7777))"
    bench.see("tcp-syn", [f'python3 -c "{program}"'], of_protocol(6), syn)


def kernel_vxlan(bench: Bench) -> None:
    """VXLAN plain and over IPv6, with a group policy, and with IP directly inside (GPE)."""
    base = f"local {LOCAL} remote {REMOTE}"
    inner: list[Layer] = [{"layer": "ipv4", "src": "203.0.113.1", "dst": "203.0.113.2"}, PING]
    plain: Layer = {"layer": "vxlan", "vni": 5001, "flags": 8, "policy": None}
    udp: Layer = {"layer": "udp", "dport": 4789}
    told = [f"ip link add vx type vxlan id 5001 dstport 4789 {base}", *_tenant("vx"), "ping -c1 -s 8 203.0.113.2"]
    bench.see("vxlan", told, of_protocol(17, 4789), [OUTER, udp, plain, *inner])
    run(f"ip -n {NEAR} link del vx")
    told[0] = f"ip link add vx type vxlan id 16777215 dstport 8472 udpcsum {base}"
    old = plain | {"vni": 16777215}
    bench.see("vxlan-8472-checksum", told, of_protocol(17, 8472), [OUTER, udp | {"dport": 8472}, old, *inner])
    run(f"ip -n {NEAR} link del vx")
    told[0] = f"ip link add vx type vxlan id 5001 dstport 4789 gbp {base}"
    told[-1] = "ping -c1 -s 8 -m 291 203.0.113.2"
    bench.see("vxlan-gbp", told, of_protocol(17, 4789), [OUTER, udp, plain | {"flags": 0x88, "policy": 291}, *inner])
    run(f"ip -n {NEAR} link del vx")
    told[0] = "ip link add vx type vxlan id 5001 dstport 4789 local fd00::1 remote fd00::2"
    told[-1] = "ping -c1 -s 8 203.0.113.2"
    over6: Layer = {"layer": "ipv6", "src": "fd00::1", "dst": "fd00::2"}
    wanted: Wanted = lambda frame: frame[12:14] == b"\x86\xdd" and frame[20] == 17  # noqa: E731
    bench.see("vxlan-ipv6", told, wanted, [over6, udp, plain, *inner])
    run(f"ip -n {NEAR} link del vx")
    told = [
        "ip link add gp type vxlan dstport 4790 gpe external",
        "ip link set gp up",
        "ip address add 203.0.113.1/32 dev gp",
        f"ip route add 203.0.113.2/32 encap ip id 5001 src {LOCAL} dst {REMOTE} dev gp",
        "ping -c1 -s 8 203.0.113.2",
    ]
    gpe: Layer = {"layer": "vxlan", "vni": 5001, "flags": 0x0C, "protocol": 1}
    bench.see("vxlan-gpe", told, of_protocol(17, 4790), [OUTER, udp | {"dport": 4790}, gpe, *inner])
    run(f"ip -n {NEAR} link del gp")


def _tenant(device: str) -> list[str]:
    return [
        f"ip link set {device} address 02:00:00:00:01:01 up",
        f"ip address add 203.0.113.1/24 dev {device}",
        f"ip neighbour replace 203.0.113.2 lladdr 02:00:00:00:01:02 dev {device}",
    ]


@contextmanager
def open_vswitch(directory: Path) -> Iterator[str]:
    """Daemons of our own in the sender's namespace; yields the version."""
    os.environ |= {name: str(directory) for name in ("OVS_RUNDIR", "OVS_LOGDIR", "OVS_DBDIR")}
    database = f"unix:{directory}/db.sock"
    common = f"--no-chdir --detach -vconsole:off --log-file={directory}/log"
    run(f"ovsdb-tool create {directory}/conf.db /usr/share/openvswitch/vswitch.ovsschema")
    pids = []
    try:
        with netns.entered(NEAR):
            daemon = f"ovsdb-server {directory}/conf.db --remote=p{database} --unixctl={directory}/db.ctl"
            run(f"{daemon} --pidfile={directory}/db.pid {common}")
            pids.append(int((directory / "db.pid").read_text()))
            run(f"ovs-vsctl --db={database} --no-wait init")
            daemon = f"ovs-vswitchd {database} --unixctl={directory}/vs.ctl --disable-system"
            run(f"{daemon} --pidfile={directory}/vs.pid {common}")
            pids.append(int((directory / "vs.pid").read_text()))
        yield run("ovs-vswitchd --version").splitlines()[0]
    finally:
        for pid in reversed(pids):
            os.kill(pid, signal.SIGTERM)


def ovs_tunnels(bench: Bench, directory: Path) -> None:
    """GRE in all its forms, Geneve with options, VXLAN: one port each, one after another."""
    vsctl, control = f"ovs-vsctl --db=unix:{directory}/db.sock", f"{directory}/vs.ctl"
    with netns.entered(NEAR):
        run("ip address flush dev wire")
        run(f"{vsctl} add-br phy -- set bridge phy datapath_type=netdev -- add-port phy wire")
        run(f"{vsctl} add-br tun -- set bridge tun datapath_type=netdev")
        run(f"ip address add {LOCAL}/24 dev phy")
        run("ip link set phy up")
        netns.set_sysctls({"net/ipv6/conf/tun/disable_ipv6": "1"})  # its own chatter would take sequence numbers
        for command in _tenant("tun"):
            run(command)
        run(f"ovs-appctl -t {control} tnl/neigh/set phy {REMOTE} {FAR_MAC}")
    inner: list[Layer] = [{"layer": "ipv4", "src": "203.0.113.1", "dst": "203.0.113.2"}, PING]
    gre: Layer = {"layer": "gre", "version": 0, "protocol": 0x6558, "checksum": None, "key": None, "sequence": None}
    keyed = gre | {"key": 0x138942}
    nvgre: Layer = {"layer": "nvgre", "vsid": 0x1389, "flow_id": 0x42}
    geneve: Layer = {"layer": "geneve", "vni": 5001, "protocol": 0x6558, "critical": False, "oam": False, "options": []}
    option = {"class": 0x103, "type": 0x21, "data": "0011223344556677"}
    plain: Layer = {"layer": "vxlan", "vni": 5001, "flags": 8, "policy": None}
    set_option = "set_field:0x11223344556677->tun_metadata0,"
    table: list[tuple[str, str, str, Wanted, list[Layer]]] = [
        ("ovs-gre", "gre", "", of_protocol(47), [gre]),
        ("ovs-gre-key", "gre options:key=1280322", "", of_protocol(47), [keyed, nvgre]),
        ("ovs-gre-key-seq", "gre options:key=1280322 options:seq=true", "", of_protocol(47), [keyed | {"sequence": 0}]),
        ("ovs-gre-key-csum", "gre options:key=1280322 options:csum=true", "", of_protocol(47), [keyed]),
        ("ovs-vxlan", "vxlan options:key=5001", "", of_protocol(17, 4789), [plain]),
        ("ovs-vxlan-checksum", "vxlan options:key=5001 options:csum=true", "", of_protocol(17, 4789), [plain]),
        ("ovs-geneve", "geneve options:key=5001", "", of_protocol(17, 6081), [geneve]),
        (
            "ovs-geneve-option",
            "geneve options:key=5001",
            set_option,
            of_protocol(17, 6081),
            [geneve | {"options": [option]}],
        ),
    ]
    run(f"ovs-ofctl add-tlv-map unix:{directory}/tun.mgmt {{class=0x103,type=0x21,len=8}}->tun_metadata0")
    for name, kind, action, wanted, layers in table:
        port = f"{vsctl} --if-exists del-port tun peer -- add-port tun peer -- set interface peer"
        for layer in layers:
            if "checksum" in layer and "csum" in kind:
                del layer["checksum"]  # its value is not configured
        told = [
            f"{port} ofport_request=9 type={kind} options:remote_ip={REMOTE}",
            f"ovs-ofctl add-flow unix:{directory}/tun.mgmt icmp,in_port=LOCAL,actions={action}output:9",
            "ping -c9 -i0.3 -s 8 203.0.113.2",
        ]
        bench.see(name, told, both(wanted, inside(TENANTS)), [OUTER, *layers, *inner])
        bench.packets[-1]["told"] = [text.replace(str(directory), "RUNDIR") for text in told]


def ovs_tags(bench: Bench, directory: Path) -> None:
    """VLAN tags, one and two, and an MPLS label stack, pushed by flows."""
    with netns.entered(NEAR):
        run("ip address add 198.51.100.1/24 dev phy")
        run(f"ip neighbour replace 198.51.100.2 lladdr {FAR_MAC} dev phy")
    one = "push_vlan:0x8100,set_field:4103->vlan_vid,set_field:5->vlan_pcp"
    two = f"{one},push_vlan:0x88a8,set_field:4196->vlan_vid,set_field:0->vlan_pcp"
    mpls = "push_mpls:0x8847,set_field:1005->mpls_label,push_mpls:0x8847,set_field:1006->mpls_label"
    tags: list[Layer] = [{"layer": "vlan", "vid": 100, "pcp": 0}, {"layer": "vlan", "vid": 7, "pcp": 5}]
    labels: list[Layer] = [
        {"layer": "mpls", "label": 1006, "bottom": False},
        {"layer": "mpls", "label": 1005, "bottom": True},
    ]
    inner: list[Layer] = [{"layer": "ipv4", "src": "198.51.100.1", "dst": "198.51.100.2"}, PING]
    for name, action, ethertype, layers in (
        ("ovs-vlan", one, 0x8100, tags[1:]),
        ("ovs-qinq", two, 0x88A8, tags),
        ("ovs-mpls", mpls, 0x8847, labels),
    ):
        flow = f"icmp,nw_dst=198.51.100.2,actions={action},output:wire"
        told = [f"ovs-ofctl -OOpenFlow13 add-flow unix:{directory}/phy.mgmt {flow}", "ping -c1 -s 8 198.51.100.2"]
        bench.see(name, told, of_type(ethertype), [*layers, *inner])
        bench.packets[-1]["told"] = [text.replace(str(directory), "RUNDIR") for text in told]


def main() -> None:
    missing = [name for name in ("ip", "ping", "ethtool", "ovs-vswitchd", "ovsdb-server") if not shutil.which(name)]
    if missing or os.geteuid() != 0:
        raise SystemExit(f"needs root, and these programs: {', '.join(missing) or 'all there'}")
    with cable(), tempfile.TemporaryDirectory(prefix="wvec-") as name:
        bench = Bench()
        for part in (kernel_plain, kernel_vxlan):
            part(bench)
        with open_vswitch(Path(name)) as version:
            bench.sender = version
            ovs_tunnels(bench, Path(name))
            ovs_tags(bench, Path(name))
    document = {"about": "Made by tools/capture_vectors.py: frames of real senders.", "packets": bench.packets}
    file = Path(sys.argv[1]) if len(sys.argv) > 1 else FILE
    file.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
