"""The tables of a leaderboard as values, and their formats: markdown, CSV and LaTeX."""
