"""The spectral density of a symmetric matrix, by Lanczos quadrature."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from wsbench.errors import WsbenchError
from wsbench.torch.curvature.hessian import Hessian
from wsbench.torch.curvature.library import curvlinops

SPECTRUM = ".papyan2020traces.spectrum"
"""The module of curvlinops that is used here."""
POINTS = 1024
"""Points of a smoothed density."""
KAPPA = 3.0
"""How narrow the bumps of a smoothed density are. It and the margin are those of Papyan, section D.2."""
MARGIN = 0.05
"""By how much a smoothed density goes beyond the outermost nodes at least, as a share of their distance."""


@dataclass(frozen=True)
class Quadrature:
    """A spectrum as some eigenvalues with weights.

    Attributes:
        nodes: ``(m,)`` eigenvalues of the matrix in a small subspace, the lowest first. The outermost ones
            are close to the outermost eigenvalues of the matrix.
        weights: ``(m,)``, the share of all eigenvalues that each stands for. Their sum is 1.
    """

    nodes: np.ndarray
    weights: np.ndarray


def quadrature(hessian: Hessian, steps: int, seed: int) -> Quadrature:
    """One run of the Lanczos iteration from a random vector: Papyan, "Traces of Class/Cross-Class Structure
    Pervade Deep Learning Spectra" (2020), algorithm 2, as curvlinops has it.

    Args:
        hessian: the matrix.
        steps: number of nodes, at least 2 and at most the dimension.
        seed: of the random vector.

    Raises:
        WsbenchError: too few or too many steps, or the matrix is 0.
    """
    if not 2 <= steps <= hessian.dimension:
        raise WsbenchError(
            f"{steps} steps for the density of a network with {hessian.dimension} parameters; give from 2 to "
            f"{hessian.dimension}"
        )
    devices = [hessian.device] if hessian.device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        try:
            nodes, vectors = curvlinops(SPECTRUM).fast_lanczos(_Counted(hessian), steps)
        # A vector that became 0 was divided by its norm. torch documents this error, and its types lack it.
        except torch.linalg.LinAlgError:  # type: ignore[attr-defined]
            raise WsbenchError(
                f"the Hessian has fewer than {steps} different eigenvalues; give fewer steps for its density"
            ) from None
    return Quadrature(nodes.double().cpu().numpy(), vectors[0].double().square().cpu().numpy())


class _Counted:
    """The parts of an operator that `fast_lanczos` uses, with products that are counted."""

    def __init__(self, hessian: Hessian) -> None:
        self._hessian = hessian
        self.device, self.dtype = hessian.device, hessian.dtype
        self.shape = (hessian.dimension, hessian.dimension)

    def __matmul__(self, vector: torch.Tensor) -> torch.Tensor:
        return self._hessian.product(vector)


def smoothed(quadratures: Sequence[Quadrature]) -> tuple[np.ndarray, np.ndarray]:
    """The mean of some quadratures as a density, where each node is a bump of a normal law.

    Args:
        quadratures: of the same matrix, with as many nodes each.

    Returns:
        ``(POINTS,)`` eigenvalues, and ``(POINTS,)`` densities at them. The integral of the density is 1.
    """
    density_of = curvlinops(SPECTRUM).lanczos_approximate_spectrum_from_iter
    nodes = np.concatenate([run.nodes for run in quadratures])
    ends = float(nodes.min()), float(nodes.max())
    densities = []
    for run in quadratures:
        # It takes eigenvectors, and reads the squares of their first entries alone: the weights.
        iteration = (torch.from_numpy(run.nodes), torch.from_numpy(np.sqrt(run.weights))[None])
        grid, density = density_of(iteration, ends, POINTS, KAPPA, _margin(len(run.nodes)))
        densities.append(density.numpy())
    return grid.numpy(), np.mean(densities, axis=0)


def _margin(nodes: int) -> float:
    """The margin of a smoothed density, in which three standard deviations of a bump fit."""
    deviation = 1 / (max(nodes - 1, 3) * math.sqrt(8 * math.log(KAPPA)))  # as a share of the density's range
    return max(MARGIN, 3 * deviation / (1 - 6 * deviation))
