"""The built-in plugins, written like anybody's: of wsbench they import its public names and nothing else."""
