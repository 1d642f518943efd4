"""Rows, leaderboards, curves and pictures of finished runs."""
