"""Images of a folder in timm's pipeline, in an order and with random numbers that depend on the step alone.

A step can therefore be repeated: training that was stopped reads on where it was, and draws what it would have drawn.
timm's ``create_loader`` has a sampler of its own, which begins every epoch at its first image; its parts are used here.
"""

from __future__ import annotations

import multiprocessing
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler, Subset

from examples.imagenet_recipe import Recipe
from sparx_dsl.integrations.required import import_torchvision

import_torchvision()  # before timm does

from timm.data.constants import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD  # noqa: E402
from timm.data.dataset_factory import create_dataset  # noqa: E402
from timm.data.loader import fast_collate  # noqa: E402
from timm.data.mixup import Mixup  # noqa: E402
from timm.data.random_erasing import RandomErasing  # noqa: E402
from timm.data.transforms_factory import create_transform  # noqa: E402

Visit = tuple[int, int]
"""An image's index, and the seed of its augmentation."""
IMAGE, STEP, ORDER = range(3)
"""What random numbers are for: no two purposes share theirs."""


def seed_all(seed: int) -> None:
    """Seed Python, NumPy and PyTorch, from all of which timm's augmentations draw."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def seed_of(purpose: int, *numbers: int) -> int:
    """A seed for these numbers."""
    return int(np.random.SeedSequence([purpose, *numbers]).generate_state(1)[0])


@dataclass(frozen=True)
class Order:
    """Which images a process visits at each step; all processes together visit the same for any number of them."""

    images: int
    batch: int
    """Images of a step, over all processes."""
    repeats: int
    seed: int
    rank: int = 0
    processes: int = 1

    @property
    def epoch_steps(self) -> int:
        """Steps of an epoch; the images that do not fill a batch are left out, others in each epoch."""
        return self.images // self.batch

    def epoch(self, number: int) -> Tensor:
        """The images of an epoch (count,), those repeated next to each other."""
        generator = torch.Generator().manual_seed(seed_of(ORDER, self.seed, number))
        return torch.randperm(self.images, generator=generator).repeat_interleave(self.repeats)[: self.images]

    def visits(self, first: int, last: int) -> Iterator[list[Visit]]:
        """This process's part of each step from ``first`` up to ``last``."""
        images, drawn = torch.empty(0), -1
        for step in range(first, last):
            epoch, place = divmod(step, self.epoch_steps)
            if epoch != drawn:
                images, drawn = self.epoch(epoch), epoch
            chosen = images[place * self.batch : (place + 1) * self.batch].tolist()
            seeds = np.random.SeedSequence([IMAGE, self.seed, step]).generate_state(self.batch).tolist()
            yield list(zip(chosen, seeds, strict=True))[self.rank :: self.processes]


@dataclass(frozen=True)
class Visits(Sampler[list[Visit]]):
    """The batches of one process from a step up to another, for a ``DataLoader``."""

    order: Order
    first: int
    last: int

    def __iter__(self) -> Iterator[list[Visit]]:
        return self.order.visits(self.first, self.last)

    def __len__(self) -> int:
        return self.last - self.first


class Seeded(Dataset[Any]):
    """Images augmented with the random numbers of their visit's seed, whichever worker loads them."""

    def __init__(self, images: Any) -> None:
        self.images = images

    def __getitem__(self, visit: Visit) -> Any:
        index, seed = visit
        seed_all(seed)
        return self.images[index]


def open_folder(folder: Path) -> Any:
    """timm's dataset of a folder that has one folder of images for each class. Raises ``ValueError`` for any other."""
    if not folder.is_dir():
        raise ValueError(f"{folder} is not a folder; it must have one folder of images for each class")
    try:
        return create_dataset("", root=str(folder), search_split=False)
    except RuntimeError as error:
        raise ValueError(f"{folder} has no images: {error}") from None


def loading(workers: int) -> dict[str, Any]:
    """How a ``DataLoader`` loads: by processes that a server starts, and that stay for the next pass.

    A process with threads, as autograd and gloo start them, must not be forked: a lock that another thread holds at
    that moment stays locked in the copy.
    """
    options = {"num_workers": workers, "collate_fn": fast_collate, "pin_memory": torch.cuda.is_available()}
    if workers == 0:
        return options
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload([__name__])
    return options | {"multiprocessing_context": server, "persistent_workers": True}


def training_loader(
    images: Any, order: Order, first: int, recipe: Recipe, size: tuple[int, int], workers: int
) -> DataLoader[Any]:
    """Batches of uint8 images (batch, 3, height, width) and classes (batch,) from step ``first`` to the last.

    Raises ``ValueError`` for an ``auto_augment`` that timm does not know.
    """
    try:
        images.transform = create_transform(
            (3, *size), is_training=True, use_prefetcher=True, interpolation=recipe.interpolation,
            auto_augment=recipe.auto_augment, color_jitter=recipe.color_jitter,
        )  # fmt: skip
    except (AssertionError, KeyError, ValueError) as error:
        raise ValueError(
            f"auto_augment: {recipe.auto_augment!r} is not a policy of timm, such as rand-m9-mstd0.5-inc1: {error}"
        ) from None
    visits = Visits(order, first, recipe.epochs * order.epoch_steps)
    return DataLoader(Seeded(images), batch_sampler=visits, **loading(workers))


def validation_loader(
    images: Any, order: Order, recipe: Recipe, size: tuple[int, int], workers: int
) -> DataLoader[Any]:
    """This process's part of the images, each once, in the middle and without augmentation."""
    images.transform = create_transform((3, *size), use_prefetcher=True, interpolation="bicubic", crop_pct=recipe.crop)
    part = Subset(images, range(order.rank, len(images), order.processes))
    return DataLoader(part, order.batch // order.processes, **loading(workers))


class Batches:
    """What becomes of a batch on the device: normalised, and for training erased and mixed."""

    def __init__(self, recipe: Recipe, classes: int, device: torch.device) -> None:
        self.device = device
        self.mean = torch.tensor(IMAGENET_DEFAULT_MEAN, device=device).view(1, 3, 1, 1) * 255
        self.std = torch.tensor(IMAGENET_DEFAULT_STD, device=device).view(1, 3, 1, 1) * 255
        self.erase = RandomErasing(probability=recipe.erase, mode="pixel", device=str(device))
        self.mix = Mixup(
            recipe.mixup, recipe.cutmix, switch_prob=recipe.mix_switch, label_smoothing=recipe.smoothing,
            num_classes=classes,
        ) if recipe.mixes else None  # fmt: skip

    def plain(self, images: Tensor, classes: Tensor) -> tuple[Tensor, Tensor]:
        """Normalised images (batch, 3, height, width) and their classes (batch,)."""
        images = images.to(self.device, non_blocking=True).float()
        return (images - self.mean) / self.std, classes.to(self.device, non_blocking=True)

    def augmented(self, images: Tensor, classes: Tensor) -> tuple[Tensor, Tensor]:
        """Also erased, and mixed: then the second value is the share of each class (batch, classes)."""
        images, classes = self.plain(images, classes)
        images = self.erase(images)
        return (images, classes) if self.mix is None else self.mix(images, classes)
