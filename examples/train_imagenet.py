"""Train a backbone on a folder of images, by the recipe of the paper, in one process or several.

    torchrun --nproc-per-node 8 -m examples.train_imagenet imagenet --model sparx_mamba_t --output runs/tiny
    python -m examples.train_imagenet photos --model mine.yaml --output runs/mine --batch 64 --lr 1e-4 --epochs 30

The folder has ``train`` and ``val``, and in each a folder of images for each class. The same command again goes on
where training was stopped, and ends with the same weights. Needs the extra ``timm``; ``--log-dir`` needs TensorBoard.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from torch import Tensor
from torch.utils.data import DataLoader

import sparx_dsl
from examples.imagenet_data import Order, open_folder, training_loader, validation_loader
from examples.imagenet_recipe import RECIPES, Recipe, load_recipe, spec_for
from examples.imagenet_run import Run, new_run, restore, save, summed

REPORT_EVERY = 10
"""Steps between two losses; each makes the processes wait for each other."""


@dataclass(frozen=True)
class Reports:
    """Where losses and accuracies go: a progress bar, and TensorBoard where there is a writer."""

    bar: Progress
    task: TaskID
    writer: Any = None

    def step(self, done: int, loss: float, rate: float) -> None:
        """Steps that are done, the mean loss of the last over all processes, and its rate."""
        self.bar.update(self.task, completed=done, loss=loss)
        if self.writer is not None:
            self.writer.add_scalar("loss", loss, done)
            self.writer.add_scalar("learning rate", rate, done)

    def accuracy(self, done: int, name: str, share: float) -> None:
        """What part of the images of validation the model, or its average, classifies rightly."""
        if not self.bar.disable:
            self.bar.print(f"step {done}: {share:.2%} of the validation images by the {name}")
        if self.writer is not None:
            self.writer.add_scalar(f"accuracy/{name}", share, done)


@contextmanager
def reports(steps: int, first: int, log_dir: Path | None, rank: int) -> Generator[Reports]:
    """The reports of a run; only the first process writes any."""
    columns = (TextColumn("training"), BarColumn(), MofNCompleteColumn(), TextColumn("loss {task.fields[loss]:.3f}"))
    with Progress(*columns, TimeRemainingColumn(), disable=rank > 0) as bar:
        task = bar.add_task("training", total=steps, completed=first, loss=math.nan)
        if log_dir is None or rank > 0:
            yield Reports(bar, task)
            return
        from torch.utils.tensorboard import SummaryWriter

        # What was logged after the checkpoint will be logged again.
        with SummaryWriter(str(log_dir), purge_step=first + 1) as writer:
            yield Reports(bar, task, writer)


@dataclass(frozen=True)
class Job:
    """A run with its images, at the step from which it goes on."""

    run: Run
    first: int
    loader: DataLoader[Any]
    validation: DataLoader[Any]
    checkpoint: Path


def validate(job: Job, done: int, report: Reports) -> None:
    """Report the accuracy of the model, and of its average."""
    run = job.run
    models = {"model": run.backbone} | ({} if run.average is None else {"average": run.average.module})
    for name, model in models.items():
        report.accuracy(done, name, run.accuracy(model, job.validation))


def mean(loss: Tensor, processes: int) -> float:
    """The loss over all processes. Raises ``ValueError`` where it is not finite, in all of them."""
    value = summed(loss.clone()).item() / processes
    if not math.isfinite(value):
        raise ValueError(f"the loss is {value}; lower --lr, limit clip_norm, or set precision: float32 in the recipe")
    return value


def train(job: Job, every: int, report: Reports) -> None:
    """Train to the last step, with a checkpoint every so many steps and after each epoch."""
    run = job.run
    run.model.train()
    for done, (images, classes) in enumerate(job.loader, job.first + 1):
        loss = run.step(done - 1, images, classes)
        epoch_ends = done % run.order.epoch_steps == 0
        saves = epoch_ends or done % every == 0
        if saves or done % REPORT_EVERY == 0:
            report.step(done, mean(loss, run.order.processes), run.optimizer.param_groups[0]["lr"])
        if saves and run.order.rank == 0:
            save(run, done, job.checkpoint)
        if epoch_ends and done < run.steps:
            validate(job, done, report)
            run.model.train()
    validate(job, run.steps, report)


def order_for(images: int, recipe: Recipe) -> Order:
    """This process's order. Raises ``ValueError`` for a batch that cannot be distributed, filled or mixed."""
    rank, processes = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
    if recipe.batch % processes:
        raise ValueError(f"a batch of {recipe.batch} cannot be divided among {processes} processes; change --batch")
    if recipe.mixes and recipe.batch // processes % 2:
        raise ValueError(
            f"each process has {recipe.batch // processes} images of a batch, which are mixed in pairs; "
            "choose --batch so that it is even, or set mixup: 0 and cutmix: 0 in the recipe"
        )
    if images < recipe.batch:
        raise ValueError(f"{images} images do not fill a batch of {recipe.batch}; choose a smaller --batch, and --lr")
    return Order(images, recipe.batch, recipe.repeats, recipe.seed, rank, processes)


