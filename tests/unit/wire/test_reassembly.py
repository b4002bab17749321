"""Fragments and segments put together, whatever their order, within bounds."""

import itertools

import pytest

from support import frames
from weft.values import Ip
from weft.wire.encap.stt import Stt, SttSegment
from weft.wire.encap.stt_frame import segments
from weft.wire.ipv4 import Ipv4
from weft.wire.reassembly import PIECE_OCTETS, Ipv4Reassembly, Limits, Reassembly, Refused, SttReassembly, Whole

SRC, DST = Ip.parse("10.0.0.1"), Ip.parse("10.0.0.2")
PAYLOAD = bytes(range(256)) * 12


def fragments(payload=PAYLOAD, size=1000, ident=9, src=SRC, tos=0):
    """(header, payload) of each fragment."""
    return [
        (
            Ipv4(
                src=src, dst=DST, protocol=17, total_length=20 + len(piece), id=ident, tos=tos,
                mf=at + size < len(payload), fragment_offset=at,
            ),
            piece,
        )
        for at in range(0, len(payload), size)
        for piece in [payload[at : at + size]]
    ]  # fmt: skip


class TestPieces:
    def setup_method(self):
        self.pieces = Reassembly(Limits(timeout_s=30, octets=4000, source_octets=2000, packets=4))

    def add(self, offset, octets, total=None, *, key="k", source="s", now=0.0):
        return self.pieces.add(key, offset, octets, source=source, total=total, now=now, header=offset)

    @pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
    def test_any_order_makes_the_same_packet(self, order):
        octets = bytes(range(40))
        results = [self.add(10 * at, octets[10 * at : 10 * at + 10], 40) for at in order]
        assert results == [None, None, None, Whole(0, octets, False)]
        assert (len(self.pieces), self.pieces.octets) == (0, 0)

    def test_a_packet_in_one_piece_is_whole_at_once(self):
        assert self.add(0, b"all", 3) == Whole(0, b"all", False)

    @pytest.mark.parametrize(("offset", "length"), [(5, 10), (0, 5), (12, 2), (5, 20), (19, 10)])
    def test_an_overlap_is_refused_and_does_no_harm(self, offset, length):
        self.add(10, bytes(10), 40)
        if offset == 0:
            self.add(0, bytes(4), 40)
        assert self.add(offset, b"\xee" * length, 40) is Refused.OVERLAP
        assert self.pieces.refused[Refused.OVERLAP] == 1

    def test_a_copy_is_ignored(self):
        assert self.add(0, b"0123456789", 20) is None
        assert self.add(0, b"0123456789", 20) is None
        assert self.add(10, b"abcdefghij", 20) == Whole(0, b"0123456789abcdefghij", False)
        assert not self.pieces.refused

    @pytest.mark.parametrize(
        ("offset", "length", "total", "reason"),
        [
            (0, 0, 40, Refused.EMPTY),
            (35, 10, 40, Refused.TOO_LONG),
            (65530, 10, None, Refused.TOO_LONG),
            (20, 5, 30, Refused.LENGTH_DIFFERS),
            (45, 5, None, Refused.TOO_LONG),
            (0, 5, 8, Refused.LENGTH_DIFFERS),
        ],
    )
    def test_what_cannot_be_is_refused_by_name(self, offset, length, total, reason):
        self.add(10, bytes(10), 40)
        assert self.add(offset, bytes(length), total) is reason
        assert self.pieces.refused == {reason: 1}

    def test_what_is_not_complete_in_time_is_thrown_away(self):
        self.add(0, bytes(10), 20, now=100.0)
        self.pieces.expire(129.9)
        assert len(self.pieces) == 1
        assert self.add(10, bytes(10), 20, now=130.0) is None
        assert self.pieces.refused == {Refused.TIMEOUT: 1}

    def test_a_piece_does_not_prolong_a_packet(self):
        self.add(0, bytes(10), 40, now=0.0)
        self.add(10, bytes(10), 40, now=29.0)
        self.pieces.expire(30.0)
        assert len(self.pieces) == 0

    def test_the_oldest_packet_of_all_goes_first(self):
        for key in range(6):
            self.add(0, bytes(10), 40, key=key, source=key)
        assert self.pieces.refused == {Refused.FULL: 2}
        assert self.add(10, bytes(30), 40, key=0, source=0) is None
        assert isinstance(self.add(10, bytes(30), 40, key=5, source=5), Whole)

    def test_who_fills_his_share_loses_his_own_packets(self):
        self.add(0, bytes(10), 40, key="other", source="other")
        for key in range(3):
            self.add(0, bytes(1000), 2000, key=key)
        assert self.pieces.refused == {Refused.SOURCE_FULL: 2}
        assert isinstance(self.add(10, bytes(30), 40, key="other", source="other"), Whole)

    def test_memory_stays_within_its_bound_whatever_comes(self):
        for number in range(2000):
            self.add(number % 1500, b"x", 65535, key=number % 7, source=number % 3)
            assert self.pieces.octets <= 4000
            assert self.pieces.octets % (PIECE_OCTETS + 1) == 0


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_fragments_make_the_packet_that_was_cut(order):
    assembly = Ipv4Reassembly()
    pieces = fragments()
    results = [assembly.add(*pieces[at], now=1.0) for at in order]
    assert results[:3] == [None] * 3
    header, end = Ipv4.parse(results[3])
    assert results[3][end:] == PAYLOAD
    assert (header.total_length, header.is_fragment, header.id) == (20 + len(PAYLOAD), False, 9)


