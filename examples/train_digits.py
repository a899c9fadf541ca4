"""Train a small mixed backbone on scikit-learn's handwritten digits: real images, two CPU cores, a few minutes at most.

    python examples/train_digits.py

Needs the extra ``examples`` (scikit-learn). Prints the summary of ``examples/digits.yaml``, a progress bar, and the
accuracy on images that were never trained on.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor, nn

import sparx_dsl
from sparx_dsl.lowering import Backbone

SPEC = Path(__file__).with_name("digits.yaml")


def digits() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Training and test images (count, 1, 16, 16) in [-1, 1] with their classes; a fifth is kept for the test."""
    pixels, targets = load_digits(return_X_y=True)
    images = torch.tensor(pixels, dtype=torch.float32).view(-1, 1, 8, 8) / 8 - 1
    images = nn.functional.interpolate(images, size=(16, 16), mode="bilinear")
    classes = torch.tensor(targets)
    split = train_test_split(range(len(classes)), test_size=0.2, random_state=0, stratify=targets)
    train, test = (torch.tensor(part) for part in split)
    return images[train], classes[train], images[test], classes[test]


def shifted(images: Tensor) -> Tensor:
    """The images moved by up to two pixels each way, one move for the batch."""
    down, right = torch.randint(-2, 3, (2,)).tolist()
    return images.roll((down, right), dims=(2, 3))


def optimiser_for(model: Backbone, rate: float) -> torch.optim.Optimizer:
    """AdamW; the scan's own parameters, norms and biases take no weight decay."""
    return torch.optim.AdamW(sparx_dsl.param_groups(model, weight_decay=0.05), lr=rate)


@torch.no_grad()
def accuracy(model: Backbone, images: Tensor, classes: Tensor) -> float:
    """The share of images whose class the model finds."""
    model.eval()
    return (model(images).argmax(1) == classes).float().mean().item()


def train(model: Backbone, images: Tensor, classes: Tensor, epochs: int, batch: int, rate: float) -> None:
    """Train in place, with a progress bar."""
    optimiser = optimiser_for(model, rate)
    steps = epochs * (len(images) // batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps, pct_start=0.2)
    loss_column = TextColumn("loss {task.fields[loss]:.3f}")
    columns = (TextColumn("training"), BarColumn(), MofNCompleteColumn(), loss_column, TimeElapsedColumn())
    with Progress(*columns) as progress:
        bar = progress.add_task("training", total=steps, loss=float("nan"))
        for _ in range(epochs):
            model.train()
            for chosen in torch.randperm(len(images)).split(batch)[: len(images) // batch]:
                loss = nn.functional.cross_entropy(
                    model(shifted(images[chosen])), classes[chosen], label_smoothing=0.05
                )
                optimiser.zero_grad(set_to_none=True)
                loss.backward()
                optimiser.step()
                schedule.step()
                progress.update(bar, advance=1, loss=loss.item())


def main() -> None:
    """Parse the arguments, train, report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spec", type=Path, default=SPEC)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--batch", type=int, default=48)
    parser.add_argument("--rate", type=float, default=4e-3)
    parser.add_argument("--seed", type=int, default=0)
    # Maps this small gain nothing from several threads, and lose much where the cores are shared with other work.
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--output", type=Path, help="write the trained weights to this .safetensors file")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    started = time.perf_counter()
    spec = sparx_dsl.load_spec(options.spec)
    print(sparx_dsl.summary(sparx_dsl.plan(spec)))
    images, classes, test_images, test_classes = digits()
    model = sparx_dsl.build(spec)
    train(model, images, classes, options.epochs, options.batch, options.rate)
    found = accuracy(model, test_images, test_classes)
    seconds = time.perf_counter() - started
    if options.output is not None:
        sparx_dsl.save_checkpoint(model, options.output)
    print(f"test accuracy {found:.2%} on {len(test_classes)} images, after {seconds:.0f} s")


if __name__ == "__main__":
    main()
