"""Networks whose remotes are written down: configuration -> overlay facts.

Addresses behind the remotes are learned from frames, or stated (`hosts:`); a stated address is pinned, it may not
be learned anywhere else.
"""

from __future__ import annotations

from weft.config.tree import Control, HostConfig, Network
from weft.control.overlay import Overlay
from weft.forwarding.rows import MacSource, Target


def configure(config: HostConfig, overlay: Overlay) -> None:
    """Say everything the configuration states about remotes."""
    for network in config.networks:
        if network.control is Control.STATIC:
            _configure_network(network, overlay)


def _configure_network(network: Network, overlay: Overlay) -> None:
    targets = {remote.address: Target(remote.encap, remote.address, remote.key) for remote in network.remotes}
    for target in targets.values():
        overlay.add_member(network.vni, target)
        overlay.accept(network.vni, target.encap, target.remote, target.key, target if network.learn else None)
    for host in network.hosts:
        overlay.set_mac(network.vni, host.mac, targets[host.remote], MacSource.STATIC, pinned=True)