def prepared(options: argparse.Namespace, device: torch.device) -> Job:
    """What the arguments ask for. Raises ``ValueError`` and ``SparxError`` for what cannot be trained."""
    recipe = load_recipe(options.recipe, batch=options.batch, epochs=options.epochs, lr=options.lr)
    images, held_out = open_folder(options.data / "train"), open_folder(options.data / "val")
    classes = images.reader.class_to_idx
    if held_out.reader.class_to_idx != classes:
        raise ValueError(f"train and val of {options.data} have different classes; give both the same folders")
    spec = spec_for(options.model, recipe, len(classes), options.drop_path)
    if spec.input.channels != 3:
        raise ValueError(f"the images have 3 channels, and {spec.name} takes {spec.input.channels}; set input.channels")
    order = order_for(len(images), recipe)
    run = new_run(spec, recipe, order, len(classes), device)
    checkpoint: Path = options.output / "checkpoint.pt"
    first = restore(run, checkpoint)
    loader = training_loader(images, order, first, recipe, spec.input.size, options.workers)
    validation = validation_loader(held_out, order, recipe, spec.input.size, options.workers)
    return Job(run, first, loader, validation, checkpoint)


def run_training(options: argparse.Namespace, device: torch.device) -> None:
    """What each process does; the first writes the weights at the end. Raises what ``prepared`` and ``mean`` do."""
    if options.log_dir is not None and find_spec("tensorboard") is None:
        raise ValueError("--log-dir needs TensorBoard, which is not installed; pip install tensorboard")
    job = prepared(options, device)
    run, output = job.run, job.checkpoint.parent
    output.mkdir(parents=True, exist_ok=True)
    with reports(run.steps, job.first, options.log_dir, run.order.rank) as report:
        train(job, options.checkpoint_every, report)
    if run.order.rank == 0:
        sparx_dsl.save_checkpoint(run.backbone, output / "model.safetensors")
        if run.average is not None:
            sparx_dsl.save_checkpoint(run.average.module, output / "average.safetensors")


def parsed(words: Sequence[str] | None = None) -> argparse.Namespace:
    """The arguments of the command; by default those of this process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="a folder with train and val, each with a folder for each class")
    parser.add_argument("--model", default="sparx_mamba_t", help="a spec: a file, or a name of the zoo")
    parser.add_argument("--output", type=Path, required=True, help="a folder for the checkpoint and the weights")
    parser.add_argument("--recipe", type=Path, default=RECIPES / "imagenet.yaml")
    parser.add_argument("--drop-path", type=float, help="instead of the recipe's rate for the name of the spec")
    parser.add_argument("--batch", type=int, help="images of a step, over all processes, instead of the recipe's")
    parser.add_argument("--epochs", type=int, help="instead of the recipe's")
    parser.add_argument("--lr", type=float, help="instead of the recipe's")
    parser.add_argument("--workers", type=int, default=8, help="processes that load images, for each process")
    parser.add_argument("--checkpoint-every", type=int, default=500, metavar="STEPS")
    parser.add_argument("--log-dir", type=Path, help="a folder for TensorBoard")
    options = parser.parse_args(words)
    if options.checkpoint_every < 1 or options.workers < 0:
        parser.error("--checkpoint-every must be at least 1, and --workers at least 0")
    return options


def main() -> None:
    """Parse the arguments, join the other processes where there are any, train."""
    options = parsed()
    device = torch.device("cpu")
    if torch.cuda.is_available():
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(device)
    if dist.is_torchelastic_launched():
        dist.init_process_group()
    try:
        run_training(options, device)
    except (ValueError, OSError, sparx_dsl.SparxError) as error:
        sys.exit(str(error))
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()


if __name__ == "__main__":
    main()
