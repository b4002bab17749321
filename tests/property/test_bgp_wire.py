"""Laws of the BGP codecs: round trips, and nothing but wire errors from any octets."""

import contextlib

from hypothesis import example, given
from hypothesis import strategies as st

from weft.values import Esi, Ip, Mac, Rd, WireError
from weft.wire.bgp import as_path, attribute_parse, attributes, evpn, notification, refresh, update
from weft.wire.bgp import open as opens
from weft.wire.bgp.as_path import Segment
from weft.wire.bgp.attribute_parse import Context
from weft.wire.bgp.attributes import Aggregator, Attributes, RawAttribute
from weft.wire.bgp.capabilities import EVPN, Capabilities, Family
from weft.wire.bgp.communities import ExtendedCommunity
from weft.wire.bgp.errors import BgpError, Code
from weft.wire.bgp.evpn import Imet, MacIp, Opaque, Pmsi
from weft.wire.bgp.framing import HEADER_OCTETS, Framer
from weft.wire.bgp.open import Open

ips4 = st.binary(min_size=4, max_size=4).map(Ip)
ips = ips4 | st.binary(min_size=16, max_size=16).map(Ip)
u16, u24, u32 = (st.integers(0, 2**bits - 1) for bits in (16, 24, 32))
rds = st.binary(min_size=8, max_size=8).map(Rd)
mac_ips = st.builds(
    MacIp,
    rd=rds,
    esi=st.binary(min_size=10, max_size=10).map(Esi),
    tag=u32,
    mac=st.binary(min_size=6, max_size=6).map(Mac),
    ip=st.none() | ips,
    label=u24,
    label2=st.none() | u24,
)
imets = st.builds(Imet, rd=rds, tag=u32, originator=ips)
opaques = st.builds(
    lambda kind, value: Opaque(bytes((kind, len(value))) + value), st.integers(12, 255), st.binary(max_size=255)
)
routes = mac_ips | imets | opaques
asns = st.integers(1, 2**32 - 1)
segments = st.builds(Segment, st.sampled_from([1, 2]), st.lists(asns, min_size=1, max_size=6).map(tuple))
paths = st.lists(segments, max_size=3).map(tuple)
attribute_values = st.builds(
    Attributes,
    next_hop=ips,
    origin=st.integers(0, 2),
    as_path=paths,
    med=st.none() | u32,
    local_pref=st.none() | u32,
    atomic_aggregate=st.booleans(),
    aggregator=st.none() | st.builds(Aggregator, asns, ips4),
    communities=st.lists(u32, max_size=70).map(tuple),
    originator_id=st.none() | ips4,
    cluster_list=st.lists(ips4, max_size=3).map(tuple),
    ext_communities=st.lists(st.binary(min_size=8, max_size=8).map(ExtendedCommunity), max_size=40).map(tuple),
    large_communities=st.lists(st.tuples(u32, u32, u32), max_size=3).map(tuple),
    pmsi=st.none() | st.builds(Pmsi, st.integers(0, 255), st.just(1), u24, st.binary(max_size=20)),
    others=st.lists(
        st.builds(RawAttribute, st.just(0xE0), st.integers(100, 255), st.binary(max_size=300)),
        max_size=3,
        unique_by=lambda raw: raw.type,
    ).map(lambda raws: tuple(sorted(raws, key=lambda raw: raw.type))),
)
contexts = st.builds(
    Context, as4=st.booleans(), internal=st.booleans(), families=st.sampled_from([frozenset(), frozenset({EVPN})])
)
INTERNAL = Context(as4=True, internal=True, families=frozenset({EVPN}))


@st.composite
def mutated_updates(draw):
    """A well-formed UPDATE body with some octets changed, removed or doubled."""
    nlris = [route.pack() for route in draw(st.lists(routes, min_size=1, max_size=4))]
    value = draw(attribute_values)
    packed = attributes.pack(value, draw(st.booleans()))
    messages = update.pack_announcements(nlris, value.next_hop, packed, 65535)
    body = bytearray(messages[0][HEADER_OCTETS:])
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(body) - 1))
        match draw(st.integers(0, 2)):
            case 0:
                body[at] = draw(st.integers(0, 255))
            case 1 if len(body) > 1:
                del body[at]
            case _:
                body[at:at] = body[at : at + draw(st.integers(1, 8))]
    return bytes(body)


@given(routes)
def test_routes_round_trip(route):
    packed = route.pack()
    assert [evpn.parse(nlri) for nlri in evpn.split(packed)] == [route]
    assert evpn.parse(packed).key == route.key


