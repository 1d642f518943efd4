"""Training of CLARiTY: the Lightning module, its images, and its pretrained start."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from timm.layers import resample_abs_pos_embed  # type: ignore[attr-defined]  # timm re-exports it silently
from torch import Tensor, nn

import wsbench

from ._distillation import WithTeacher, precompute
from ._images import WithRegions, augmentation, normalised
from ._learning import BATCH, measure, shares, word
from ._module import MONITOR, Module
from ._network import Clarity, Dropout, Shape, build
from ._objective import Targets, parts, total
from ._prediction import in_batches, predict
from ._regions import ORGANS
from ._small_network import SmallNetwork
from ._teacher import SMALL, published

if TYPE_CHECKING:
    from ._network import Logits
    from ._settings import ClaritySettings
    from ._teacher import Network

    PaperScore = Callable[[Callable[[wsbench.ImageView], wsbench.Prediction]], float]


PAPER_MONITOR = "udp"
CHOSEN_BY_BOXES = "paper.ckpt"
"""The file of `wsbench.torch.train` with the epoch of the highest UDP."""


class Student(Module):
    """Equation (18) (section 3.14).

    Args:
        network, settings: as in `Module`.
        classes: C, for the names of what is logged.
        udp: `wsbench.RunContext.paper_score`, asked after every epoch.
    """

    settings: ClaritySettings
    if TYPE_CHECKING:
        network: Clarity

    def __init__(
        self, network: Clarity, settings: ClaritySettings, classes: Sequence[str], udp: PaperScore
    ) -> None:
        super().__init__(network, settings)
        self.classes = tuple(classes)
        self.udp = udp
        self._shares: list[Tensor] = []

    def on_validation_epoch_end(self) -> None:
        super().on_validation_epoch_end()
        self.log(PAPER_MONITOR, self.udp(self.predict))
        if self._shares:
            of_classes = torch.cat(self._shares).mean(dim=0)
            self._shares.clear()
            self.log("foreground", of_classes.mean())
            for name, share in zip(self.classes, of_classes, strict=True):
                self.log(f"foreground_{word(name)}", share)

    def predict(self, images: wsbench.ImageView) -> wsbench.Prediction:
        """Scores and maps of the present weights."""
        return in_batches(lambda few: predict(self.network, few, self.settings), images, self.settings)

    def answer(self, images: Tensor) -> Tensor:
        """The classifier's logits; the share of the foreground is noted beside them, for the history."""
        logits: Logits = self.network(images)
        if not self.settings.segment:
            return logits.class_token
        self._shares.append(shares(self.network.segment.foreground(logits.heatmaps).float()).cpu())
        return logits.classification

    def training_step(self, batch: Any, index: int) -> Tensor:
        weighted = self.parts(batch)
        value = total(weighted)
        self.log("fit_loss", value, on_step=False, on_epoch=True, batch_size=len(batch[1]))
        for name, part in weighted.items():
            self.log(f"loss_{name}", part, on_step=False, on_epoch=True, batch_size=len(batch[1]))
        return value

    def parts(self, batch: Any) -> dict[str, Tensor]:
        """The weighted losses of a batch of the loader, by name."""
        inputs, labels, *taught = batch
        grey, *anatomy = inputs if self.settings.anatomy == "organs" else (inputs,)
        labels = labels.float()
        targets = Targets(taught[0] if taught else labels, labels, *anatomy)
        logits = self.network(normalised(grey, self.settings))
        with torch.autocast(grey.device.type, enabled=False):
            return parts(logits.float(), targets, self.settings)


def fit(
    network: Clarity,
    settings: ClaritySettings,
    fit: wsbench.WeakView,
    select: wsbench.WeakView,
    run: wsbench.RunContext,
) -> None:
    """Train on the fit role, keeping the epochs of the highest macro AUC on select, and of the highest UDP
    for protocol ``paper``."""
    size = settings.image_size
    assert run.paper_score is not None, "the spec declares a paper_objective"
    seed = run.seed_for("augmentation")
    organs = settings.anatomy == "organs"
    change: nn.Module = augmentation(settings, size)
    if organs:
        refuse(settings, fit.classes)
        change = WithRegions(change, fit.classes, settings.region_margin)
    images: Any = wsbench.torch.WeakImages(fit, size, size, change, seed, organs=organs)
    if settings.distill == "teacher":
        teacher: Any = run.upstream["teacher"]
        images = WithTeacher(images, precompute(teacher, fit, settings, seed, run))
    held_out = wsbench.torch.WeakImages(select, size, size, nn.Identity())
    network.fuse_attention(wsbench.torch.torch_device(run.device).type != "cpu")
    student = Student(network, settings, fit.classes, run.paper_score)
    wsbench.torch.train(
        student,
        wsbench.torch.keyed_loader(images, settings, order_seed=run.seed_for("order")),
        wsbench.torch.keyed_loader(held_out, settings),
        run,
        settings,
        monitor=MONITOR,
        mode="max",
        paper_monitor=PAPER_MONITOR,
    )
    student.load_state_dict(wsbench.torch.best_weights(run))
    few = settings.model_copy(update={"batch_size": min(settings.batch_size, BATCH)})
    measure(student, next(iter(wsbench.torch.keyed_loader(images, few))), select, run)


