"""The leaderboards as a static site: an index, a page a dataset, a page a row, and a file for programs."""
