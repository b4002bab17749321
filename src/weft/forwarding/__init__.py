"""The contract between control planes and data planes, and its executable specification.

Control planes write rows (`rows.py`), which form an immutable `Snapshot`; the change from one snapshot to the
next is a `Delta` (`snapshot.py`). Data planes consume deltas, keep a table of what they learned themselves, and
report facts (`facts.py`). `pipeline.py` says what happens to a frame, octet by octet; each data plane is held
to its answers. Drop reasons (`drops.py`), counters and the flow hash (`flowhash.py`) are defined here once; the
C header of the eBPF program is generated from them.

Pure: time is an argument, and nothing here knows a socket or a kernel.
"""