def start(settings: ClaritySettings, classes: int, seed: int, *, pretrained: bool = True) -> Clarity:
    """The network before training.

    Args:
        settings: backbone, weights, dropout.
        classes: C.
        seed: of random weights.
        pretrained: False leaves the weights to be filled from a checkpoint.

    Raises:
        WsbenchError: the weights could not be loaded, or do not fit.
    """
    dropout = Dropout(
        stochastic_depth=settings.stochastic_depth,
        mlp=settings.mlp_dropout,
        attention=settings.attention_dropout,
        pooling=settings.pooling_dropout,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = build(
            Shape(
                settings.backbone,
                settings.stem,
                settings.stem_widths,
                settings.patch,
                settings.depth,
                settings.width,
                settings.heads,
            ),
            settings.image_size,
            classes,
            threshold=settings.foreground_threshold,
            foreground=settings.foreground,
            dropout=dropout,
            attention_pooling=settings.pooling == "attention",
            pooling_deviation=settings.pooling_deviation,
        )
    if pretrained and settings.weights != "random":
        names = settings.weights, settings.backbone
        _load(network, wsbench.torch.read_weights(*names, lambda: published(settings)), *names)
    return network


def shares_stem(settings: ClaritySettings) -> bool:
    """Whether the stem starts from the teacher's first blocks."""
    return settings.stem_weights == "teacher" and settings.distill == "teacher"


def share_stem(network: Clarity, teacher: Network) -> None:
    """Fill the stem with the first blocks of the teacher; `refuse` has seen that both are small networks."""
    assert isinstance(teacher, SmallNetwork)
    stem: Any = network.patch_embed
    length = len(stem.blocks)
    state = {name: value.cpu().clone() for name, value in teacher.blocks[:length].state_dict().items()}
    stem.blocks.load_state_dict(state)


def go_on_from(network: Clarity, finished: Clarity) -> None:
    """Fill the network from one that was trained at another size (section 3.14)."""
    state = {name: value.cpu().clone() for name, value in finished.state_dict().items()}
    _load(network, state, "the first stage", "this stage")


def _load(network: Clarity, state: dict[str, Tensor], where: str, backbone: str) -> None:
    """Fill the network from a timm ViT, whose one class token starts all, or from a finished CLARiTY;
    positions are interpolated to the network's grid (section 3.14)."""
    try:
        ready = state if "class_tokens" in state else _from_vit(network, state)
        ready["positions"] = _resampled(ready["positions"], network)
    except (KeyError, RuntimeError) as error:  # no ViT
        raise wsbench.torch.weights_misfit(where, backbone, [" ".join(str(error).split())]) from None
    new = () if "class_tokens" in state else ("pool.", "segment.")
    wsbench.torch.fill_weights(network, ready, where, backbone, new=new)


def _from_vit(network: Clarity, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    positions = state["pos_embed"][0]
    ready = {
        name: value for name, value in state.items() if name.startswith(("patch_embed.", "blocks.", "norm."))
    }
    ready["class_tokens"] = state["cls_token"][0].expand(network.classes, -1).clone()
    ready["positions"] = torch.cat([positions[:1].expand(network.classes, -1), positions[1:]])
    return ready


def _resampled(positions: Tensor, network: Clarity) -> Tensor:
    """``(C + P', D)`` -> ``(C + P, D)``: those of patches interpolated to the network's grid."""
    classes = network.classes
    return (  # type: ignore[no-any-return]  # as it is imported, it is Any
        resample_abs_pos_embed(positions[None], list(network.grid), num_prefix_tokens=classes)[0]
    )


def refuse(settings: ClaritySettings, classes: tuple[str, ...]) -> None:
    """Refuse what cannot be trained, or would let boxes into protocol ``uniform``.

    Raises:
        WsbenchError: a class has no region, or the weights are those that boxes of calibrate chose.
    """
    if Path(settings.weights).name == CHOSEN_BY_BOXES:
        raise wsbench.WsbenchError(
            f"{settings.weights}: these weights were chosen by boxes (UDP, section 3.14); start from "
            "best.ckpt beside it"
        )
    widths, teacher = settings.stem_widths, settings.teacher
    small = settings.stem == SMALL == teacher.backbone and teacher.widths[: len(widths)] == widths
    if shares_stem(settings) and not small:
        raise wsbench.WsbenchError(
            "stem_weights=teacher takes stem=small_cnn and a teacher of backbone=small_cnn whose first "
            f"widths are stem_widths, {widths}"
        )
    unknown = [name for name in classes if name not in ORGANS]
    if settings.anatomy == "organs" and unknown:
        raise wsbench.WsbenchError(
            f"CLARiTY knows no region of {', '.join(unknown)} (its Table 1 has {', '.join(ORGANS)}); "
            "-o anatomy=none trains without regions"
        )
