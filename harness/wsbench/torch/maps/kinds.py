"""Every kind of map of one output of a classifier: those of Captum, of the `grad-cam` package, and attention
rollout.

docs/cam.md cites the source of each.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec

import torch
from captum.attr import GuidedBackprop, IntegratedGradients, LayerGradCam, Saliency
from torch import Tensor, nn

from wsbench.errors import WsbenchError
from wsbench.torch.hooks import removed_at_end
from wsbench.torch.maps.layers import Tap
from wsbench.torch.maps.rollout import attentions_of, rolled_map, rollout


@dataclass(frozen=True)
class Explained:
    """A classifier that is ready to be explained.

    Attributes:
        classifier: the network, in evaluation mode.
        tap: stands behind the layer that CAMs explain.
        head: the linear layer that maps the mean over the tap's cells to the logits; None if there is none.
        steps: number of steps of integrated gradients.
    """

    classifier: nn.Module
    tap: Tap
    head: nn.Linear | None
    steps: int


Maps = Callable[[Explained, Tensor, int], Tensor]
"""``maps(explained, grey, output)``: ``(N, h, w)`` >= 0 of images ``(N, 1, H, W)`` in [0, 1]."""


def gradcam(explained: Explained, grey: Tensor, output: int) -> Tensor:
    """Captum's Grad-CAM; where a head allows it, `class_activation` is the same."""
    attribution = LayerGradCam(explained.classifier, explained.tap)
    return (  # type: ignore[no-any-return]  # captum has no types
        attribution.attribute(grey, target=output, relu_attributions=True)[:, 0]
    )


def class_activation(grid: Tensor, head: nn.Linear, output: int) -> Tensor:
    """Grad-CAM of pooled features under a linear layer: every gradient is the layer's weight over h w.

    Args:
        grid: the features, ``(N, K, h, w)``.
        head: the linear layer, with K inputs.
        output: the index of an output of the layer.
    """
    cells = grid.shape[2] * grid.shape[3]
    return torch.einsum("k,nkhw->nhw", head.weight[output].detach().float() / cells, grid.float()).relu()


def saliency(explained: Explained, grey: Tensor, output: int) -> Tensor:
    """The size of the logit's gradient at every pixel."""
    return (  # type: ignore[no-any-return]  # captum has no types
        Saliency(explained.classifier).attribute(grey, target=output)[:, 0]
    )


def integrated_gradients(explained: Explained, grey: Tensor, output: int) -> Tensor:
    """The absolute value of integrated gradients, from a black image."""
    attribution = IntegratedGradients(explained.classifier)
    attributed: Tensor = attribution.attribute(
        grey, target=output, n_steps=explained.steps, internal_batch_size=max(len(grey), 16)
    )
    return attributed[:, 0].abs()


def guided_backprop(explained: Explained, grey: Tensor, output: int) -> Tensor:
    """The absolute value of guided backpropagation.

    Raises:
        WsbenchError: the network has no ReLU that could guide.
    """
    if not any(isinstance(module, nn.ReLU) for module in explained.classifier.modules()):
        raise WsbenchError("guided_backprop needs a backbone with ReLUs, such as resnet50")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Setting backward hooks on ReLU")
        return (  # type: ignore[no-any-return]  # captum has no types
            GuidedBackprop(explained.classifier).attribute(grey, target=output)[:, 0].abs()
        )


def attention_rollout(explained: Explained, grey: Tensor, output: int) -> Tensor:
    """The same map for every output."""
    return rolled_map(rollout(attentions_of(explained.classifier, grey)))


def packaged(name: str) -> Maps:
    """Make a map of the `grad-cam` package, at the resolution of the input.

    Args:
        name: the name of its class.
    """

    def maps(explained: Explained, grey: Tensor, output: int) -> Tensor:
        if find_spec("pytorch_grad_cam") is None:
            raise WsbenchError("this map needs the grad-cam package: pip install 'wsbench[cam]'")
        import pytorch_grad_cam
        from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

        if not hasattr(pytorch_grad_cam, name):
            raise WsbenchError(f"this grad-cam package has no {name}; pip install --upgrade grad-cam")
        cam = getattr(pytorch_grad_cam, name)(model=explained.classifier, target_layers=[explained.tap])
        with contextlib.redirect_stderr(io.StringIO()):  # progress bars of its own
            values = cam(input_tensor=grey, targets=[ClassifierOutputTarget(output)] * len(grey))
        explained.classifier.zero_grad(set_to_none=True)
        return torch.from_numpy(values)

    return maps


MAPS: Mapping[str, Maps] = {
    "gradcam": gradcam,
    "gradcam++": packaged("GradCAMPlusPlus"),
    "layercam": packaged("LayerCAM"),
    "hirescam": packaged("HiResCAM"),
    "scorecam": packaged("ScoreCAM"),
    "xgradcam": packaged("XGradCAM"),
    "gradcam_elementwise": packaged("GradCAMElementWise"),
    "eigencam": packaged("EigenCAM"),
    "eigengradcam": packaged("EigenGradCAM"),
    "segeigencam": packaged("SegEigenCAM"),
    "attention_rollout": attention_rollout,
    "saliency": saliency,
    "integrated_gradients": integrated_gradients,
    "guided_backprop": guided_backprop,
}


BY_PIXEL = frozenset({"saliency", "integrated_gradients", "guided_backprop"})
"""Maps of the image itself, which have no cells."""


def tapped(classifier: nn.Module, tap: Tap, grey: Tensor) -> tuple[Tensor, Tensor]:
    """Images ``(N, 1, H, W)`` -> logits ``(N, C)``, and the grid ``(N, K, h, w)`` behind the tap."""
    grids: list[Tensor] = []
    hook = tap.register_forward_hook(lambda module, inputs, output: grids.append(output))
    with removed_at_end([hook]):
        logits = classifier(grey)
    return logits, grids[-1]


def linear_head(classifier: nn.Module, tap: Tap, side: int) -> nn.Linear | None:
    """Find the linear layer that makes the logits of the mean of the tap's cells, by trying layers on noise.

    Args:
        classifier: the network, in evaluation mode.
        tap: the tap behind a layer of it.
        side: the side of the noise, in pixels.
    """
    device = next(classifier.parameters()).device
    noise = torch.rand(2, 1, side, side, generator=torch.Generator().manual_seed(0)).to(device)
    with torch.no_grad():
        logits, grid = tapped(classifier, tap, noise)
        pooled = grid.mean(dim=(2, 3))
        for module in classifier.modules():
            shape = (logits.shape[1], pooled.shape[1])
            if isinstance(module, nn.Linear) and module.weight.shape == shape:
                off = (module(pooled) - logits).abs().max()
                if off <= 1e-3 * (logits - module(torch.zeros_like(pooled))).abs().max():
                    return module
    return None
