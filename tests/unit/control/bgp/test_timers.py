"""Named deadlines."""

from weft.control.bgp.timers import Timer, Timers


def test_expired_timers_come_out_once_and_in_order():
    timers = Timers()
    timers.start(Timer.HOLD, 30.0)
    timers.start(Timer.KEEPALIVE, 10.0)
    timers.start(Timer.CONNECT_RETRY, 50.0)
    assert timers.next() == 10.0
    assert timers.pop_expired(9.9) is None
    assert [timers.pop_expired(30.0) for _ in range(3)] == [Timer.KEEPALIVE, Timer.HOLD, None]
    assert timers.next() == 50.0


def test_starting_again_moves_the_deadline_and_stopping_removes_it():
    timers = Timers()
    timers.start(Timer.HOLD, 10.0)
    timers.start(Timer.HOLD, 20.0)
    assert timers.pop_expired(15.0) is None
    timers.stop(Timer.HOLD)
    timers.stop(Timer.HOLD)
    assert timers.next() is None
    timers.start(Timer.HOLD, 1.0)
    timers.stop_all()
    assert timers.next() is None
