"""Thin adapters to the kernel: namespaces, netlink, packet sockets, bpf(2)."""
