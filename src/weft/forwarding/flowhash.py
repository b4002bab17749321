"""The one flow hash: from the inner packet to a 32-bit number, alike in every data plane and in `explain`.

It hashes 32-bit words, each taken from the frame in network order: addresses, protocol and ports of an IP packet
(fragments and packets with extension headers without ports), MACs and EtherType of anything else. The mixing
steps are a table, run here and written out as C by `c_source()`, so that the two cannot differ.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

_MASK = 0xFFFFFFFF

# Multiply-and-fold rounds: cheap in BPF (three instructions a step) and every input bit reaches every output
# bit. The odd multipliers are those of MurmurHash3's finaliser.
WORD_STEPS = (("multiply", 0x85EBCA6B), ("fold", 13))
FINAL_STEPS = (("multiply", 0xC2B2AE35), ("fold", 16), ("multiply", 0x27D4EB2F), ("fold", 15))

DEFAULT_SEED = 0x77656674
"""ASCII 'weft'."""

ETHERTYPE_IPV4 = 0x0800
ETHERTYPE_IPV6 = 0x86DD
_WITH_PORTS = frozenset((6, 17, 132))  # TCP, UDP, SCTP: ports are the first four octets


def _run(steps: Iterable[tuple[str, int]], value: int) -> int:
    for step, argument in steps:
        value = value * argument & _MASK if step == "multiply" else value ^ value >> argument
    return value


def hash_words(words: Iterable[int], seed: int = DEFAULT_SEED) -> int:
    """Mix 32-bit words into a 32-bit number."""
    value = seed
    for word in words:
        value = _run(WORD_STEPS, value ^ word)
    return _run(FINAL_STEPS, value)


def flow_words(frame: bytes) -> tuple[int, ...]:
    """The words of an Ethernet frame (from its destination MAC on, at least 14 octets; IP headers whole)."""
    ethertype = frame[12] << 8 | frame[13]
    if ethertype == ETHERTYPE_IPV4:
        protocol, source, destination = frame[23], *struct.unpack_from("!II", frame, 26)
        fragmented = (frame[20] << 8 | frame[21]) & 0x3FFF
        ports = 0 if fragmented else _ports(frame, protocol, 14 + (frame[14] & 0xF) * 4)
        return (source, destination, ports, protocol)
    if ethertype == ETHERTYPE_IPV6:
        protocol = frame[20]
        return (*struct.unpack_from("!8I", frame, 22), _ports(frame, protocol, 54), protocol)
    return (*struct.unpack_from("!III", frame, 0), ethertype)


def _ports(frame: bytes, protocol: int, offset: int) -> int:
    if protocol not in _WITH_PORTS or len(frame) < offset + 4:
        return 0
    return int(struct.unpack_from("!I", frame, offset)[0])


def flow_hash(frame: bytes, seed: int = DEFAULT_SEED) -> int:
    """The flow hash of an inner Ethernet frame."""
    return hash_words(flow_words(frame), seed)


def source_port(flow: int) -> int:
    """The outer UDP source port: 49152-65535, from the low 14 bits (RFC 7348 section 5)."""
    return 49152 | flow & 0x3FFF


def path_index(flow: int, count: int) -> int:
    """Which of `count` equal-cost paths: from the upper 16 bits, so that it does not follow the port."""
    return (flow >> 16) * count >> 16


def target_index(flow: int, count: int) -> int:
    """Which of `count` targets of a next hop: from the middle 16 bits."""
    return (flow >> 8 & 0xFFFF) * count >> 16


def c_source() -> str:
    """The mixing steps as C functions `weft_hash_word(h, word)` and `weft_hash_final(h)`."""

    def body(steps: Iterable[tuple[str, int]]) -> str:
        lines = (f"    h *= {arg:#x};\n" if step == "multiply" else f"    h ^= h >> {arg};\n" for step, arg in steps)
        return "".join(lines) + "    return h;\n}\n"

    return (
        "static __always_inline __u32 weft_hash_word(__u32 h, __u32 word)\n{\n    h ^= word;\n"
        + body(WORD_STEPS)
        + "\nstatic __always_inline __u32 weft_hash_final(__u32 h)\n{\n"
        + body(FINAL_STEPS)
    )
