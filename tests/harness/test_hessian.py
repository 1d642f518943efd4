"""The Hessian of a loss, its eigenvalues, trace and density, beside the dense matrix of a small network."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from wsbench import testing
from wsbench.data.views import WeakView
from wsbench.errors import WsbenchError
from wsbench.torch.curvature.density import quadrature, smoothed
from wsbench.torch.curvature.eigenvalues import largest
from wsbench.torch.curvature.hessian import Hessian
from wsbench.torch.curvature.trace import hutch_plus_plus
from wsbench.torch.losses import NetworkLoss

IMAGES = 23
"""Not a multiple of any size of batch here."""


class Small(nn.Module):
    """Convolution, normalisation, attention, dropout and an in-place ReLU, in 290 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(
            nn.Conv2d(1, 6, 3, stride=2), nn.BatchNorm2d(6), nn.ReLU(inplace=True), nn.MaxPool2d(2)
        )
        self.attended = nn.Linear(6, 18, bias=False)
        self.head = nn.Sequential(nn.Linear(6, 12), nn.Dropout(0.5), nn.Tanh(), nn.Linear(12, 2))

    def forward(self, images: Tensor) -> Tensor:
        features = self.first(images).flatten(2).transpose(1, 2)
        features = functional.scaled_dot_product_attention(*self.attended(features).chunk(3, dim=2))
        return self.head(features.mean(dim=1))


@pytest.fixture(scope="module")
def images() -> WeakView:
    loaded = testing.toy()
    return loaded.views.weak(loaded.roles.members["fit"][:IMAGES])


@pytest.fixture(scope="module")
def loss(images: WeakView) -> NetworkLoss:
    """A network that has learnt a little, so that its largest eigenvalues lie apart."""
    torch.manual_seed(0)
    network = Small()

    def batch(view: WeakView) -> tuple[Tensor, ...]:
        pixels = torch.from_numpy(view.pixels(20, 20)[:])[:, None].float() / 255
        return pixels, torch.from_numpy(view.labels)[:, 0].long()

    def smooth(inputs: Tensor, target: Tensor) -> Tensor:
        return functional.cross_entropy(network(inputs), target, label_smoothing=0.2)

    def plain(inputs: Tensor, target: Tensor) -> Tensor:
        return functional.cross_entropy(network(inputs), target)

    optimiser = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(60):
        optimiser.zero_grad()
        plain(*batch(images)).backward()
        optimiser.step()
    return NetworkLoss(network, batch, own=smooth, cross_entropy=plain)


def hessian(loss: NetworkLoss, images: WeakView, name: str = "own", batch: int = 9) -> Hessian:
    return Hessian(loss, name, images, batch_size=batch, precision="float64")


def dense(loss: NetworkLoss, images: WeakView, name: str) -> np.ndarray:
    """The matrix, entry by entry, of all images at once by torch alone."""
    network = loss.network.double().eval()
    function = loss.own if name == "own" else loss.cross_entropy
    inputs, target = loss.batch(images)
    parameters = list(network.parameters())
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        value = function(inputs.double(), target)
        gradients = torch.autograd.grad(value, parameters, create_graph=True)
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        rows = [torch.autograd.grad(entry, parameters, retain_graph=True) for entry in flat]
    return np.array([torch.cat([part.flatten() for part in row]).numpy() for row in rows])


class Matrix(Hessian):
    """The operator of a matrix that is at hand, whose products take no time."""

    def __init__(self, matrix: np.ndarray) -> None:
        self.matrix = torch.from_numpy(matrix)
        self.dtype, self.device, self.dimension = torch.float64, torch.device("cpu"), len(matrix)

    def product(self, vector: Tensor) -> Tensor:
        return self.matrix @ vector


@pytest.fixture(scope="module")
def matrix(loss: NetworkLoss, images: WeakView) -> np.ndarray:
    return dense(loss, images, "own")


