"""The teacher: a network trained with the weighted cross entropy, and its Grad-CAM."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import timm
import torch
from timm.models.convnext import ConvNeXt
from torch import Tensor

import wsbench

from ._images import augmentation, normalised
from ._losses import weighted_cross_entropy
from ._module import MONITOR, Module
from ._small_network import SmallNetwork

if TYPE_CHECKING:
    from ._settings import ClaritySettings, TeacherSettings

    Network = ConvNeXt | SmallNetwork
    """What has ``forward_features`` and ``forward_head``."""

SMALL = "small_cnn"
"""The backbone that is this package's own."""


class Teacher(Module):
    """Equation (3) on image labels (section 3.12)."""

    def __init__(self, network: Network, settings: TeacherSettings) -> None:
        super().__init__(network, settings)
        if settings.channels_last:
            self.network.to(memory_format=torch.channels_last)

    def training_step(self, batch: tuple[Tensor, Tensor], index: int) -> Tensor:
        grey, labels = batch
        # The loss is computed in float32, whatever the network computes in.
        logits = self.answer(normalised(grey, self.settings)).float()
        loss = weighted_cross_entropy(logits, labels.float())
        self.log("fit_loss", loss, on_step=False, on_epoch=True, batch_size=len(grey))
        return loss


def fit(
    network: Network,
    settings: TeacherSettings,
    fit: wsbench.WeakView,
    select: wsbench.WeakView,
    run: wsbench.RunContext,
) -> None:
    """Train on the fit role, keeping the epoch of the highest macro AUC on select."""
    size = (settings.image_size, settings.image_size)
    seed = run.seed_for("augmentation")
    images = wsbench.torch.WeakImages(fit, *size, augmentation(settings, settings.image_size), seed)
    held_out = wsbench.torch.WeakImages(select, *size, torch.nn.Identity())
    wsbench.torch.train(
        Teacher(network, settings),
        wsbench.torch.keyed_loader(images, settings, order_seed=run.seed_for("order")),
        wsbench.torch.keyed_loader(held_out, settings),
        run,
        settings,
        monitor=MONITOR,
        mode="max",
    )


def predict(
    network: Network, images: wsbench.ImageView, settings: TeacherSettings
) -> tuple[np.ndarray, np.ndarray]:
    """Scores ``(N, C)`` and maps ``(N, C, h, w)`` in [0, 1], float16, of a batch."""
    device = next(network.parameters()).device
    size = settings.image_size
    grey = torch.from_numpy(images.pixels(size, size)[:])[:, None].to(device)
    with torch.inference_mode(), wsbench.torch.autocast(settings, device):
        features = network.forward_features(normalised(grey, settings))
    logits, cam = gradcam(network, features.float().clone())
    return logits.sigmoid().cpu().numpy(), scaled(cam).cpu().numpy().astype(np.float16)


def gradcam(network: Network, features: Tensor) -> tuple[Tensor, Tensor]:
    """Logits ``(N, C)`` and Grad-CAM ``(N, C, h, w)`` >= 0 of every class.

    Only the head is differentiated: pooled features -> layer norm, in a ConvNeXtV2 -> linear, one small
    backward pass a class, so all maps together cost little more than the forward pass.

    Args:
        network: in evaluation mode.
        features: ``(N, K, h, w)`` of its last stage.
    """
    pooled = features.mean(dim=(2, 3), keepdim=True).requires_grad_(True)
    with torch.enable_grad():
        logits = network.forward_head(pooled)
        columns = [
            torch.autograd.grad(logits[:, c].sum(), pooled, retain_graph=True)[0]
            for c in range(logits.shape[1])
        ]
    weights = torch.stack([column.flatten(1) for column in columns], dim=1)
    cells = features.shape[2] * features.shape[3]
    return logits.detach(), torch.einsum("nck,nkhw->nchw", weights / cells, features).relu()


def scaled(cam: Tensor) -> Tensor:
    """Each map from 0 to 1; one that is the same everywhere becomes 0."""
    low = cam.amin(dim=(2, 3), keepdim=True)
    span = cam.amax(dim=(2, 3), keepdim=True) - low
    return torch.where(span > 0, (cam - low) / span, 0.0)


def build(settings: TeacherSettings, classes: int, seed: int, *, pretrained: bool = True) -> Network:
    """The network before training.

    Args:
        settings: backbone, weights and dropout.
        classes: C.
        seed: of random weights.
        pretrained: False leaves the weights to be filled from a checkpoint.

    Raises:
        WsbenchError: the backbone is no ConvNeXtV2 of timm's, or the weights could not be loaded.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if settings.backbone == SMALL:
            return _small(settings, classes)
        network = _convnext(settings, classes)
    if pretrained and settings.weights != "random":
        names = settings.weights, settings.backbone
        state = wsbench.torch.read_weights(*names, lambda: published(settings))
        wsbench.torch.fill_weights(network, state, *names, new=("head.fc.",))
    return network


def _small(settings: TeacherSettings, classes: int) -> SmallNetwork:
    if settings.weights != "random":
        raise wsbench.WsbenchError(f"nobody has published weights of {SMALL}; give its weights=random")
    return SmallNetwork(settings.widths, classes, settings.head_dropout)


def _convnext(settings: TeacherSettings, classes: int) -> ConvNeXt:
    known = timm.list_models("convnextv2*")
    if settings.backbone not in known:
        raise wsbench.WsbenchError(f"backbone '{settings.backbone}' is none of {', '.join([*known, SMALL])}")
    return timm.create_model(  # type: ignore[return-value]  # by its name it is one
        settings.backbone,
        pretrained=False,
        num_classes=classes,
        drop_rate=settings.head_dropout,
        drop_path_rate=settings.stochastic_depth,
    )


def published(settings: TeacherSettings | ClaritySettings) -> dict[str, Tensor]:
    """timm's weights of a backbone."""
    name = f"{settings.backbone}.{settings.weights}"
    return timm.create_model(name, pretrained=True, num_classes=0).state_dict()
