"""CycleGAN's pool of generated images."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Pool(nn.Module):
    """Gives a discriminator generated images of earlier steps, too (CycleGAN, section 4).

    Once it is full, half of the images that go in are exchanged for one of the pool, drawn from torch's
    generator. Its images are saved with the module's state, so that a resumed training goes on exactly.

    Args:
        size: images that are kept; 0: none.
        shape: ``(1, H, W)`` of an image.
    """

    images: Tensor
    count: Tensor

    def __init__(self, size: int, shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.register_buffer("images", torch.zeros(size, *shape))
        self.register_buffer("count", torch.zeros((), dtype=torch.long))

    def forward(self, fresh: Tensor) -> Tensor:
        """``(N, 1, H, W)`` -> as many, some of them older."""
        return torch.stack([self._exchanged(image) for image in fresh.detach().float()])

    def _exchanged(self, image: Tensor) -> Tensor:
        if self.count < len(self.images):
            self.images[self.count] = image
            self.count += 1
            return image
        if not len(self.images) or torch.rand(()) < 0.5:
            return image
        index = int(torch.randint(len(self.images), ()))
        older = self.images[index].clone()
        self.images[index] = image
        return older
