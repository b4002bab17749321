"""Tunnel headers, one file each, all of one shape: constants, `parse`, `dissect`, `pack` and a ledger."""
