"""Training and measuring PyTorch networks."""
