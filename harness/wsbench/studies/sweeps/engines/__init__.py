"""Engines: what starts the commands of a sweep, on this machine, by Ray or by SLURM."""
