"""A network that is trained within a second on the toy dataset, for the campaign of faults."""

from __future__ import annotations

import os
from collections.abc import Mapping

import wsbench
from wsbench.testing import TOY


class TinySettings(wsbench.TrainingSettings):
    """Few epochs of few images."""

    epochs: int = 3
    batch_size: int = 16
    learning_rate: float = 0.01


class Tiny(wsbench.Method):
    """One convolution; its map is what the convolution sees."""

    def _module(self):
        import lightning.pytorch as lightning
        import torch

        class Module(lightning.LightningModule):
            def __init__(self, rate: float) -> None:
                super().__init__()
                torch.manual_seed(0)
                self.layer, self.rate = torch.nn.Conv2d(1, 1, 5, padding=2), rate

            def _loss(self, batch, name):
                images, labels = batch
                scores = self.layer(images).amax(dim=(2, 3))
                loss = torch.nn.functional.binary_cross_entropy_with_logits(scores, labels.float())
                self.log(name, loss, on_step=False, on_epoch=True, batch_size=len(images))
                return loss

            def training_step(self, batch, index):
                return self._loss(batch, "fit_loss")

            def validation_step(self, batch, index):
                self._loss(batch, "select_loss")

            def configure_optimizers(self):
                return torch.optim.Adam(self.parameters(), lr=self.rate)

        return Module(self.settings.learning_rate)

    def fit(self, fit, select, run):
        def prepare(image):
            return image.float() / 255

        images = wsbench.torch.WeakImages(fit, 32, 32, prepare, run.seed_for("augmentation"))
        held_out = wsbench.torch.WeakImages(select, 32, 32, prepare)
        order = wsbench.torch.keyed_loader(images, self.settings, order_seed=run.seed_for("order"))
        wsbench.torch.train(
            self._module(), order, wsbench.torch.keyed_loader(held_out, self.settings), run, self.settings
        )

    def restore(self, run):
        self.module = self._module()
        self.module.load_state_dict(wsbench.torch.best_weights(run))
        self.module.eval()

    def networks(self):
        return {"tiny": self.module}

    def predict(self, images):
        import torch

        with torch.inference_mode():
            grey = torch.from_numpy(images.pixels(32, 32)[:]).float()[:, None] / 255
            maps = self.module.layer(grey).sigmoid()
        return wsbench.Prediction(maps.amax(dim=(2, 3)).double().numpy(), maps.numpy())


@wsbench.hookimpl
def wsbench_datasets():
    return [TOY]


@wsbench.hookimpl
def wsbench_methods():
    return [wsbench.MethodSpec("tiny", "one convolution", TinySettings, Tiny)]


@wsbench.hookimpl
def wsbench_epoch_ended(run: wsbench.RunContext, epoch: int, metrics: Mapping[str, float]) -> None:
    if os.environ.get("FAULTS_STOP") == f"epoch {epoch}":
        raise KeyboardInterrupt
