"""Questions to runs, and over many runs: what is left of maps when the learnt is taken away, for one."""
