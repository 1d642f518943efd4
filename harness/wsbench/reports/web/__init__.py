"""HTML pages that hold all they need: the report of runs, its cases, and the site of leaderboards."""
