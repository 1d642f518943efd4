"""Built-in trackers: where runs can be followed while they train, and compared afterwards."""
