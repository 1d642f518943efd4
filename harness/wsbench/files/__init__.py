"""Reading and writing files safely: atomic writes, locks, checksums, limits and schemas."""
