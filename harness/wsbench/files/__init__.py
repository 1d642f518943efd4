"""Reads and writes files safely: atomic writes, locks, checksums, limits and schemas."""
