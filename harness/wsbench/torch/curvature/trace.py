"""The trace of a symmetric matrix that is known by its products with vectors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from wsbench.errors import WsbenchError
from wsbench.torch.curvature.hessian import Hessian

FEWEST_PROBES = 2
"""One probe has no standard error."""


@dataclass(frozen=True)
class Trace:
    """An estimate of a trace.

    Attributes:
        value: the estimate. It has no bias.
        standard_error: of the estimate, by how far the probes differ.
    """

    value: float
    standard_error: float


def hutch_plus_plus(hessian: Hessian, probes: int, seed: int) -> Trace:
    """Estimate the trace by Hutch++: Meyer, Musco, Musco, Woodruff, "Hutch++: Optimal Stochastic Trace
    Estimation" (2021), algorithm 1.

    A third of the products finds a subspace that holds most of the matrix, and the next third its trace
    there, which is exact. The last third estimates what is left by random probes. How far these differ gives
    the standard error.

    Args:
        hessian: the matrix.
        probes: a third of the number of products, at least `FEWEST_PROBES`. As many vectors of all parameters
            are kept in memory.
        seed: of the random vectors, whose entries are 1 or -1.

    Raises:
        WsbenchError: too few probes, or more than half of the dimension.
    """
    if probes < FEWEST_PROBES:
        raise WsbenchError(
            f"{probes} probes of the trace have no standard error; give {FEWEST_PROBES} or more"
        )
    if 2 * probes > hessian.dimension:
        raise WsbenchError(
            f"{probes} probes of the trace of a network with {hessian.dimension} parameters; give fewer"
        )
    generator = torch.Generator().manual_seed(seed)
    sketch = torch.stack([hessian.product(_signs(hessian, generator)) for _ in range(probes)], dim=1)
    basis = torch.linalg.qr(sketch).Q
    del sketch
    exact = sum(float(column @ hessian.product(column)) for column in basis.T.contiguous())
    rest = []
    for _ in range(probes):
        probe = _signs(hessian, generator)
        probe = probe - basis @ (basis.T @ probe)
        rest.append(float(probe @ hessian.product(probe)))
    return Trace(exact + float(np.mean(rest)), float(np.std(rest, ddof=1)) / probes**0.5)


def _signs(hessian: Hessian, generator: torch.Generator) -> Tensor:
    """``(P,)`` of 1 and -1. They are drawn on the CPU, so that they are the same on every device."""
    signs = torch.randint(0, 2, (hessian.dimension,), generator=generator, dtype=torch.int8)
    return (2 * signs - 1).to(hessian.device, hessian.dtype)
