"""The curvature of the loss at trained weights: eigenvalues, trace and spectral density of its Hessian."""
