"""Where the time of a model goes beside timm's Swin-T, operator by operator: forward, or a step of training.

    python benchmarks/operator_times.py [--models …] [--dtype bfloat16] [--batch 1] [--train] [--runs 7] [--threads 1]

All models run in turn under PyTorch's profiler. Each use of an operator counts with its least time over the runs, so
that work of other processes counts little. Operators are in families, whose sums stand side by side.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import torch
from peers import import_timm, machine
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

import sparx_dsl

SPECS = Path(__file__).parent.parent / "specs"
PEER = "swin_tiny_patch4_window7_224"
SIZE = 224
LISTED = 14
"""How many operators are listed by themselves."""

FAMILIES: Mapping[str, tuple[str, ...]] = {
    "scans": ("ss2d", "selective_scan"),
    "attention": ("attention", "bmm", "softmax", "masked_fill"),
    "norms": ("norm",),
    "depthwise": ("depthwise",),
    "convolutions": ("conv",),
    "products": ("linear", "addmm", "mm", "product"),
    "activations": ("gelu", "silu"),
    "copies": ("copy_", "cat", "clone", "contiguous", "index", "roll", "fill_", "zero_", "interleave"),
    "sums": ("add", "mul", "sum", "mean", "div", "sub"),
}
"""The words in the names of operators by which they belong to a family, the first that fits."""


def family_of(operator: str) -> str:
    """The family of an operator by its name."""
    return next((name for name, words in FAMILIES.items() if any(word in operator for word in words)), "the rest")


def least_times(calls: Mapping[str, Callable[[], object]], runs: int) -> dict[str, dict[str, float]]:
    """For each call the milliseconds of each operator itself: the sum over its uses, each at its least over the runs.

    All calls run in turn, after one that is not counted: what operators keep of their weights is packed there. Uses are
    told apart by their order.
    """
    least: dict[str, dict[tuple[str, int], float]] = {name: {} for name in calls}
    for call in calls.values():
        with profile(activities=[ProfilerActivity.CPU]):
            call()
    for _ in range(runs):
        for name, call in calls.items():
            with profile(activities=[ProfilerActivity.CPU]) as seen:
                call()
            uses: Counter[str] = Counter()
            for event in sorted(seen.events() or (), key=lambda event: event.time_range.start):
                uses[event.name] += 1
                use, taken = (event.name, uses[event.name]), (event.self_cpu_time_total or 0.0) / 1e3
                least[name][use] = min(least[name].get(use, float(taken)), float(taken))
    found: dict[str, dict[str, float]] = {name: {} for name in calls}
    for name, mine in least.items():
        for (operator, _), taken in mine.items():
            found[name][operator] = found[name].get(operator, 0.0) + taken
    return found


def print_tables(times: Mapping[str, Mapping[str, float]], batch: int) -> None:
    """The families of all calls side by side, in milliseconds for an image, then the operators of each."""
    names = list(times)
    print(f"{'ms/image':<16}" + "".join(f"{name:>26}" for name in names))
    sums = {name: dict.fromkeys((*FAMILIES, "the rest"), 0.0) for name in names}
    for name, mine in times.items():
        for operator, taken in mine.items():
            sums[name][family_of(operator)] += taken / batch
    for family in (*FAMILIES, "the rest"):
        print(f"{family:<16}" + "".join(f"{sums[name][family]:>26.2f}" for name in names))
    print(f"{'all':<16}" + "".join(f"{sum(sums[name].values()):>26.2f}" for name in names))
    for name, mine in times.items():
        most = sorted(mine.items(), key=lambda pair: -pair[1])[:LISTED]
        print(
            f"{name}: " + ", ".join(f"{operator.rpartition('::')[2]} {taken / batch:.2f}" for operator, taken in most)
        )


def step_of(model: nn.Module, images: Tensor) -> Callable[[], object]:
    """One step of training on images (batch, channels, height, width): forward, loss, backward, SGD."""
    optimiser = torch.optim.SGD(model.train().parameters(), lr=1e-3)
    labels = torch.randint(0, 1000, (len(images),))

    def step() -> None:
        optimiser.zero_grad()
        nn.functional.cross_entropy(model(images), labels).backward()
        optimiser.step()

    return step


def calls_of(options: argparse.Namespace) -> dict[str, Callable[[], object]]:
    """The peer first, where it is installed, then our models: a step of training, or deployed."""
    dtype = getattr(torch, options.dtype)
    images = torch.randn(options.batch, 3, SIZE, SIZE, dtype=dtype)
    models: dict[str, nn.Module] = {}
    timm = import_timm()
    if timm is not None:
        models["swin_t (timm)"] = timm.create_model(PEER).to(dtype)
    for name in options.models:
        models[name] = sparx_dsl.build(SPECS / f"{name}.yaml", dtype=options.dtype)
    if options.train:
        return {name: step_of(model, images) for name, model in models.items()}
    evaluated = {
        name: model.eval() if name not in options.models else sparx_dsl.deploy(model) for name, model in models.items()
    }
    return {name: torch.inference_mode()(partial(model, images)) for name, model in evaluated.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=["sparx_mamba_t", "sparx_swin_t"])
    parser.add_argument("--dtype", default="bfloat16", choices=["float32", "bfloat16"])
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--train", action="store_true", help="a step of training instead")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(f"{machine()}; {options.dtype}, batch {options.batch}{', a step of training' if options.train else ''}")
    print_tables(least_times(calls_of(options), options.runs), options.batch)


if __name__ == "__main__":
    main()
