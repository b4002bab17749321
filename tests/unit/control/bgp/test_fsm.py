"""The state machine's table, RFC 4271 section 8."""

import itertools

import pytest

from weft.control.bgp.fsm import TABLE, Action, Event, State

CONNECTED = (State.OPEN_SENT, State.OPEN_CONFIRM, State.ESTABLISHED)


def test_every_pair_of_state_and_event_is_defined():
    assert set(TABLE) == set(State)
    for state in State:
        assert set(TABLE[state]) == set(Event)


def test_every_action_and_every_state_is_reached():
    cells = [cell for row in TABLE.values() for cell in row.values()]
    assert {action for action, _ in cells} == set(Action)
    assert {state for _, state in cells} == set(State)


@pytest.mark.parametrize(("state", "event"), list(itertools.product(State, Event)))
def test_ending_actions_lead_to_idle_and_idle_stays_until_started(state, event):
    action, following = TABLE[state][event]
    if action in (Action.NOTIFY, Action.FSM_ERROR, Action.RELEASE):
        assert following is State.IDLE
    if action is Action.IGNORE:
        assert following is state
    if state is State.IDLE and event not in (Event.START, Event.START_PASSIVE):
        assert following is State.IDLE


@pytest.mark.parametrize("state", CONNECTED)
def test_errors_of_the_peer_end_a_connected_session(state):
    for event in (Event.HEADER_ERROR, Event.HOLD_EXPIRES, Event.STOP, Event.COLLISION_DUMP):
        assert TABLE[state][event] == (Action.NOTIFY, State.IDLE)


def test_routes_are_taken_in_established_only():
    allowed = [state for state in State if TABLE[state][Event.UPDATE][0] is Action.RESTART_HOLD]
    assert allowed == [State.ESTABLISHED]
