"""One agent: the only place that wires control planes, data plane and the machine together.

    daemon.py     process: signals, state directory, API, orderly stop
    node.py       the loop: facts and events in, rows and routes out
    desired.py    which rows ought to be in the data plane, and which failed
    transport.py  carries out the BGP speaker's commands over TCP
    view.py       what the API shows, as plain items

Everything runs in one event loop; no step takes longer than some milliseconds, bulk work is sliced.
"""
