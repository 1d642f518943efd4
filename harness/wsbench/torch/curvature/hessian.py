"""The Hessian of a mean loss over images, as a matrix that is known by its products with vectors."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from wsbench.data.views import WeakView
from wsbench.errors import WsbenchError, choose
from wsbench.torch.curvature.library import curvlinops
from wsbench.torch.losses import NetworkLoss

LOSSES: Mapping[str, Callable[[NetworkLoss], Callable[..., Tensor]]] = {
    "own": lambda loss: loss.own,
    "cross_entropy": lambda loss: loss.cross_entropy,
}
"""The losses by their names."""

PRECISIONS: Mapping[str, torch.dtype] = {"float32": torch.float32, "float64": torch.float64}
"""The types of floating-point numbers by their names."""

MISSING = re.compile(r"derivative for (?:aten::)?(\w+?)(?:_backward)? is not implemented")
"""What torch says of an operation without a second derivative."""


class Hessian:
    """The second derivatives of a mean loss over some images, by the P parameters that a network trains.

    It is an operator of `curvlinops <https://curvlinops.readthedocs.io>`_, whose products are computed one
    batch after the other. The Hessian of all images is the mean of those of the batches, weighted by their
    numbers of images.

    Args:
        loss: the network and its losses. The network is set to eval mode and converted to ``precision``.
        name: which loss, one of `LOSSES`.
        images: the images and their labels.
        batch_size: number of images that are differentiated together. It bounds memory, and changes products
            by rounding alone.
        precision: one of `PRECISIONS`.

    Attributes:
        dimension: P.
        products: how many products were computed so far.
        after_product: called after each product.

    Raises:
        WsbenchError: curvlinops is not installed, or the network trains no parameter.
    """

    def __init__(
        self, loss: NetworkLoss, name: str, images: WeakView, *, batch_size: int, precision: str
    ) -> None:
        dtype = choose(precision, PRECISIONS, "precision")
        function = choose(name, LOSSES, "loss")(loss)
        batches = [_converted(loss.batch(chunk), dtype) for chunk in images.chunks(batch_size)]
        network = loss.network.eval().to(dtype)
        parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
        if not parameters:
            raise WsbenchError("the network has no parameter that is trained, so its loss has no Hessian")
        self.dtype, self.device = dtype, parameters[0].device
        self.products = 0
        self.after_product: Callable[[], object] = lambda: None
        self._operator = _operator_class()(
            _LossOfBatch(network, function),
            _Identity(),
            parameters,
            _Batches(batches, self.device),
            check_deterministic=False,
            num_data=len(images),
            batch_size_fn=_size_of,
        )
        self.dimension: int = self._operator.shape[0]

    def product(self, vector: Tensor) -> Tensor:
        """The product with one vector.

        Args:
            vector: ``(P,)`` on ``device``, of ``dtype``.

        Returns:
            ``(P,)``.

        Raises:
            WsbenchError: torch has no second derivative of an operation of the network.
        """
        try:
            with sdpa_kernel(SDPBackend.MATH):  # attention has second derivatives in its plain form alone
                result: Tensor = self._operator @ vector
        except RuntimeError as error:
            if (missing := MISSING.search(str(error))) is None:
                raise
            raise WsbenchError(
                f"torch has no second derivative of {missing[1]}, which the network uses; take another one"
            ) from None
        self.products += 1
        self.after_product()
        return result

    def loss_and_gradient(self) -> tuple[float, float]:
        """The mean loss, and the Euclidean norm of its gradient. At a minimum the gradient is 0."""
        gradient, loss = self._operator.gradient_and_loss()
        squares = sum(float(part.double().square().sum()) for part in gradient)
        return float(loss), squares**0.5


class _LossOfBatch(nn.Module):
    """The loss of a batch, as a module that holds the network. curvlinops gives it other parameters while it
    is called, and so does the loss that calls the network."""

    def __init__(self, network: nn.Module, function: Callable[..., Tensor]) -> None:
        super().__init__()
        self.network = network
        self._function = function

    def forward(self, batch: Mapping[int, Tensor]) -> Tensor:
        return self._function(*batch.values())


class _Identity(nn.Module):
    """What curvlinops takes for the loss, where the network's output is the loss already: a mean."""

    reduction = "mean"

    def forward(self, loss: Tensor, _: Tensor) -> Tensor:
        return loss


class _Batches:
    """Batches in the form of curvlinops, each moved to the device when it is needed."""

    def __init__(self, batches: Sequence[tuple[Tensor, ...]], device: torch.device) -> None:
        self._batches = batches
        self._device = device

    def __iter__(self) -> Iterator[tuple[dict[int, Tensor], Tensor]]:
        for batch in self._batches:
            moved = {index: tensor.to(self._device) for index, tensor in enumerate(batch)}
            yield moved, torch.zeros(())


def _size_of(batch: Mapping[int, Tensor]) -> int:
    return len(batch[0])


def _converted(batch: tuple[Tensor, ...], dtype: torch.dtype) -> tuple[Tensor, ...]:
    """A batch on the CPU, with floating-point numbers of one type. Copies, since what was made in inference
    mode cannot be differentiated by."""
    return tuple(
        tensor.detach().clone().to("cpu", dtype if tensor.is_floating_point() else tensor.dtype)
        for tensor in batch
    )


def _operator_class() -> Any:
    class ByDoubleBackward(curvlinops().HessianLinearOperator):  # type: ignore[misc]  # it has no types
        """Its products are backward derivatives of backward derivatives.

        Those of curvlinops 3.0.1 are forward derivatives of `torch.func.jacrev`, which torch 2.14 computes
        wrongly for the weights of LayerNorm, by up to a fifth.
        """

        def _matmat_batch(self, X: Any, y: Tensor, M: list[Tensor]) -> list[Tensor]:
            return _products(self._model_func(X), self._params, M)

    return ByDoubleBackward


def _products(loss: Tensor, parameters: Sequence[nn.Parameter], matrix: Sequence[Tensor]) -> list[Tensor]:
    """The products of the Hessian of a loss with the columns of a matrix.

    Args:
        loss: a scalar, by the parameters.
        parameters: all that the Hessian is by.
        matrix: for each parameter, ``(*shape, K)``.

    Returns:
        The same shapes.
    """
    gradients = _derivatives(loss, parameters, create_graph=True)
    columns = []
    for column in zip(*(part.unbind(-1) for part in matrix), strict=True):
        along = torch.stack(
            [(part * slope).sum() for part, slope in zip(column, gradients, strict=True)]
        ).sum()
        if along.requires_grad:
            columns.append(_derivatives(along, parameters))
        else:  # the loss is linear
            columns.append(tuple(torch.zeros_like(parameter) for parameter in parameters))
    return [torch.stack(parts, dim=-1) for parts in zip(*columns, strict=True)]


def _derivatives(
    value: Tensor, parameters: Sequence[nn.Parameter], *, create_graph: bool = False
) -> tuple[Tensor, ...]:
    return torch.autograd.grad(
        value,
        parameters,
        create_graph=create_graph,
        retain_graph=True,
        allow_unused=True,
        materialize_grads=True,
    )
