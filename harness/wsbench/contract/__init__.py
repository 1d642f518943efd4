"""The contract between the harness and plugins: base classes, specs, hooks and records."""
