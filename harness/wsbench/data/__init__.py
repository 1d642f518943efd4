"""Reads datasets: files become samples, roles and views."""