def test_what_is_no_fragment_passes():
    header = Ipv4(src=SRC, dst=DST, protocol=17, total_length=25)
    assert Ipv4Reassembly().add(header, b"hello", 0.0) == header.pack() + b"hello"


@pytest.mark.parametrize("change", [{"ident": 10}, {"src": DST}])
def test_fragments_of_different_packets_stay_apart(change):
    assembly = Ipv4Reassembly()
    assert assembly.add(*fragments()[0], now=0.0) is None
    assert [assembly.add(*piece, now=0.0) for piece in fragments(**change)[1:]] == [None] * 3


def test_a_congestion_mark_on_any_fragment_marks_the_packet():
    assembly = Ipv4Reassembly()
    pieces = fragments(tos=2)
    pieces[2] = fragments(tos=3)[2]
    whole = [assembly.add(*piece, now=0.0) for piece in pieces][-1]
    assert Ipv4.parse(whole)[0].tos == 3


def test_a_fragment_that_is_not_the_last_holds_whole_words():
    assembly = Ipv4Reassembly()
    assert assembly.add(*fragments(size=1001)[0], now=0.0) is Refused.MISALIGNED
    assert assembly.pieces.refused == {Refused.MISALIGNED: 1}


def test_fragments_that_make_more_than_a_packet_can_hold_are_refused():
    """The ping of death: the last fragment ends beyond 65535 octets, header included."""
    assembly = Ipv4Reassembly()
    *first, last = fragments(bytes(65530), size=8000)
    assert [assembly.add(*piece, now=0.0) for piece in first] == [None] * 8
    assert assembly.add(*last, now=0.0) is Refused.TOO_LONG


class TestStt:
    FRAME = frames.udp4(frames.mac(1), frames.mac(2), PAYLOAD)

    def pieces(self, **change):
        given = {"src": SRC, "dst": DST, "sport": 50000, "id": 7, "max_octets": 1480, **change}
        for octets in segments(Stt(5001), self.FRAME, **given):
            segment, end = SttSegment.parse(octets)
            yield segment, octets[end:]

    def test_segments_make_the_frame_that_was_cut(self):
        assembly = SttReassembly()
        for order in itertools.permutations(self.pieces()):
            *waiting, whole = [assembly.add(*piece, src=SRC, dst=DST, now=0.0) for piece in order]
            assert set(waiting) == {None}
            assert whole.octets == Stt(5001).pack() + self.FRAME
            assert whole.header.offset == 0

    @pytest.mark.parametrize("change", [{"sport": 50001}, {"id": 8}])
    def test_frames_of_another_flow_or_id_stay_apart(self, change):
        assembly = SttReassembly()
        assembly.add(*next(self.pieces()), src=SRC, dst=DST, now=0.0)
        assert {assembly.add(*piece, src=SRC, dst=DST, now=0.0) for piece in list(self.pieces(**change))[1:]} == {None}

    def test_another_frame_length_is_refused(self):
        assembly = SttReassembly()
        (segment, payload), *_ = self.pieces()
        assembly.add(segment, payload, src=SRC, dst=DST, now=0.0)
        other = SttSegment(segment.sport, 2000, 1500, segment.id)
        assert assembly.add(other, bytes(10), src=SRC, dst=DST, now=0.0) is Refused.LENGTH_DIFFERS

    def test_a_congestion_mark_on_any_segment_is_told(self):
        assembly = SttReassembly()
        results = [
            assembly.add(*piece, src=SRC, dst=DST, now=0.0, ce=number == 1)
            for number, piece in enumerate(self.pieces())
        ]
        assert results[-1].ce
