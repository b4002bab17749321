"""Measurements, as ratios of set-ups measured side by side in one run. `./run bench` prints them.

dataplane.py  raw veth, kernel VXLAN with and without a bridge, weft: throughput, rates, CPU
demo.py       time and memory to bring the demo fabric up
packets.py    capture tools against tshark and others
"""
