"""The largest eigenvalues of a symmetric matrix, with the residual of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from wsbench.errors import WsbenchError, choose
from wsbench.torch.curvature.hessian import Hessian

ORDERS: Mapping[str, str] = {"value": "LA", "magnitude": "LM"}
"""By which eigenvalues are the largest, with SciPy's name: their values, or their absolute values."""

RESTARTS = 500
"""Most restarts of the iteration. Each takes some ten products."""


@dataclass(frozen=True)
class Eigenvalues:
    """Some eigenvalues of a symmetric matrix H.

    Attributes:
        values: ``(k,)``, the largest first.
        residuals: ``(k,)`` norms of ``H v - value v``, with v the computed eigenvector of length 1. H has an
            eigenvalue that is no farther from the value than this.
    """

    values: np.ndarray
    residuals: np.ndarray


def largest(hessian: Hessian, count: int, *, order: str, tolerance: float, seed: int) -> Eigenvalues:
    """The largest eigenvalues, by the implicitly restarted Lanczos iteration (ARPACK, `scipy.sparse.linalg`).

    Args:
        hessian: the matrix.
        count: number of eigenvalues, at least 1 and below the dimension.
        order: one of `ORDERS`.
        tolerance: the iteration ends where each residual is at most this share of its eigenvalue.
        seed: of the vector that the iteration starts with.

    Raises:
        WsbenchError: too many eigenvalues, or the iteration did not converge.
    """
    from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

    which = choose(order, ORDERS, "order of eigenvalues")
    if count >= hessian.dimension:
        raise WsbenchError(
            f"{count} eigenvalues of a network with {hessian.dimension} parameters; ask for fewer"
        )

    def product(vector: np.ndarray) -> np.ndarray:
        tensor = torch.as_tensor(vector.ravel(), dtype=hessian.dtype, device=hessian.device)
        values: np.ndarray = hessian.product(tensor).cpu().numpy()
        return values

    shape = (hessian.dimension, hessian.dimension)
    matrix = LinearOperator(shape, matvec=product, dtype=torch.empty(0, dtype=hessian.dtype).numpy().dtype)
    start = np.random.default_rng(seed).standard_normal(hessian.dimension).astype(matrix.dtype)
    try:
        values, vectors = eigsh(matrix, count, which=which, v0=start, tol=tolerance, maxiter=RESTARTS)
    except ArpackNoConvergence as error:
        raise WsbenchError(
            f"{len(error.eigenvalues)} of {count} eigenvalues converged; give a larger --tolerance than "
            f"{tolerance:g}, or --precision float64"
        ) from None
    residuals = [
        float(np.linalg.norm(product(vector).astype(float) - value * vector.astype(float)))
        for value, vector in zip(values.astype(float), vectors.T, strict=True)
    ]
    falling = np.argsort(-(np.abs(values) if order == "magnitude" else values), kind="stable")
    return Eigenvalues(values[falling].astype(float), np.array(residuals)[falling])