def test_products_are_those_of_the_dense_matrix(
    loss: NetworkLoss, images: WeakView, matrix: np.ndarray
) -> None:
    """Of both losses; whatever the size of batches, and the last one is smaller than the others."""
    vector = torch.randn(len(matrix), dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    for batch in (5, 22, 100):
        product = hessian(loss, images, batch=batch).product(vector).numpy()
        assert np.allclose(product, matrix @ vector.numpy(), rtol=1e-9, atol=1e-12)
    other = dense(loss, images, "cross_entropy")
    assert not np.allclose(other, matrix, rtol=1e-2)
    product = hessian(loss, images, "cross_entropy").product(vector).numpy()
    assert np.allclose(product, other @ vector.numpy(), rtol=1e-9, atol=1e-12)


def test_eigenvalues_are_those_of_the_dense_matrix(
    loss: NetworkLoss, images: WeakView, matrix: np.ndarray
) -> None:
    expected = np.linalg.eigvalsh(matrix)[::-1]
    assert expected[-1] < -1e-4 * expected[0], "some are negative"
    found = largest(hessian(loss, images), 10, order="value", tolerance=1e-6, seed=0)
    assert np.allclose(found.values, expected[:10], rtol=1e-5, atol=0)
    assert (np.diff(found.values) <= 0).all()
    assert (found.residuals <= 1.01e-6 * found.values).all()
    by_size = sorted(expected, key=abs, reverse=True)
    found = largest(Matrix(matrix), 10, order="magnitude", tolerance=1e-7, seed=0)
    assert np.allclose(found.values, by_size[:10], rtol=1e-5, atol=0)


def test_a_residual_tells_how_wrong_an_eigenvalue_is(matrix: np.ndarray) -> None:
    """With a loose tolerance, an eigenvalue of the matrix lies within each residual."""
    expected = np.linalg.eigvalsh(matrix)
    found = largest(Matrix(matrix), 10, order="value", tolerance=0.1, seed=0)
    distances = np.abs(found.values[:, None] - expected).min(axis=1)
    assert (distances <= found.residuals + 1e-12).all()
    assert found.residuals.max() > 1e-6 * found.values[0]


def test_single_precision_is_close(loss: NetworkLoss, images: WeakView, matrix: np.ndarray) -> None:
    expected = np.linalg.eigvalsh(matrix)[::-1][:3]
    single = Hessian(loss, "own", images, batch_size=5, precision="float32")
    assert single.product(torch.ones(single.dimension)).dtype == torch.float32
    found = largest(single, 3, order="value", tolerance=1e-4, seed=0)
    assert np.allclose(found.values, expected, rtol=1e-4, atol=0)
    hessian(loss, images)


def test_the_trace_lies_within_its_error(loss: NetworkLoss, images: WeakView, matrix: np.ndarray) -> None:
    """Over many seeds its mean is the trace, and its spread is the standard error that it says."""
    estimates = [hutch_plus_plus(Matrix(matrix), 8, seed) for seed in range(200)]
    errors = np.array([estimate.value for estimate in estimates]) - np.trace(matrix)
    stated = np.sqrt(np.mean([estimate.standard_error**2 for estimate in estimates]))
    assert abs(errors.mean()) < 3 * stated / np.sqrt(len(errors))
    assert errors.std() == pytest.approx(stated, rel=0.2)
    assert stated < 0.1 * abs(np.trace(matrix))
    estimate = hutch_plus_plus(hessian(loss, images), 8, seed=0)
    assert estimate.value == pytest.approx(estimates[0].value, rel=1e-9)
    assert estimate.standard_error == pytest.approx(estimates[0].standard_error, rel=1e-6)


def test_the_trace_of_a_small_rank_is_exact() -> None:
    """Where the subspace holds all of the matrix, nothing is left to estimate."""
    vectors = np.random.default_rng(0).standard_normal((50, 3))
    estimate = hutch_plus_plus(Matrix(vectors @ vectors.T), 4, seed=0)
    assert estimate.value == pytest.approx((vectors**2).sum(), rel=1e-9)
    assert estimate.standard_error == pytest.approx(0, abs=1e-9)


def test_the_density_is_that_of_the_eigenvalues(
    loss: NetworkLoss, images: WeakView, matrix: np.ndarray
) -> None:
    """Outermost nodes are the outermost eigenvalues; moments are the matrix's; the integral is 1."""
    expected = np.linalg.eigvalsh(matrix)
    runs = [quadrature(Matrix(matrix), 60, seed) for seed in range(20)]
    of_network = quadrature(hessian(loss, images), 15, seed=0)
    assert of_network.nodes == pytest.approx(quadrature(Matrix(matrix), 15, seed=0).nodes, rel=1e-6, abs=1e-9)
    for run in runs:
        assert run.weights.sum() == pytest.approx(1, abs=1e-9)
        assert run.nodes[[0, -1]] == pytest.approx(expected[[0, -1]], rel=1e-4)
    for power in (1, 2):
        moments = [float(run.weights @ run.nodes**power) for run in runs]
        error = np.std(moments, ddof=1) / np.sqrt(len(moments))
        assert abs(np.mean(moments) - (expected**power).mean()) < 4 * error
    grid, density = smoothed(runs)
    assert np.trapezoid(density, grid) == pytest.approx(1, abs=0.02)
    assert grid[0] < expected[0] and grid[-1] > expected[-1]
    shares = [float(run.weights[np.abs(run.nodes) < 0.01 * expected[-1]].sum()) for run in runs]
    assert np.mean(shares) == pytest.approx((np.abs(expected) < 0.01 * expected[-1]).mean(), abs=0.05)


def test_a_seed_gives_the_same_again(matrix: np.ndarray) -> None:
    """And torch's own generator is left as it was."""
    state = torch.get_rng_state()
    first, again, other = (quadrature(Matrix(matrix), 5, seed) for seed in (1, 1, 2))
    assert np.array_equal(first.nodes, again.nodes)
    assert not np.array_equal(first.nodes, other.nodes)
    assert torch.equal(torch.get_rng_state(), state)
    assert hutch_plus_plus(Matrix(matrix), 3, 1) == hutch_plus_plus(Matrix(matrix), 3, 1)


def test_loss_and_gradient(loss: NetworkLoss, images: WeakView) -> None:
    value, norm = hessian(loss, images).loss_and_gradient()
    inputs, target = loss.batch(images)
    whole = loss.own(inputs.double(), target)
    gradients = torch.autograd.grad(whole, list(loss.network.parameters()))
    assert value == pytest.approx(whole.item(), rel=1e-9)
    assert norm == pytest.approx(float(torch.cat([g.flatten() for g in gradients]).norm()), rel=1e-9)


def test_products_are_counted(loss: NetworkLoss, images: WeakView) -> None:
    counted, told = hessian(loss, images), []
    counted.after_product = lambda: told.append(counted.products)
    hutch_plus_plus(counted, 2, seed=0)
    quadrature(counted, 3, seed=0)
    assert counted.products == 9
    assert told == list(range(1, 10))


def test_a_network_in_training_mode_is_set_to_eval(loss: NetworkLoss, images: WeakView) -> None:
    """Dropout and batch statistics would make a product depend on chance and on the batch."""
    loss.network.train()
    product = hessian(loss, images)
    assert not loss.network.training
    vector = torch.ones(product.dimension, dtype=torch.float64)
    assert torch.equal(product.product(vector), product.product(vector))


def test_frozen_parameters_are_left_out(loss: NetworkLoss, images: WeakView, matrix: np.ndarray) -> None:
    for parameter in loss.network.first.parameters():  # type: ignore[union-attr]
        parameter.requires_grad_(False)
    try:
        partial = hessian(loss, images)
        assert partial.dimension == len(matrix) - 72
        ones = torch.ones(partial.dimension, dtype=torch.float64)
        assert np.allclose(partial.product(ones).numpy(), matrix[72:, 72:].sum(axis=1), rtol=1e-9, atol=1e-12)
        for parameter in loss.network.parameters():
            parameter.requires_grad_(False)
        with pytest.raises(WsbenchError, match="no parameter that is trained"):
            hessian(loss, images)
    finally:
        loss.network.requires_grad_(True)


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda h: largest(h, 400, order="value", tolerance=1e-3, seed=0), "ask for fewer"),
        (lambda h: largest(h, 3, order="valu", tolerance=1e-3, seed=0), "did you mean 'value'"),
        (lambda h: hutch_plus_plus(h, 1, seed=0), "no standard error; give 2 or more"),
        (lambda h: hutch_plus_plus(h, 300, seed=0), "give fewer"),
        (lambda h: quadrature(h, 1, seed=0), "give from 2 to"),
    ],
)
def test_what_cannot_be_computed_is_refused(matrix: np.ndarray, ask, words: str) -> None:
    with pytest.raises(WsbenchError, match=words):
        ask(Matrix(matrix))


