"""Shared by the tests: namespaces, sample rows, frames, real peers."""
