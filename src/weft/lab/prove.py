"""`weft lab test` and `weft lab ping`: which probes are sent, and what must come of each."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from weft.config.tree import Group
from weft.lab.plan import LabPlan, Pair, pairs
from weft.lab.probe import Exchange, Nonce, Station, destination_address, exchange, new_nonce
from weft.values import BROADCAST

_PATIENCE_S = 3.0
# Isolation is believed after this much silence, counted from when every expected probe had come and was answered.
_SILENCE_S = 0.7
_PING_INTERVAL_S = 0.2
_VERSIONS = {"ipv4": 4, "ipv6": 6}


class Verdict(Struct, frozen=True):
    """One item of `weft lab test`: an ordered pair of hosts in one family of addresses."""

    source: str
    destination: str
    family: str
    """ipv4, ipv6 or broadcast."""
    expected: str
    """reach or isolated."""
    got: str
    ok: bool
    reached: tuple[str, ...]
    """The nodes that received the probe."""
    rtt_ms: float | None


class Echo(Struct, frozen=True):
    """One item of `weft lab ping`."""

    source: str
    destination: str
    family: str
    address: str
    sequence: int
    ok: bool
    rtt_ms: float | None
    error: str | None


class _Probe(Struct, frozen=True):
    pair: Pair
    family: str
    nonce: Nonce


def verdicts(lab: LabPlan) -> list[Verdict]:
    """Send between every ordered pair of hosts, all in one window of time, and judge who received what."""
    with exchange([node for node in lab.of(Group.HOST) if node.port is not None], raw=True) as field:
        broadcasts = {name: new_nonce() for name in field.stations}
        probes = [probe for pair in pairs(lab) for probe in _probes(pair, field, broadcasts)]
        # Forbidden ones first: when the allowed ones have arrived, time enough has passed for leaks to arrive.
        for probe in sorted(probes, key=lambda probe: probe.pair.reach):
            _send(probe, field)
        for name, nonce in broadcasts.items():
            field.send_frame(field.stations[name], BROADCAST, nonce)
        allowed = [probe for probe in probes if probe.pair.reach]
        field.wait(lambda: all(_has_come(probe, field) for probe in allowed), _PATIENCE_S)
        field.wait(lambda: False, _SILENCE_S)
        return [_judge(probe, field) for probe in probes]


def ping(lab: LabPlan, source: str, destination: str, count: int, family: str | None) -> Iterator[Echo]:
    """UDP questions from node to node, answered by this process in the other namespace; one item for each.

    `family` is ipv4 or ipv6; None means each that the destination has an address of.
    """
    with exchange([lab.node(source), lab.node(destination)], raw=False) as field:
        a, b = field.stations[source], field.stations[destination]
        for sequence in range(1, count + 1):
            if sequence > 1:
                field.wait(lambda: False, _PING_INTERVAL_S)
            for name in [family] if family else _VERSIONS:
                echo = _echo(field, a, b, name, sequence)
                if echo is not None:
                    yield echo


def _echo(field: Exchange, a: Station, b: Station, family: str, sequence: int) -> Echo | None:
    address = destination_address(a, b, _VERSIONS[family])
    if address is None:
        return None
    nonce = new_nonce()
    error = field.ask(a, b, address, nonce)
    if error is None and not field.wait(lambda: nonce in field.rtt_s, 1.0):
        error = "no answer"
    rtt_ms = _rtt_ms(field, nonce)
    return Echo(a.node.name, b.node.name, family, str(address), sequence, error is None, rtt_ms, error)


def _probes(pair: Pair, field: Exchange, broadcasts: dict[str, Nonce]) -> Iterator[_Probe]:
    a, b = field.stations[pair.source.name], field.stations[pair.destination.name]
    if b.stated(4) is not None and (a.stated(4) is not None or not pair.reach):
        yield _Probe(pair, "ipv4", new_nonce())
    yield _Probe(pair, "ipv6", new_nonce())
    yield _Probe(pair, "broadcast", broadcasts[a.node.name])


def _send(probe: _Probe, field: Exchange) -> None:
    if probe.family == "broadcast":
        return
    source, destination = field.stations[probe.pair.source.name], field.stations[probe.pair.destination.name]
    address = destination_address(source, destination, _VERSIONS[probe.family])
    if address is not None:
        field.ask(source, destination, address, probe.nonce)
    if not probe.pair.reach:
        # Addresses may overlap between tenants, so resolution alone proves little: address the host itself too.
        field.send_frame(source, destination.mac, probe.nonce)


def _has_come(probe: _Probe, field: Exchange) -> bool:
    answered = probe.family == "broadcast" or probe.nonce in field.rtt_s
    return answered and probe.pair.destination.name in field.received[probe.nonce]


def _judge(probe: _Probe, field: Exchange) -> Verdict:
    pair, reached = probe.pair, field.received[probe.nonce]
    got = pair.destination.name in reached
    # A unicast probe must come to its destination alone.
    ok = got == pair.reach and not (got and probe.family != "broadcast" and len(reached) > 1)
    return Verdict(
        source=pair.source.name,
        destination=pair.destination.name,
        family=probe.family,
        expected=_word(pair.reach),
        got=_word(got),
        ok=ok,
        reached=tuple(sorted(reached)),
        rtt_ms=_rtt_ms(field, probe.nonce) if pair.reach else None,
    )


def _word(reach: bool) -> str:
    return "reach" if reach else "isolated"


def _rtt_ms(field: Exchange, nonce: Nonce) -> float | None:
    rtt_s = field.rtt_s.get(nonce)
    return None if rtt_s is None else round(rtt_s * 1000, 3)
