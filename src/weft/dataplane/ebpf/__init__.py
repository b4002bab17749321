"""The eBPF data plane.

`layout.py` defines the maps once, for Python and for C; `c/` is the program; `elf.py` reads the compiled object;
`tables.py` writes rows into maps; `hooks.py` attaches and survives; `plane.py` is the data plane itself.
Every program is held to `forwarding/pipeline.py` by BPF_PROG_TEST_RUN.
"""
