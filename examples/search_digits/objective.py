"""What a backbone of ``space.yaml`` is worth: its accuracy after a short training, and the time that an image takes it.

From the root of the repository:

    sparx search examples/search_digits/space.yaml --trials 60 --workers 2 \
        --objective examples.search_digits.objective:accuracy --objective macs \
        --objective examples.search_digits.objective:milliseconds --direction maximize,minimize,minimize

Needs the extras ``search`` and ``examples``.
"""

from __future__ import annotations

import time

import torch
from torch import Tensor, nn

import sparx_dsl
from examples.train_digits import accuracy as accuracy_of
from examples.train_digits import digits, optimiser_for, shifted
from sparx_dsl import Trial
from sparx_dsl.lowering import Backbone

EPOCHS, BATCH, RATE = 8, 48, 4e-3
HELD_OUT = 300
"""Training images that no trial is trained on, for the accuracy; the test images stay untouched."""
RUNS = 40


def accuracy(trial: Trial) -> dict[str, object]:
    """The share of held-out images whose class is found after a short training, in [0, 1]."""
    torch.set_num_threads(1)
    torch.manual_seed(trial.seed)
    images, classes, *_ = digits()
    model = sparx_dsl.build(trial.spec)
    report = trial.inherit(model)
    train(model, images[HELD_OUT:], classes[HELD_OUT:])
    trial.save(model)
    inherited = 0 if report is None else len(report.matched)
    return {"values": accuracy_of(model, images[:HELD_OUT], classes[:HELD_OUT]), "inherited tensors": inherited}


def milliseconds(trial: Trial) -> float:
    """The least time in milliseconds that one image takes on one core: what else runs there only adds to it."""
    torch.set_num_threads(1)
    model = sparx_dsl.build(trial.spec).eval()
    channels, size = trial.spec.input.channels, trial.spec.input.size
    image = torch.randn(1, channels, *((size, size) if isinstance(size, int) else size))
    with torch.inference_mode():
        return 1000 * min(seconds(model, image) for _ in range(RUNS))


def seconds(model: Backbone, image: Tensor) -> float:
    """How long one call takes."""
    started = time.perf_counter()
    model(image)
    return time.perf_counter() - started


def train(model: Backbone, images: Tensor, classes: Tensor) -> None:
    """Train in place for a few epochs."""
    optimiser = optimiser_for(model, RATE)
    steps = EPOCHS * (len(images) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps, pct_start=0.2)
    model.train()
    for _ in range(EPOCHS):
        for chosen in torch.randperm(len(images)).split(BATCH)[: len(images) // BATCH]:
            loss = nn.functional.cross_entropy(model(shifted(images[chosen])), classes[chosen], label_smoothing=0.05)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            schedule.step()
