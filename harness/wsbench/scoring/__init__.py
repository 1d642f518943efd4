"""Computes metrics and their intervals from predictions and truth, which are handed over as values."""
