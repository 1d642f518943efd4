"""Trackers of runs: which ones a user chose, what each of them has had, and the calls into them."""
