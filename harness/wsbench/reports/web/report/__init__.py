"""The report of runs: one HTML page, with a module for each of its questions."""
