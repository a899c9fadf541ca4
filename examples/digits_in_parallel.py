"""What the examples of training in several processes share: their arguments, the digits, each process's batches."""

from __future__ import annotations

import argparse
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor, nn

import sparx_dsl
from examples.train_digits import SPEC, accuracy, digits


@dataclass(frozen=True)
class Options:
    """What to train, for how many steps of how many images in each process, and where to write the weights."""

    spec: Path
    steps: int
    batch: int
    rate: float
    save: Path | None
    budget: str


def parsed(description: str | None) -> Options:
    """The arguments of the command."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spec", type=Path, default=SPEC)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--batch", type=int, default=24)
    parser.add_argument("--rate", type=float, default=4e-3)
    parser.add_argument("--save", type=Path)
    parser.add_argument("--budget", default="4MB", help="bytes that each process saves for the backward pass")
    return Options(**vars(parser.parse_args()))


def device_of(rank: int) -> torch.device:
    """The device of a process of this machine: its GPU where there are any."""
    return torch.device("cuda", rank) if torch.cuda.is_available() else torch.device("cpu")


def batches(options: Options, rank: int, processes: int) -> Iterator[tuple[Tensor, Tensor]]:
    """For each step this process's images (batch, 1, 16, 16) and classes (batch,); no two processes have the same."""
    images, classes, _, _ = digits()
    chosen = torch.Generator().manual_seed(0)
    for _ in range(options.steps):
        order = torch.randperm(len(images), generator=chosen)[rank : options.batch * processes : processes]
        yield images[order], classes[order]


def train(model: nn.Module, optimizer: torch.optim.Optimizer, options: Options, device: torch.device) -> list[float]:
    """Train in place; gives the loss of each step over the batches of all processes."""
    losses: list[float] = []
    for images, classes in batches(options, dist.get_rank(), dist.get_world_size()):
        loss = nn.functional.cross_entropy(model(images.to(device)), classes.to(device))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        mean = loss.detach().clone()
        dist.all_reduce(mean, op=dist.ReduceOp.SUM)
        losses.append(mean.item() / dist.get_world_size())
    return losses


def report(spec: sparx_dsl.Spec, weights: dict[str, Tensor], losses: list[float], save: Path | None) -> None:
    """Put the weights into a plain backbone, print how well it does on test images, and write it where asked to."""
    model = sparx_dsl.build(spec)
    sparx_dsl.load_checkpoint(model, {name: copy.copy(tensor) for name, tensor in weights.items()})
    _, _, images, classes = digits()
    print(f"loss {losses[0]:.3f} to {losses[-1]:.3f}, test accuracy {accuracy(model, images, classes):.2%}")
    if save is not None:
        sparx_dsl.save_checkpoint(model, save)
