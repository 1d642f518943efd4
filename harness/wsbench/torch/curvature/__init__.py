"""The Hessian of a network's loss: its products with vectors, eigenvalues, trace and spectral density."""
