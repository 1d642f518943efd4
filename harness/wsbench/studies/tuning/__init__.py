"""Tuning: settings of a method that do best on the held-out roles, searched by Optuna over many runs."""
