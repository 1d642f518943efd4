"""Sanity checks: how much heatmaps change when what a network learnt is randomised."""
