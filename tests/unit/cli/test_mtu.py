"""`weft mtu`."""

import json

import pytest

from weft.cli.main import main

KEYS = {
    "encap", "underlay", "link_mtu", "overhead", "inner_mtu", "ping_payload", "tcp_mss", "first_segment",
    "further_segment",
}  # fmt: skip


def run(capsys, *arguments):
    code = main(["mtu", *arguments])
    return code, capsys.readouterr()


def items(capsys, *arguments):
    code, printed = run(capsys, *arguments, "-o", "json")
    assert code == 0
    document = json.loads(printed.out)
    assert document["schema"] == "weft.mtu/v1"
    return document["items"]


def test_the_table_says_what_fits_and_what_it_counts(capsys):
    code, printed = run(capsys, "--link-mtu", "1500")
    lines = [" ".join(line.split()) for line in printed.out.splitlines()]
    assert code == 0
    assert lines[0] == "ENCAP UNDERLAY LINK OVERHEAD INNER MTU PING TCP MSS"
    for line in (
        "gre ipv4 1500 24 1476 1448 1436",
        "nvgre ipv4 1500 42 1458 1430 1418",
        "vxlan ipv4 1500 50 1450 1422 1410",
        "vxlan ipv6 1500 70 1430 1402 1390",
        "geneve ipv4 1500 50 1450 1422 1410",
        "stt ipv4 1500 72 first segment, 54 each further one; not bound by the link MTU",
    ):
        assert line in lines
    assert "OVERHEAD is what it pays beyond the tenant's IP packet" in printed.out


def test_items_have_the_keys_that_scripts_rely_on(capsys):
    found = {(item["encap"], item["underlay"]): item for item in items(capsys)}
    assert len(found) == 20
    assert all(item.keys() >= KEYS for item in found.values())
    assert found["vxlan", "ipv4"]["inner_mtu"] == 1450
    stt = found["stt", "ipv4"]
    assert (stt["first_segment"], stt["further_segment"], stt["inner_mtu"]) == (72, 54, None)


def test_the_link_that_an_inner_mtu_needs(capsys):
    (item,) = items(capsys, "--inner-mtu", "1500", "--encap", "vxlan", "--underlay", "ipv6")
    assert (item["link_mtu"], item["inner_mtu"], item["tcp_mss"]) == (1570, 1500, 1460)


def test_options_of_geneve_and_tags_and_esp_are_counted(capsys):
    asked = ("--encap", "geneve", "--underlay", "ipv4")
    (item,) = items(capsys, *asked, "--geneve-options", "16", "--inner-vlan", "1", "--outer-vlan", "1")
    assert (item["overhead"], item["wire_overhead"]) == (70, 74)
    (item,) = items(capsys, *asked, "--esp", "transport")
    assert item["inner_mtu"] == 1416
    assert "ON WIRE" in run(capsys, "--outer-vlan", "1")[1].out


def test_the_ledger_is_printed_octet_by_octet(capsys):
    code, printed = run(capsys, "--encap", "nvgre", "--underlay", "ipv4", "--explain")
    lines = [" ".join(line.split()) for line in printed.out.splitlines()]
    assert code == 0
    assert "24-26 3 NVGRE VSID" in lines
    assert "27 1 NVGRE FlowID" in lines
    assert "inner MTU 1500 - 42 = 1458" in lines
    (item,) = items(capsys, "--encap", "nvgre", "--underlay", "ipv4", "--explain")
    assert sum(field["octets"] for field in item["ledger"]) == 42


@pytest.mark.parametrize(
    "arguments",
    [
        ("--link-mtu", "1500", "--inner-mtu", "1400"),
        ("--geneve-options", "6"),
        ("--geneve-options", "256"),
        ("--encap", "otv"),
        ("--link-mtu", "100"),
    ],
)
def test_what_cannot_be_asked_is_a_usage_error(capsys, arguments):
    code, printed = run(capsys, *arguments)
    assert (code, printed.out) == (2, "")
