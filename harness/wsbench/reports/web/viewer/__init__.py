"""A report served on this machine alone, which reads images and heatmaps when they are looked at."""
