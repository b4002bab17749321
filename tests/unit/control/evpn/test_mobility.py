"""RFC 7432 section 15, rule by rule."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from weft.control.evpn.mobility import Claim, sequence_for_local, strongest, yields
from weft.forwarding.rows import Target
from weft.values import Encap, Ip

LOW, HIGH, OWN = (Ip.parse(f"192.0.2.{number}") for number in (1, 9, 5))


def claim(remote: Ip, sequence: int = 0, sticky: bool = False) -> Claim:
    return Claim(Target(Encap.VXLAN, remote, 5001), sequence, sticky)


CLAIMS = st.builds(claim, st.sampled_from([LOW, HIGH]), st.integers(0, 5), st.booleans())


def test_the_highest_sequence_wins_and_of_equals_the_lowest_vtep() -> None:
    assert strongest([claim(LOW, 1), claim(HIGH, 2)]) == claim(HIGH, 2)
    assert strongest([claim(HIGH, 2), claim(LOW, 2)]) == claim(LOW, 2)
    assert strongest([]) is None


def test_a_sticky_address_beats_any_sequence() -> None:
    assert strongest([claim(HIGH, 0, sticky=True), claim(LOW, 9)]) == claim(HIGH, 0, sticky=True)
    assert yields(9, OWN, claim(HIGH, 0, sticky=True))


def test_an_address_learned_here_is_announced_above_the_remote_claim() -> None:
    assert sequence_for_local(None, 0) == 0
    assert sequence_for_local(claim(LOW, 3), 0) == 4
    assert sequence_for_local(claim(LOW, 3), 7) == 7


def test_a_local_address_gives_way_to_a_newer_claim_or_an_equal_one_from_a_lower_vtep() -> None:
    assert yields(1, OWN, claim(HIGH, 2))
    assert not yields(2, OWN, claim(LOW, 1))
    assert yields(2, OWN, claim(LOW, 2))
    assert not yields(2, OWN, claim(HIGH, 2))


def test_the_largest_sequence_is_not_exceeded() -> None:
    """A peer may send 0xffffffff; then the lowest VTEP address decides."""
    most = 0xFFFFFFFF
    assert sequence_for_local(claim(LOW, most), 0) == most
    assert yields(most, OWN, claim(LOW, most))
    assert not yields(most, OWN, claim(HIGH, most))


@given(CLAIMS.filter(lambda c: not c.sticky), st.integers(0, 5))
def test_what_was_just_announced_never_gives_way_at_once(remote: Claim, own: int) -> None:
    """Otherwise an address would flap without anybody moving."""
    assert not yields(sequence_for_local(remote, own), OWN, remote)


@given(st.lists(CLAIMS, min_size=1))
def test_order_of_arrival_does_not_matter(claims: list[Claim]) -> None:
    assert strongest(claims) == strongest(reversed(claims))
