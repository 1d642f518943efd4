"""What plugins hand over and what runs leave: base classes, specs, hooks, records."""
