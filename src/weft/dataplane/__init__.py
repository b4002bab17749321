"""Data planes: they carry out forwarding rows and report facts.

`base.py` is the interface, documented call by call. `fake` runs the reference pipeline in memory, `ebpf` loads
tc programs into the kernel. The contract suite in the tests holds each to the pipeline's answers.
"""
