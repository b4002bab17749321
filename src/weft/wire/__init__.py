"""Octets <-> values, one header a file, all of one shape. Pure.

`parse(data, offset)` is strict and for forwarding: it returns the header and the offset behind it, or raises a
`WireError`. `pack()` gives the header's octets. A header does not know its neighbours: it says what comes next
(`ethertype`, `protocol`) and the caller decides who reads it.
"""
