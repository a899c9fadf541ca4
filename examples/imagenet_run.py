"""One training run: its steps, its accuracy, and the file from which it goes on after it was stopped."""

from __future__ import annotations

import os
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader

import sparx_dsl
from examples.imagenet_data import STEP, Batches, Order, seed_all, seed_of
from examples.imagenet_recipe import Recipe, optimizer_for, schedule_for
from sparx_dsl.integrations.required import import_torchvision
from sparx_dsl.lowering import Backbone

import_torchvision()  # before timm does

from timm.loss.cross_entropy import LabelSmoothingCrossEntropy, SoftTargetCrossEntropy  # noqa: E402
from timm.scheduler.cosine_lr import CosineLRScheduler  # noqa: E402
from timm.utils.model_ema import ModelEmaV3  # noqa: E402


def summed(values: Tensor) -> Tensor:
    """The sum over all processes, on each of them."""
    if dist.is_initialized():
        dist.all_reduce(values)
    return values


@dataclass(frozen=True)
class Run:
    """All that training changes, and what it needs for that."""

    recipe: Recipe
    order: Order
    batches: Batches
    backbone: Backbone
    model: nn.Module
    """The backbone, within DDP where there are several processes."""
    average: ModelEmaV3 | None
    """The moving average of the backbone's weights and statistics."""
    optimizer: torch.optim.Optimizer
    schedule: CosineLRScheduler
    loss: nn.Module

    @property
    def steps(self) -> int:
        """Steps of all epochs."""
        return self.recipe.epochs * self.order.epoch_steps

    def step(self, number: int, images: Tensor, classes: Tensor) -> Tensor:
        """Train on one batch of uint8 images (batch, 3, height, width); gives this process's loss, a scalar.

        The rate, the augmentation and the dropped paths follow from the step's number, so that no state of random
        number generators needs to be kept.
        """
        seed_all(seed_of(STEP, self.recipe.seed, number, self.order.rank))
        self.schedule.step_update(number)
        images, targets = self.batches.augmented(images, classes)
        with self.autocast():
            loss = self.loss(self.model(images), targets)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if self.recipe.clip_norm is not None:
            nn.utils.clip_grad_norm_(self.backbone.parameters(), self.recipe.clip_norm)
        self.optimizer.step()
        if self.average is not None:
            self.average.update(self.backbone)
        return loss.detach()

    def autocast(self) -> torch.autocast:
        """The dtype of the recipe; bfloat16 has the range of float32, so that the loss needs no scaling."""
        return torch.autocast(self.batches.device.type, torch.bfloat16, enabled=self.recipe.precision == "bfloat16")

    @torch.no_grad()
    def accuracy(self, model: nn.Module, loader: DataLoader[Any]) -> float:
        """The share of images of all processes whose class the model finds."""
        found = torch.zeros(2, device=self.batches.device)
        model.eval()
        if dist.is_initialized():
            # Running statistics are of one process's images; those of the first are kept, as DDP does.
            for buffer in model.buffers():
                dist.broadcast(buffer, 0)
        for images, classes in loader:
            images, classes = self.batches.plain(images, classes)
            with self.autocast():
                right = (model(images).argmax(1) == classes).sum()
            found += torch.stack((right, torch.tensor(len(classes), device=right.device)))
        right, images = summed(found).tolist()
        return right / images


def new_run(spec: sparx_dsl.Spec, recipe: Recipe, order: Order, classes: int, device: torch.device) -> Run:
    """A run at its first step; the same weights in every process."""
    seed_all(recipe.seed)
    backbone = sparx_dsl.build(spec, device=device)
    # As timm does: the average is of the plain model, before it is wrapped.
    average = None if recipe.ema_decay is None else ModelEmaV3(backbone, decay=recipe.ema_decay)
    model = DistributedDataParallel(backbone) if dist.is_initialized() else backbone
    optimizer = optimizer_for(backbone, recipe)
    # Mixed targets are smoothed where they are mixed.
    loss = SoftTargetCrossEntropy() if recipe.mixes else LabelSmoothingCrossEntropy(recipe.smoothing)
    schedule = schedule_for(optimizer, recipe, order.epoch_steps)
    return Run(recipe, order, Batches(recipe, classes, device), backbone, model, average, optimizer, schedule, loss)


def settings(run: Run) -> dict[str, Any]:
    """What must be the same where a run goes on; the number of processes need not."""
    keys = {f"{key} of the recipe": value for key, value in run.recipe.model_dump().items()}
    return keys | {"spec": sparx_dsl.dump_spec(run.backbone.spec), "number of images": run.order.images}


def save(run: Run, step: int, path: Path) -> None:
    """Write all from which the run goes on at that step; a file that is there stays whole until the new one is."""
    state = {
        "step": step,
        "settings": settings(run),
        "model": run.backbone.state_dict(),
        "average": None if run.average is None else run.average.module.state_dict(),
        "optimizer": run.optimizer.state_dict(),
    }
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def restore(run: Run, path: Path) -> int:
    """Put a saved state into a new run, and give the step at which it goes on; 0 where there is no file.

    Raises ``ValueError`` for a file of other settings, and for what is not such a file; nothing in it is executed.
    """
    if not path.exists():
        return 0
    now = settings(run)
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        saved, step = dict(state["settings"]), int(state["step"])
        differing = sorted(key for key in now.keys() | saved.keys() if now.get(key) != saved.get(key))
        if not differing:
            run.backbone.load_state_dict(state["model"])
            run.optimizer.load_state_dict(state["optimizer"])
            if run.average is not None:
                run.average.module.load_state_dict(state["average"])
    except (pickle.UnpicklingError, RuntimeError, OSError, EOFError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} cannot be read as a checkpoint of this example: {error}") from None
    if differing:
        raise ValueError(
            f"{path} was written with another {', '.join(differing)}; train as before, or choose another --output"
        )
    return step