@given(st.lists(routes, max_size=8))
def test_a_field_of_routes_is_cut_where_it_was_joined(several):
    packed = [route.pack() for route in several]
    assert list(evpn.split(b"".join(packed))) == packed


@given(mac_ips, mac_ips)
def test_keys_agree_exactly_if_what_names_the_routes_agrees(one, two):
    same = (one.rd, one.tag, one.mac, one.ip) == (two.rd, two.tag, two.mac, two.ip)
    assert (one.key == two.key) is same


@given(attribute_values, st.booleans())
def test_attributes_round_trip_with_four_octet_as_numbers_and_nearly_so_with_two(value, internal):
    context = Context(as4=True, internal=internal, families=frozenset({EVPN}))
    block = attribute_parse.parse(attributes.pack(value), context)
    inside = {"local_pref", "originator_id", "cluster_list"}
    expected = {
        name: getattr(value, name)
        for name in value.__struct_fields__
        if name not in ("next_hop", "others") and (internal or name not in inside)
    }
    assert {
        **{name: getattr(Attributes(next_hop=value.next_hop), name) for name in expected},
        **block.fields,
    } == expected
    assert tuple(block.others) == value.others


@given(paths)
def test_paths_cross_an_old_speaker_unharmed(path):
    packed = attributes.pack(Attributes(next_hop=Ip(bytes(4)), as_path=path), as4=False)
    old = Context(as4=False, internal=True, families=frozenset({EVPN}))
    read = attribute_parse.parse(packed, old).fields["as_path"]
    assert as_path.length(read) == as_path.length(path)
    assert sorted(set(as_path.asns(read))) == sorted(set(as_path.asns(path)))


@given(st.lists(mac_ips, min_size=1, max_size=200), attribute_values, st.sampled_from([4096, 65535]))
def test_announcements_keep_every_route_within_the_message_size(several, value, limit):
    nlris = [route.pack() for route in several]
    messages = update.pack_announcements(nlris, value.next_hop, attributes.pack(value), limit)
    parsed = [update.parse(message[HEADER_OCTETS:], INTERNAL) for message in messages]
    assert all(len(message) <= limit for message in messages)
    if messages:
        assert [octets for one in parsed for octets, _ in one.announced] == nlris


@given(
    st.builds(
        Open,
        asn=st.just(65001),
        hold_time_s=u16,
        router_id=ips4,
        capabilities=st.builds(
            Capabilities,
            families=st.lists(st.builds(Family, u16, st.integers(0, 255)), unique=True, max_size=3).map(tuple),
            asn=st.just(65001),
            route_refresh=st.booleans(),
            extended_message=st.booleans(),
            graceful_restart=st.none() | st.binary(max_size=20),
            unknown=st.lists(st.tuples(st.integers(70, 255), st.binary(max_size=200)), max_size=4).map(tuple),
        ),
    )
)
def test_opens_round_trip(value):
    assert opens.parse(value.pack()[HEADER_OCTETS:]) == value


@given(st.binary(max_size=300), contexts)
@example(bytes(4), INTERNAL)
def test_any_octets_raise_only_wire_errors(octets, context):
    for parse in (opens.parse, notification.parse, refresh.parse):
        with contextlib.suppress(WireError):
            parse(octets)
    with contextlib.suppress(WireError):
        for nlri in evpn.split(octets):
            with contextlib.suppress(WireError):
                evpn.parse(nlri)
    framer = Framer()
    framer.feed(octets)
    with contextlib.suppress(WireError):
        framer.next(65535)


@given(st.binary(max_size=200) | mutated_updates(), contexts)
def test_any_update_is_read_or_ends_the_session_with_an_update_error(body, context):
    code = Code.UPDATE
    try:
        parsed = update.parse(body, context)
    except BgpError as error:
        code = error.code
    else:
        assert (parsed.attributes is None) is (not parsed.announced)
        assert all(fault.reason for fault in parsed.faults)
    assert code is Code.UPDATE


@given(st.binary(max_size=120), contexts)
def test_any_path_attributes_are_read_or_end_the_session(octets, context):
    with contextlib.suppress(BgpError):
        attribute_parse.parse(octets, context)


@given(st.binary(max_size=300))
def test_strangers_texts_are_short_and_printable(octets):
    text = notification.printable(octets)
    assert text.isascii()
    assert text.isprintable()
    assert len(text) <= notification.TEXT_LIMIT
