"""What can be measured of a Hessian. Each part is measured, and kept, by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from wsbench.errors import choose

if TYPE_CHECKING:
    from wsbench.torch.curvature.hessian import Hessian


class Part(Protocol):
    """A dataclass whose fields are settings that the numbers depend on.

    Attributes:
        name: the name of the part, for its folder and for the display of progress.
    """

    @property
    def name(self) -> str: ...

    @property
    def products(self) -> int | None:
        """The number of products that measuring takes; None where it is not known before."""

    def measure(self, hessian: Hessian, seed: int) -> Mapping[str, Any]:
        """Measure it, and return JSON values."""


@dataclass(frozen=True)
class Point:
    """The number of parameters, the loss, and the norm of its gradient."""

    name: ClassVar[str] = "point"
    products: ClassVar[int] = 0

    def measure(self, hessian: Hessian, seed: int) -> Mapping[str, Any]:
        """Return ``parameters``, ``loss`` and ``gradient_norm``."""
        loss, norm = hessian.loss_and_gradient()
        return {"parameters": hessian.dimension, "loss": loss, "gradient_norm": norm}


@dataclass(frozen=True)
class LargestEigenvalues:
    """The largest eigenvalues; see `wsbench.torch.curvature.eigenvalues.largest`."""

    name: ClassVar[str] = "eigenvalues"
    products: ClassVar[None] = None

    count: int
    order: str
    tolerance: float

    def __post_init__(self) -> None:
        from wsbench.torch.curvature.eigenvalues import ORDERS

        choose(self.order, ORDERS, "order of eigenvalues")

    def measure(self, hessian: Hessian, seed: int) -> Mapping[str, Any]:
        """Return ``values``, the largest first, and their ``residuals``."""
        from wsbench.torch.curvature.eigenvalues import largest

        pairs = largest(hessian, self.count, order=self.order, tolerance=self.tolerance, seed=seed)
        return {"values": pairs.values.tolist(), "residuals": pairs.residuals.tolist()}


@dataclass(frozen=True)
class EstimatedTrace:
    """The trace; see `wsbench.torch.curvature.trace.hutch_plus_plus`."""

    name: ClassVar[str] = "trace"

    probes: int

    @property
    def products(self) -> int:
        """Three for each probe."""
        return 3 * self.probes

    def measure(self, hessian: Hessian, seed: int) -> Mapping[str, Any]:
        """Return ``value`` and ``standard_error``."""
        from wsbench.torch.curvature.trace import hutch_plus_plus

        estimate = hutch_plus_plus(hessian, self.probes, seed)
        return {"value": estimate.value, "standard_error": estimate.standard_error}


@dataclass(frozen=True)
class DensityRun:
    """One run of the Lanczos iteration for the spectral density; see
    `wsbench.torch.curvature.density.quadrature`."""

    number: int
    steps: int

    @property
    def name(self) -> str:
        """Each run has its own."""
        return f"density-{self.number}"

    @property
    def products(self) -> int:
        """One for each step."""
        return self.steps

    def measure(self, hessian: Hessian, seed: int) -> Mapping[str, Any]:
        """Return ``nodes`` and ``weights``."""
        from wsbench.torch.curvature.density import quadrature

        run = quadrature(hessian, self.steps, seed)
        return {"nodes": run.nodes.tolist(), "weights": run.weights.tolist()}


@dataclass(frozen=True)
class Effort:
    """How each part is measured.

    Attributes:
        eigenvalues: the number of eigenvalues, their order and their tolerance.
        trace: the number of probes.
        density: the runs of the Lanczos iteration.
    """

    eigenvalues: LargestEigenvalues
    trace: EstimatedTrace
    density: Sequence[DensityRun]

    def parts(self, names: Sequence[str] = ()) -> Sequence[Part]:
        """The parts of some names, in the order in which they are measured. `Point` is always among them.

        Args:
            names: ``eigenvalues``, ``trace`` and ``density``; empty for all.

        Raises:
            WsbenchError: there is no such part.
        """
        by_name: Mapping[str, Sequence[Part]] = {
            "eigenvalues": [self.eigenvalues],
            "trace": [self.trace],
            "density": self.density,
        }
        for name in names:
            choose(name, by_name, "part")
        chosen = [part for name, parts in by_name.items() for part in parts if not names or name in names]
        return [Point(), *chosen]
