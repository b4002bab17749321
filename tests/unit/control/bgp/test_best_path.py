"""Route selection, RFC 4271 section 9.1.2 and RFC 4456 section 9."""

import itertools

import pytest

from weft.control.bgp import best_path
from weft.control.bgp.reasons import Reason
from weft.values import Ip
from weft.wire.bgp.as_path import Segment


def path(*asns):
    return (Segment(2, asns),)


def ip(text):
    return Ip.parse(text)


@pytest.fixture
def duel(route, source):
    """(better, worse) for each step, all earlier steps being equal."""
    two, three = source("192.0.2.2"), source("192.0.2.3")
    outside = source("192.0.2.3", internal=False)
    return {
        "own": (route(of=source(None)), route(of=two, local_pref=900)),
        "local pref": (route(of=three, local_pref=101, as_path=path(1, 2)), route(of=two)),
        "default local pref": (route(of=three), route(of=two, local_pref=99)),
        "path length": (
            route(of=three, as_path=path(1), med=9),
            route(of=two, as_path=path(1, 2)),
        ),
        "origin": (
            route(of=three, origin=0, as_path=path(1), med=9),
            route(of=two, origin=1, as_path=path(1)),
        ),
        "med": (route(of=three, as_path=path(1), med=1), route(of=two, as_path=path(1), med=2)),
        "external": (route(of=outside, as_path=path(1)), route(of=two, as_path=path(2))),
        "router id": (
            route(of=source("192.0.2.3", router_id=ip("10.0.0.1"))),
            route(of=source("192.0.2.2", router_id=ip("10.0.0.2"))),
        ),
        "originator id": (
            route(of=three, originator_id=ip("10.0.0.1")),
            route(of=two, originator_id=ip("10.0.0.2")),
        ),
        "cluster list": (
            route(of=three, originator_id=ip("10.0.0.1"), cluster_list=(ip("1.1.1.1"),)),
            route(of=two, originator_id=ip("10.0.0.1"), cluster_list=(ip("1.1.1.1"), ip("2.2.2.2"))),
        ),
        "peer address": (
            route(of=source("192.0.2.2", router_id=ip("10.0.0.1"))),
            route(of=source("192.0.2.3", router_id=ip("10.0.0.1"))),
        ),
    }


STEPS = [
    "own",
    "local pref",
    "default local pref",
    "path length",
    "origin",
    "med",
    "external",
    "router id",
    "originator id",
    "cluster list",
    "peer address",
]


@pytest.mark.parametrize("step", STEPS)
def test_each_step_decides_whatever_the_order(duel, step):
    better, worse = duel[step]
    assert best_path.best([better, worse]) is better
    assert best_path.best([worse, better]) is better


def test_med_does_not_compare_across_neighbouring_ases(route, source):
    a = route(of=source("192.0.2.2"), as_path=path(1), med=50)
    b = route(of=source("192.0.2.3"), as_path=path(2), med=1)
    assert best_path.best([a, b]) is a


def test_the_result_does_not_depend_on_order_where_med_is_not_transitive(route, source):
    routes = [
        route(of=source("192.0.2.4"), as_path=path(1), med=10),
        route(of=source("192.0.2.3"), as_path=path(2), med=5),
        route(of=source("192.0.2.2"), as_path=path(1), med=20),
    ]
    assert {id(best_path.best(list(order))) for order in itertools.permutations(routes)} == {id(routes[1])}


def test_excluded_routes_never_win(route, source):
    loop = route(of=source("192.0.2.2"), excluded=Reason.AS_LOOP, local_pref=500)
    plain = route(of=source("192.0.2.3"))
    assert best_path.best([loop, plain]) is plain
    assert best_path.best([loop]) is None
    assert best_path.best([]) is None
