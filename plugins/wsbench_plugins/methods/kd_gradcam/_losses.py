"""The two formulas of the KD-Grad-CAM paper's training."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional


def soft_target_loss(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """``T^2 KL(softmax(z_t / T) || softmax(z_s / T))``, averaged over the batch (equation 2).

    Args:
        student, teacher: ``(N, classes)`` logits.
        temperature: T > 0.
    """
    divergence = functional.kl_div(
        functional.log_softmax(student / temperature, dim=1),
        functional.log_softmax(teacher / temperature, dim=1),
        reduction="batchmean",
        log_target=True,
    )
    return temperature**2 * divergence


def distillation_loss(
    student: Tensor,
    teacher: Tensor,
    target: Tensor,
    alpha: float,
    temperature: float,
    *,
    label_smoothing: float = 0.0,
) -> Tensor:
    """``(1 - alpha) * soft target loss + alpha * cross entropy`` (equation 1).

    Args:
        student, teacher: ``(N, classes)`` logits.
        target: ``(N,)`` class numbers.
        alpha: in [0, 1].
        temperature: T > 0.
        label_smoothing: share of a label that all classes divide equally among themselves, in [0, 1).
    """
    soft = soft_target_loss(student, teacher, temperature)
    hard = functional.cross_entropy(student, target, label_smoothing=label_smoothing)
    return (1 - alpha) * soft + alpha * hard
