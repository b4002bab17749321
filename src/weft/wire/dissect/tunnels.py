"""Readers of tunnel headers. All but GRE and STT are one: show the header's fields, go on with its payload."""

from __future__ import annotations

from functools import partial

from weft.wire.checksum import is_valid_behind_ip
from weft.wire.dissect.link import by_ethertype
from weft.wire.dissect.walk import Next, Reader, Walk
from weft.wire.encap import gre, nvgre, pptp, stt
from weft.wire.encap.registry import ENCAPSULATIONS
from weft.wire.encap.tunnel import Tunnel


def _tunnel(name: str, codec: type[Tunnel], walk: Walk, data: bytes, at: int) -> Next:
    header, end = walk.read(codec, data, at)
    if header is None:
        return None
    walk.add(name, header.fields(data[at:end]))
    return by_ethertype(header.payload, data, end) if walk.enter_tunnel() else None


def _gre(walk: Walk, data: bytes, at: int) -> Next:
    """GRE of either version; Ethernet in keyed GRE is shown as the caller wants it read."""
    if at + 2 <= len(data) and data[at + 1] & 7 == pptp.VERSION:
        return _tunnel("gre", pptp.Pptp, walk, data, at)
    twofold, end, _ = nvgre.Nvgre.dissect(data, at)
    if twofold is None or walk.gre_key_as == "plain":
        return _tunnel("gre", gre.Gre, walk, data, at)
    if walk.gre_key_as == "both":
        header, _ = gre.Gre.parse(data, at)
        walk.add("gre", header.fields(data[at:end]))
    return _tunnel("nvgre", nvgre.Nvgre, walk, data, at)


def _stt(walk: Walk, data: bytes, at: int) -> Next:
    """A segment; what the first one holds is shown as far as it goes."""
    segment, end = walk.read(stt.SttSegment, data, at)
    if segment is None:
        return None
    layer = walk.add(
        "stt",
        {
            **stt.NO_FRAME,
            "frame_length": segment.frame_length,
            "offset": segment.offset,
            "id": segment.id,
            "sport": segment.sport,
        },
    )
    if walk.verify and not walk.partial and walk.addresses[0]:
        layer["checksum_ok"] = is_valid_behind_ip(data[at:], *walk.addresses, stt.PROTOCOL)
        if not layer["checksum_ok"]:
            walk.fault("STT checksum is wrong")
    if segment.offset:
        return None
    if len(data) - end < segment.frame_length:
        walk.partial = True
    return _stt_frame(walk, data, end)


def _stt_frame(walk: Walk, data: bytes, at: int) -> Next:
    """The frame's header, whose fields belong to the layer of the segment in front, and the frame."""
    header, end = walk.read(stt.Stt, data, at)
    if header is None:
        return None
    walk.layers[-1].update(header.fields(data[at:end]))
    return by_ethertype(header.payload, data, end) if walk.enter_tunnel() else None


READERS: dict[str, Reader] = {
    **{name: partial(_tunnel, known.layer, known.codec) for name, known in ENCAPSULATIONS.items()},
    "gre": _gre,
    "stt": _stt,
}
