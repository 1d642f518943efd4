"""What is left of heatmaps when what a network learnt is taken away."""
