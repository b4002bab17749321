"""The RIB: routes of all sources and the best of each key."""

from weft.control.bgp.reasons import Reason
from weft.control.bgp.rib import Rib
from weft.values import Ip


def test_the_best_follows_what_comes_and_goes(route, source):
    rib = Rib()
    worse = route(of=source("192.0.2.3"))
    better = route(of=source("192.0.2.2"))
    assert rib.put(worse)
    assert rib.put(better)
    assert rib.best(better.key) is better
    assert not rib.remove(worse.peer, worse.key)
    assert rib.remove(better.peer, better.key)
    assert rib.best(better.key) is None
    assert list(rib.routes()) == []


def test_a_worse_route_changes_nothing(route, source):
    rib = Rib()
    rib.put(route(of=source("192.0.2.2")))
    assert not rib.put(route(of=source("192.0.2.3")))


def test_a_route_replaces_the_one_with_its_key_from_its_peer(route):
    rib = Rib()
    rib.put(route(med=1))
    assert rib.put(route(med=2))
    assert [found.attributes.med for found, _ in rib.routes()] == [2]
    assert len(rib.of_source(Ip.parse("192.0.2.2"))) == 1


def test_removing_what_is_not_there_changes_nothing(route):
    rib = Rib()
    assert not rib.remove(None, b"nothing")
    rib.put(route())
    assert not rib.remove(Ip.parse("192.0.2.77"), route().key)


def test_excluded_routes_are_kept_but_not_best(route):
    rib = Rib()
    assert not rib.put(route(excluded=Reason.AS_LOOP))
    assert [(found.excluded, best) for found, best in rib.routes()] == [(Reason.AS_LOOP, False)]
    assert list(rib.best_keys()) == []


def test_stale_keys_are_those_of_earlier_sessions(route, source):
    rib, peer = Rib(), Ip.parse("192.0.2.2")
    old, new = source(), source()
    for number in range(5):
        rib.put(route(number, of=old))
    rib.put(route(2, of=new))
    assert set(rib.stale_keys(peer, new, 100)) == {route(n).key for n in (0, 1, 3, 4)}
    assert len(rib.stale_keys(peer, new, 3)) == 3
    assert len(rib.stale_keys(peer, None, 100)) == 5
    assert rib.stale_keys(Ip.parse("192.0.2.77"), None, 9) == []
