"""Tunnel headers, one file each, all of one shape: constants, one class with `parse` and `pack`."""
