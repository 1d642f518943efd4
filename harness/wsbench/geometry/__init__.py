"""Coordinates, overlaps, boxes and heatmaps: the only arithmetic on them."""
