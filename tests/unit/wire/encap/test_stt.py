"""STT as in draft-davie-stt-08: segments, frame headers, checksums that the receiver finishes."""

import pytest

from support import frames
from weft.values import Ip, Malformed, Truncated
from weft.wire.checksum import is_valid_behind_ip
from weft.wire.encap.stt import FRAME_MAX_OCTETS, IPV4, PARTIAL, TCP, VERIFIED, Stt, SttSegment
from weft.wire.encap.stt_frame import finish_checksum, segments

SRC, DST = Ip.parse("10.0.0.1"), Ip.parse("10.0.0.2")
FRAME = frames.udp4(frames.mac(1), frames.mac(2), b"x" * 3000)
HEADER = Stt(context_id=5001, flags=VERIFIED | IPV4, vid=100, pcp=5)


def cut(frame, max_octets=1480):
    return list(segments(HEADER, frame, src=SRC, dst=DST, sport=50000, id=7, max_octets=max_octets))


def with_sum(frame, value):
    """A UDP frame whose checksum field holds `value`."""
    return frame[:40] + value.to_bytes(2, "big") + frame[42:]


def test_a_segment_looks_like_tcp():
    octets = SttSegment(50000, 0x1234, 0, 7, last=True).pack(SRC.octets, DST.octets)
    assert octets[:16].hex() == "c3501d2f" + "12340000" + "00000007" + "50180000"
    assert is_valid_behind_ip(octets, SRC.octets, DST.octets, 6)


def test_the_frame_header_has_18_octets():
    assert HEADER.pack().hex() == "00050000" + "0000b064" + "0000000000001389" + "0000"
    assert Stt.parse(HEADER.pack()) == (HEADER, 18)
    assert Stt(2**64 - 1, 0xFF, 34, 1448, 0, 0).pack().hex() == "00ff2200" + "05a81000" + "f" * 16 + "0000"


def test_a_long_frame_is_cut_into_segments_that_add_up():
    pieces = cut(FRAME)
    assert [len(piece) for piece in pieces] == [1480, 1480, 20 + len(FRAME) + 18 - 2 * 1460]
    parsed = [SttSegment.parse(piece)[0] for piece in pieces]
    assert [segment.offset for segment in parsed] == [0, 1460, 2920]
    assert [segment.last for segment in parsed] == [False, False, True]
    assert {(segment.sport, segment.id, segment.frame_length) for segment in parsed} == {(50000, 7, len(FRAME) + 18)}
    assert all(is_valid_behind_ip(piece, SRC.octets, DST.octets, 6) for piece in pieces)
    assert b"".join(piece[20:] for piece in pieces) == HEADER.pack() + FRAME


def test_what_fits_is_one_segment():
    (piece,) = cut(FRAME[:1000])
    segment, end = SttSegment.parse(piece)
    assert segment == SttSegment(50000, 1018, 0, 7, last=True)
    assert Stt.parse(piece, end)[0] == HEADER


def test_a_frame_too_long_or_a_segment_too_short_is_refused():
    assert sum(len(piece) - 20 for piece in cut(bytes(FRAME_MAX_OCTETS), 65535)) == 65535
    with pytest.raises(Malformed, match="65518"):
        cut(bytes(FRAME_MAX_OCTETS + 1))
    with pytest.raises(Malformed, match="room"):
        cut(FRAME, 20)


@pytest.mark.parametrize(
    ("at", "octet", "why"),
    [
        (12, 0x60, "options"),
        (13, 0x14, "flags"),
        (13, 0x02, "flags"),
        (4, 0, "length is 0"),
        (6, 0xFF, "past its frame"),
    ],
)
def test_what_is_no_segment_is_refused_and_still_shown(at, octet, why):
    octets = bytearray(SttSegment(50000, 0x0010, 0, 7).pack(SRC.octets, DST.octets)) + bytes(16)
    octets[at] = octet
    if why == "length is 0":
        octets[5] = 0
    with pytest.raises(Malformed, match=why):
        SttSegment.parse(bytes(octets))
    header, _, _ = SttSegment.dissect(bytes(octets))
    assert header is not None
    assert header.id == 7


def test_another_version_is_refused():
    with pytest.raises(Malformed, match="version 1"):
        Stt.parse(b"\1" + HEADER.pack()[1:])
    with pytest.raises(Truncated):
        Stt.parse(HEADER.pack()[:17])


@pytest.mark.parametrize("payload", [b"hello", b"even", b""])
def test_a_partial_udp_sum_is_finished(payload):
    whole = frames.udp4(frames.mac(1), frames.mac(2), payload)
    pseudo = (0x0A00 + 1 + 0x0A00 + 2 + 17 + 8 + len(payload)) % 0xFFFF
    partial = with_sum(whole, pseudo) + b"padding of the link"
    header = Stt(1, PARTIAL | IPV4, l4_offset=34)
    assert finish_checksum(header, partial) == whole + b"padding of the link"


def test_a_finished_sum_is_left_alone():
    assert finish_checksum(Stt(1, VERIFIED | IPV4), with_sum(FRAME, 0x1234)) == with_sum(FRAME, 0x1234)


@pytest.mark.parametrize(
    ("flags", "l4_offset"),
    [
        (PARTIAL, 34),  # IPv6 by its flags
        (PARTIAL | IPV4, 0),
        (PARTIAL | IPV4, 33),
        (PARTIAL | IPV4, 56),
        (PARTIAL | IPV4 | TCP, 46),
    ],
)
def test_an_offset_that_does_not_fit_the_frame_is_refused(flags, l4_offset):
    with pytest.raises(Malformed):
        finish_checksum(Stt(1, flags, l4_offset), frames.udp4(frames.mac(1), frames.mac(2), bytes(20)))


def test_a_frame_cut_short_has_no_sum_to_finish():
    for length in range(len(FRAME)):
        with pytest.raises(Truncated):
            finish_checksum(Stt(1, PARTIAL | IPV4, 34), FRAME[:length])
