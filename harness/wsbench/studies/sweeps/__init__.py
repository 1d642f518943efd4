"""Sweeps: many runs that differ in settings, carried out on one machine or a cluster, and their table."""
