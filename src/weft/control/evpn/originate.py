"""Local facts -> routes of our own."""

from __future__ import annotations

from collections.abc import Iterable

from weft.config.tree import HostConfig, Network
from weft.values import Esi, Ip, Mac, Rd
from weft.wire.bgp.attributes import Attributes
from weft.wire.bgp.communities import ExtendedCommunity, TunnelType
from weft.wire.bgp.evpn import Imet, MacIp, Pmsi

LOCAL_PREF = 100


def distinguishers(config: HostConfig, router_id: Ip) -> dict[int, Rd]:
    """RD of every network by VNI: as configured, else router-id:index.

    The index is the VNI where it fits 16 bits and is free, so that an RD can be read and does not move when
    another network comes or goes; else the next free number.
    """
    taken = {network.rd for network in config.networks}
    chosen: dict[int, Rd] = {}
    for network in sorted(config.networks, key=lambda network: (network.vni > 0xFFFF, network.vni)):
        index = network.vni & 0xFFFF
        rd = network.rd or Rd.of(router_id, index)
        while network.rd is None and rd in taken:
            index = index + 1 & 0xFFFF
            rd = Rd.of(router_id, index)
        taken.add(rd)
        chosen[network.vni] = rd
    return chosen


def _attributes(network: Network, vtep: Ip, more: Iterable[ExtendedCommunity], pmsi: Pmsi | None) -> Attributes:
    targets = [ExtendedCommunity.of_route_target(target) for target in network.export_targets]
    encap = ExtendedCommunity.of_encapsulation(TunnelType.VXLAN)
    return Attributes(
        next_hop=vtep, local_pref=LOCAL_PREF, ext_communities=tuple(sorted([*targets, encap, *more])), pmsi=pmsi
    )


def imet_route(network: Network, rd: Rd, vtep: Ip) -> tuple[Imet, Attributes]:
    """Type 3: flooded frames of this network come here by ingress replication (RFC 7432 section 11)."""
    pmsi = Pmsi.ingress_replication(network.vni, vtep)
    return Imet(rd, 0, vtep), _attributes(network, vtep, (), pmsi)


def mac_route(network: Network, rd: Rd, vtep: Ip, mac: Mac, sequence: int) -> tuple[MacIp, Attributes]:
    """Type 2: this address is here. A first announcement has no mobility community (RFC 7432 section 15)."""
    mobility = [ExtendedCommunity.of_mac_mobility(sequence)] if sequence else []
    return MacIp(rd, Esi(), 0, mac, None, network.vni), _attributes(network, vtep, mobility, None)
