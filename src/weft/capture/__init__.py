"""Captures: packets of pcap and pcapng files as columns, and what can be told from them. The library part is public.

from weft.capture import open_capture

with open_capture("trace.pcap") as capture:
    for block, columns in capture.columns():
        print(len(block), columns.innermost().key)
"""

from weft.capture.columns import NO_KEY, Columns, EncapCode, Fault, Level, Reading
from weft.capture.decode import decode
from weft.capture.reader import Block, BrokenCapture, Capture, open_capture

__all__ = [
    "NO_KEY",
    "Block",
    "BrokenCapture",
    "Capture",
    "Columns",
    "EncapCode",
    "Fault",
    "Level",
    "Reading",
    "decode",
    "open_capture",
]
