"""Fabrics of network namespaces on one machine: planned, built, proved and removed."""
