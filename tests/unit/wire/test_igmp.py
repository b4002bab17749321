"""IGMP of versions 2 and 3."""

import pytest

from weft.values import Ip, Truncated
from weft.wire.checksum import WrongChecksum
from weft.wire.igmp import LEAVE, QUERY, V2_REPORT, V3_REPORT, Igmp, Record

GROUP, SOURCE = Ip.parse("239.1.1.1"), Ip.parse("192.0.2.1")
MESSAGES = [
    Igmp(QUERY, 100),
    Igmp(V2_REPORT, group=GROUP),
    Igmp(LEAVE, group=GROUP),
    Igmp(QUERY, 100, GROUP, bytes((2, 125)), (SOURCE, GROUP)),
    Igmp(V3_REPORT, records=(Record(4, GROUP), Record(1, GROUP, (SOURCE, SOURCE)))),
]


@pytest.mark.parametrize("message", MESSAGES)
def test_messages_round_trip(message):
    octets = message.pack()
    assert Igmp.parse(octets) == (message, len(octets))


def test_a_report_of_version_2_is_as_in_the_rfc():
    assert MESSAGES[1].pack().hex() == "1600f9fcef010101"


@pytest.mark.parametrize("message", MESSAGES)
def test_what_is_cut_short_is_refused(message):
    octets = message.pack()
    for length in range(len(octets)):
        with pytest.raises((Truncated, WrongChecksum)):
            Igmp.parse(octets[:length])


def test_auxiliary_data_is_skipped_and_must_be_there():
    octets = bytearray(MESSAGES[4].pack())
    octets[9] = 1  # one word for the first record, which the second one then is taken for
    _, _, fault = Igmp.dissect(bytes(octets))
    assert isinstance(fault, Truncated)
