"""The encapsulations weft speaks, by the word that configuration, output and rows use."""

from __future__ import annotations

from enum import StrEnum


class Encap(StrEnum):
    VXLAN = "vxlan"
    GRE = "gre"
    NVGRE = "nvgre"
    GENEVE = "geneve"
    STT = "stt"
