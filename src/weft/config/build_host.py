"""Model of a host file -> HostConfig, with every default worked out and every check across its objects."""

from __future__ import annotations

from weft.config.models import BgpModel, HostModel, NeighborModel, NetworkModel, RemoteModel, VtepModel
from weft.config.report import Report
from weft.config.tree import (
    AgentSettings,
    Bgp,
    Control,
    HostConfig,
    Neighbor,
    Network,
    PinnedHost,
    PortConfig,
    Remote,
    Tenant,
    Underlay,
    Vtep,
)
from weft.config.yaml12 import Path
from weft.values import Asn, Encap, InvalidValue, Ip, Mac, RouteTarget, Vni

OVERHEAD_OCTETS = 50
"""Outer IPv4 20, UDP 8, VXLAN 8 and inner Ethernet header 14: what VXLAN takes from the underlay's IP MTU."""

OWN_NAME = "give each network a name of its own"
OWN_VNI = "give each network a VNI of its own"
_LEAVE_OUT = "leave it out"


def build_host(model: HostModel, report: Report) -> HostConfig:
    """The tree of a host file. What does not go together is added to the report."""
    if model.vtep is None and model.bgp is None and not model.tenants:
        report.absent((), "neither vtep, bgp nor tenants: there is nothing to do", "add tenants with networks")
    bgp = _bgp(model, model.bgp, report) if model.bgp else None
    vtep = _vtep(model, report)
    tenants = _tenants(model, vtep, bgp, report) if vtep else ()
    return HostConfig(
        name=model.name,
        underlay=Underlay(
            interfaces=tuple(model.underlay.interfaces),
            addresses=tuple(model.underlay.address),
            mtu=model.underlay.mtu,
            allowed_sources=tuple(prefix.network for prefix in model.underlay.allowed_sources),
        ),
        vtep=vtep,
        bgp=bgp,
        tenants=tenants,
        agent=AgentSettings(
            socket=model.agent.socket,
            state_dir=model.agent.state_dir,
            keep_on_exit=model.agent.on_exit == "keep",
        ),
    )


def _vtep(model: HostModel, report: Report) -> Vtep | None:
    """None for a route reflector."""
    if model.vtep is None and not model.tenants:
        return None
    stated = model.vtep or VtepModel()
    control = Control(stated.control or (Control.EVPN if model.bgp else Control.STATIC))
    if control is Control.EVPN and not model.bgp:
        _bgp_missing(("vtep", "control"), report)
    if not model.underlay.interfaces:
        report.absent(("underlay",), "a VTEP needs interfaces", "add interfaces: [eth0]")
    return Vtep(
        dataplane=stated.dataplane,
        encap=Encap(stated.encap),
        control=control,
        udp_port=stated.udp_ports.vxlan,
        strict=stated.strict,
    )


def _bgp_missing(path: Path, report: Report) -> None:
    report.absent(path, "control: evpn needs a bgp section", "add bgp: {asn: …, neighbors: […]}")


def _bgp(model: HostModel, bgp: BgpModel, report: Report) -> Bgp:
    router_id = bgp.router_id or model.underlay.address[0]
    seen: dict[Ip, int] = {}
    neighbors = []
    for index, neighbor in enumerate(bgp.neighbors):
        path = ("bgp", "neighbors", index)
        if neighbor.peer in model.underlay.address:
            report.clash((*path, "peer"), f"{neighbor.peer} is this host's own address", _LEAVE_OUT)
        if neighbor.peer in seen:
            report.clash(
                (*path, "peer"), f"{neighbor.peer} is already a neighbour in line {seen[neighbor.peer]}", _LEAVE_OUT
            )
        seen.setdefault(neighbor.peer, report.line((*path, "peer")))
        neighbors.append(_neighbor(neighbor, bgp, path, report))
    return Bgp(
        asn=bgp.asn,
        router_id=router_id,
        cluster_id=bgp.cluster_id or router_id,
        port=bgp.port,
        listen=bgp.listen,
        hold_time_s=bgp.hold_time,
        neighbors=tuple(neighbors),
    )