def test_a_hessian_of_zeros_has_no_density() -> None:
    with pytest.raises(WsbenchError, match="fewer than 5 different eigenvalues; give fewer steps"):
        quadrature(Matrix(np.zeros((30, 30))), 5, seed=0)


def test_eigenvalues_that_do_not_converge_are_refused(
    matrix: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wsbench.torch.curvature.eigenvalues.RESTARTS", 1)
    with pytest.raises(
        WsbenchError, match="of 10 eigenvalues converged; give a larger --tolerance than 1e-09"
    ):
        largest(Matrix(matrix), 10, order="value", tolerance=1e-9, seed=0)


def test_a_network_that_torch_cannot_differentiate_twice_is_refused(
    loss: NetworkLoss, images: WeakView
) -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(400, 3), nn.Hardsigmoid(), nn.Linear(3, 2))

    def own(inputs: Tensor, target: Tensor) -> Tensor:
        return functional.cross_entropy(network(inputs), target)

    hard = hessian(NetworkLoss(network, loss.batch, own, own), images)
    with pytest.raises(WsbenchError, match="no second derivative of hardsigmoid, which the network uses"):
        hard.product(torch.ones(hard.dimension, dtype=torch.float64))


def test_layer_norm_is_differentiated_rightly(loss: NetworkLoss, images: WeakView) -> None:
    """Beside differences of gradients. The products of curvlinops itself are wrong for its weights."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(400, 5), nn.LayerNorm(5), nn.Tanh(), nn.Linear(5, 2))

    def own(inputs: Tensor, target: Tensor) -> Tensor:
        return functional.cross_entropy(network(inputs), target)

    normed = hessian(NetworkLoss(network, loss.batch, own, own), images)
    parameters = list(network.parameters())
    sizes = [parameter.numel() for parameter in parameters]
    direction = functional.normalize(torch.randn(sum(sizes), dtype=torch.float64), dim=0)
    product, step = normed.product(direction), 1e-4
    inputs, target = loss.batch(images)

    def gradient_after(move: float) -> Tensor:
        for parameter, part in zip(parameters, direction.split(sizes), strict=True):
            parameter.data += move * part.view_as(parameter)
        gradients = torch.autograd.grad(own(inputs.double(), target), parameters)
        return torch.cat([part.flatten() for part in gradients])

    ahead, behind = gradient_after(step), gradient_after(-2 * step)
    expected = (ahead - behind) / (2 * step)
    assert (product - expected).norm() < 1e-6 * expected.norm()


def test_without_curvlinops_a_line_says_what_to_install(
    loss: NetworkLoss, images: WeakView, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "curvlinops", None)
    with pytest.raises(WsbenchError, match=r"pip install 'wsbench\[hessian\]'"):
        hessian(loss, images)
