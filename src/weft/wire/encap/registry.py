"""All encapsulations: one line each. A new one is a file beside this and a line here."""

from __future__ import annotations

from msgspec import Struct

from weft.wire.encap import geneve, gre, nvgre, stt, vxlan, vxlan_gpe
from weft.wire.encap.geneve import Geneve
from weft.wire.encap.gre import Gre
from weft.wire.encap.nvgre import Nvgre
from weft.wire.encap.stt import Stt
from weft.wire.encap.tunnel import Tunnel
from weft.wire.encap.vxlan_gbp import VxlanGbp
from weft.wire.encap.vxlan_gpe import VxlanGpe

GRE, TCP, UDP = gre.PROTOCOL, stt.PROTOCOL, 17


class Encapsulation(Struct, frozen=True):
    """`layer`: what `dissect` calls it. `ports`: UDP (for STT TCP) destination ports, the first is the standard's.

    `plain`: a header without any option.
    """

    name: str
    layer: str
    protocol: int
    ports: tuple[int, ...]
    plain: Tunnel

    @property
    def codec(self) -> type[Tunnel]:
        return type(self.plain)


ENCAPSULATIONS = {
    one.name: one
    for one in (
        Encapsulation("gre", "gre", GRE, (), Gre(protocol=0x0800)),
        Encapsulation("nvgre", "nvgre", GRE, (), Nvgre(vsid=nvgre.VSID_MIN)),
        Encapsulation("vxlan", "vxlan", UDP, (vxlan.PORT, vxlan.OLD_PORT), VxlanGbp(vni=1)),
        Encapsulation("vxlan-gpe", "vxlan", UDP, (vxlan_gpe.PORT,), VxlanGpe(vni=1)),
        Encapsulation("geneve", "geneve", UDP, (geneve.PORT,), Geneve(vni=1)),
        Encapsulation("stt", "stt", TCP, (stt.PORT,), Stt(context_id=1)),
    )
}
PORTS: dict[int, str] = {port: one.name for one in ENCAPSULATIONS.values() for port in one.ports}
"""Destination port -> name of the encapsulation."""