def _neighbor(neighbor: NeighborModel, bgp: BgpModel, path: Path, report: Report) -> Neighbor:
    words: dict[Asn | str, Asn | None] = {"internal": bgp.asn, "external": None}
    remote_asn = words.get(neighbor.remote_as, None if isinstance(neighbor.remote_as, str) else neighbor.remote_as)
    if neighbor.route_reflector_client and remote_asn != bgp.asn:
        # RFC 4456 section 2: clients are internal peers.
        report.clash(
            (*path, "route-reflector-client"), "only an internal neighbour can be a client", "use remote-as: internal"
        )
    if neighbor.local_address and neighbor.local_address.version != neighbor.peer.version:
        report.clash(
            (*path, "local-address"),
            f"not of the address family of peer {neighbor.peer}",
            "use an address of the same family",
        )
    return Neighbor(
        peer=neighbor.peer,
        remote_asn=remote_asn,
        local_address=neighbor.local_address,
        passive=neighbor.passive,
        route_reflector_client=neighbor.route_reflector_client,
        hold_time_s=bgp.hold_time if neighbor.hold_time is None else neighbor.hold_time,
        connect_retry_s=neighbor.connect_retry,
        port=neighbor.port,
        description=neighbor.description,
    )


def _tenants(model: HostModel, vtep: Vtep, bgp: Bgp | None, report: Report) -> tuple[Tenant, ...]:
    seen = _Seen(model, report)
    defaults = _NetworkDefaults(model, vtep, bgp, report)
    tenants = []
    for tenant_name, tenant in model.tenants.items():
        networks = []
        for name, stated in tenant.networks.items():
            path: Path = ("tenants", tenant_name, "networks", name)
            network = defaults.network(name, tenant_name, stated, path)
            seen.add(network, path)
            networks.append(network)
        tenants.append(Tenant(name=tenant_name, networks=tuple(networks)))
    return tuple(tenants)


class _NetworkDefaults:
    """Makes networks from what is stated for them and what the host says for all."""

    def __init__(self, model: HostModel, vtep: Vtep, bgp: Bgp | None, report: Report) -> None:
        self._underlay = model.underlay
        self._remotes = model.vtep.remotes if model.vtep else []
        self._vtep = vtep
        self._bgp = bgp
        self._report = report

    def network(self, name: str, tenant: str, stated: NetworkModel, path: Path) -> Network:
        control = Control(stated.control or self._vtep.control)
        if stated.control == Control.EVPN and self._bgp is None:
            _bgp_missing((*path, "control"), self._report)
        self._check_mtu(stated, path)
        encap = Encap(stated.encap or self._vtep.encap)
        remotes = self._remotes_of(stated, encap, path)
        imports, exports = self._targets(stated, control, path)
        return Network(
            name=name,
            tenant=tenant,
            vni=stated.vni,
            encap=encap,
            control=control,
            mtu=stated.mtu,
            learn=stated.learn,
            ageing_s=stated.ageing,
            remotes=remotes,
            hosts=self._hosts(stated, remotes, path),
            ports=tuple(PortConfig(name=port.name) for port in stated.ports),
            rd=stated.rd,
            import_targets=imports,
            export_targets=exports,
        )

    def _check_mtu(self, stated: NetworkModel, path: Path) -> None:
        if stated.mtu is not None and self._underlay.mtu is not None:
            check_mtu(stated.mtu, self._underlay.mtu, (*path, "mtu"), self._report)

    def _remotes_of(self, stated: NetworkModel, encap: Encap, path: Path) -> tuple[Remote, ...]:
        """The network's own remotes, or else those of the vtep section."""
        own = stated.remotes is not None
        models: list[RemoteModel] = self._remotes if stated.remotes is None else stated.remotes
        base: Path = (*path, "remotes") if own else ("vtep", "remotes")
        remotes: dict[Ip, Remote] = {}
        for index, model in enumerate(models):
            if model.address in self._underlay.address:
                self._report.clash((*base, index), f"{model.address} is this host's own address", _LEAVE_OUT)
            if model.address in remotes:
                self._report.clash((*base, index), f"the remote {model.address} is here twice", _LEAVE_OUT)
            remotes[model.address] = Remote(
                address=model.address, encap=Encap(model.encap or encap), key=model.key or stated.vni
            )
        return tuple(remotes.values())

    def _hosts(self, stated: NetworkModel, remotes: tuple[Remote, ...], path: Path) -> tuple[PinnedHost, ...]:
        known = {remote.address for remote in remotes}
        seen: set[Mac] = set()
        hosts = []
        for index, host in enumerate(stated.hosts):
            place: Path = (*path, "hosts", index)
            if host.remote not in known:
                self._report.absent(
                    (*place, "remote"), f"{host.remote} is not a remote of this network", "add it to remotes"
                )
            if host.mac in seen:
                self._report.clash((*place, "mac"), f"{host.mac} is here twice", "an address is behind one remote")
            seen.add(host.mac)
            hosts.append(PinnedHost(mac=host.mac, ip=host.ip, remote=host.remote))
        return tuple(hosts)

    def _targets(
        self, stated: NetworkModel, control: Control, path: Path
    ) -> tuple[tuple[RouteTarget, ...], tuple[RouteTarget, ...]]:
        """(import, export): as stated, else AS:VNI (RFC 7432 section 7.10.1) for EVPN networks."""
        imports, exports = stated.route_targets.import_, stated.route_targets.export
        derived: tuple[RouteTarget, ...] = ()
        if self._bgp and control is Control.EVPN and (imports is None or exports is None):
            derived = derived_targets(self._bgp.asn, stated.vni, (*path, "vni"), self._report)
        return tuple(derived if imports is None else imports), tuple(derived if exports is None else exports)


