"""Checks, stores and reads the predictions of methods and of external programs."""
