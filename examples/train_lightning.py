"""Train on handwritten digits with Lightning's Trainer, in several processes.

    python -m examples.train_lightning --devices 2

Lightning starts the other processes, and moves, wraps and validates the backbone. Needs the extras ``examples`` and
``lightning``.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import sparx_dsl
from examples.train_digits import SPEC, digits
from sparx_dsl.integrations.required import import_torchvision

# Lightning imports it, also where its compiled operators do not match torch.
import_torchvision()

from lightning import LightningModule, Trainer, seed_everything  # noqa: E402


class Classifier(LightningModule):
    """A backbone with its head, its loss, and its optimizer."""

    def __init__(self, spec: Path, rate: float) -> None:
        super().__init__()
        self.backbone = sparx_dsl.build(spec)
        self.rate = rate

    def training_step(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        """The loss of one process's images."""
        images, classes = batch
        loss = nn.functional.cross_entropy(self.backbone(images), classes)
        self.log("loss", loss, prog_bar=True)
        return loss

    def validation_step(self, batch: tuple[Tensor, Tensor]) -> None:
        """The share of images whose class is found, over all processes."""
        images, classes = batch
        found = (self.backbone(images).argmax(1) == classes).float().mean()
        self.log("accuracy", found, sync_dist=True)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW; norms, biases and the scan's own parameters do not decay."""
        return torch.optim.AdamW(sparx_dsl.param_groups(self.backbone), lr=self.rate)


def main() -> None:
    """Parse the arguments, train, report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spec", type=Path, default=SPEC)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--batch", type=int, default=24)
    parser.add_argument("--rate", type=float, default=4e-3)
    parser.add_argument("--devices", type=int, default=2)
    parser.add_argument("--save", type=Path)
    options = parser.parse_args()
    seed_everything(0, verbose=False)
    images, classes, test_images, test_classes = digits()
    loader = DataLoader(TensorDataset(images, classes), options.batch, shuffle=True, drop_last=True)
    test_loader = DataLoader(TensorDataset(test_images, test_classes), options.batch)
    model = Classifier(options.spec, options.rate)
    several: Any = "ddp" if options.devices > 1 else "auto"
    trainer = Trainer(
        devices=options.devices, strategy=several, max_steps=options.steps, logger=False, enable_checkpointing=False
    )
    trainer.fit(model, loader)
    loss = trainer.callback_metrics["loss"]
    (results,) = trainer.validate(model, test_loader, verbose=False)
    if trainer.is_global_zero:
        print(f"loss {loss:.3f}, test accuracy {results['accuracy']:.2%}")
        if options.save is not None:
            sparx_dsl.save_checkpoint(model.backbone, options.save)


if __name__ == "__main__":
    main()