OWN_KEY = "give each network keys of its own"


class _Seen:
    """What networks of a host may not share: VNI, name, port, and the keys that lead to them.

    A key leads to one network whoever sends it: the allowed sources have no remote of their own.
    """

    def __init__(self, model: HostModel, report: Report) -> None:
        self._report = report
        self._names: dict[str, str] = {}
        self._vnis: dict[int, str] = {}
        self._ports = dict.fromkeys(model.underlay.interfaces, "the underlay")
        self._keys: dict[int, str] = {}

    def add(self, network: Network, path: Path) -> None:
        if network.name in self._names:
            self._report.clash(path, f"tenant {self._names[network.name]} has a network of this name", OWN_NAME)
        self._names.setdefault(network.name, network.tenant)
        if network.vni in self._vnis:
            self._report.clash(
                (*path, "vni"), f"{network.vni} is already the VNI of {self._vnis[network.vni]}", OWN_VNI
            )
        owner = self._vnis.setdefault(network.vni, network.name)
        self._add_ports(network, path)
        # The same VNI twice is reported once, above.
        if self._keys.setdefault(network.vni, network.name) not in (network.name, owner):
            self._report.clash(
                (*path, "vni"), f"{network.vni} is already a remote's key of {self._keys[network.vni]}", OWN_KEY
            )
        for index, remote in enumerate(network.remotes):
            other = self._keys.setdefault(remote.key, network.name)
            if remote.key != network.vni and other != network.name:
                self._report.clash((*path, "remotes", index), f"key {remote.key} already leads to {other}", OWN_KEY)

    def _add_ports(self, network: Network, path: Path) -> None:
        for index, port in enumerate(network.ports):
            if port.name in self._ports:
                self._report.clash(
                    (*path, "ports", index, "name"),
                    f"{port.name} is already a port of {self._ports[port.name]}",
                    "a port without vlan belongs to one network",
                )
            self._ports.setdefault(port.name, network.name)


def check_mtu(mtu: int, underlay: int, path: Path, report: Report) -> None:
    """Report a tenant MTU that does not fit into the underlay's, both in octets of the IP packet."""
    if mtu > underlay - OVERHEAD_OCTETS:
        report.clash(
            path,
            f"{mtu} is above {underlay - OVERHEAD_OCTETS}, what an underlay MTU of {underlay} leaves for VXLAN",
            f"use at most {underlay - OVERHEAD_OCTETS}, or a larger underlay MTU",
        )


def derived_targets(asn: Asn, vni: Vni, path: Path, report: Report) -> tuple[RouteTarget, ...]:
    """The route target AS:VNI (RFC 7432 section 7.10.1), or a report that these two do not fit into one."""
    try:
        return (RouteTarget.parse(f"{asn}:{vni}"),)
    except InvalidValue:
        report.clash(
            path,
            f"AS {asn} needs four octets, which leaves two for the VNI in a route target: {vni} is above 65535",
            "add route-targets: {import: [AS:number], export: [AS:number]}",
        )
        return ()
