"""How fast whole models are beside timm's Swin-T, in the same run: forward, or a step of training.

    python benchmarks/models.py [--batch 1 8] [--dtype float32 bfloat16] [--compile] [--parts] [--train]

Every model runs in turn with the peer; a ratio is the median over the turns of our time over the peer's. "per MAC" is
that ratio over the ratio of multiplications. Without timm the column of ratios is left out, and that is said.
"""

from __future__ import annotations

import argparse
import os
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peers import import_timm, in_turn, machine
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

import sparx_dsl
from sparx_dsl.lowering.budget import activation_bytes
from sparx_dsl.ops.backends import VARIABLE, choose

SPECS = Path(__file__).parent.parent / "specs"
PEER = "swin_tiny_patch4_window7_224"
SIZE = 224
FORWARD = (("sparx_mamba_t", False), ("sparx_mamba_t", True), ("sparx_swin_t", False), ("sparx_swin_t", True),
           ("vmamba_t", False), ("vmamba_t", True))  # fmt: skip
"""Our models, plain and deployed."""
RUNS = {1: 15, 8: 5}


@dataclass(frozen=True)
class Contender:
    """One model as it is run: its name, its multiplications for one image, its layout in memory."""

    name: str
    model: nn.Module
    macs: int
    layout: str


def spec_macs(name: str) -> int:
    """The multiplications of one of the specs, for one image."""
    return sparx_dsl.cost(SPECS / f"{name}.yaml").macs


def contenders(options: argparse.Namespace, dtype: torch.dtype) -> dict[str, Contender]:
    """The peer first, where it is installed, then our models, in evaluation."""
    found: dict[str, Contender] = {}
    timm = import_timm()
    if timm is not None:
        peer = timm.create_model(PEER).eval().to(options.device, dtype)
        found[PEER] = Contender(f"timm {timm.__version__} {PEER}", peer, spec_macs("swin_t"), "channels first")
    for name, deployed in FORWARD:
        torch.manual_seed(0)
        plain = sparx_dsl.build(SPECS / f"{name}.yaml", device=options.device, dtype=dtype).eval()
        model = sparx_dsl.deploy(plain) if deployed else plain
        label = f"{name}, {'deployed' if deployed else 'plain'}"
        layout = "channels last" if deployed else "channels first"
        found[label] = Contender(label, model, spec_macs(name), layout)
    return found


def images_of(batch: int, options: argparse.Namespace, dtype: torch.dtype) -> Tensor:
    """Random images."""
    return torch.randn(batch, 3, SIZE, SIZE, device=options.device, dtype=dtype)


def synchronised(model: Callable[[Tensor], object], images: Tensor) -> Callable[[], object]:
    """A call that returns when the device is done."""

    def call() -> object:
        result = model(images)
        if images.is_cuda:
            torch.cuda.synchronize()
        return result

    return call


def table(taken: Mapping[str, list[float]], batch: int, rows: Mapping[str, Contender], dtype: str) -> None:
    """One row for each model: milliseconds for one image, and the ratios to the peer."""
    print(f"{'model':<50} {'dtype':<9} {'layout':<15} {'batch':>5} {'ms/image':>9} {'ratio':>6} {'per MAC':>8}")
    theirs = taken.get(PEER)
    for name, mine in taken.items():
        row = rows[name]
        line = f"{row.name:<50} {dtype:<9} {row.layout:<15} {batch:>5} {statistics.median(mine) / batch:>9.1f}"
        if theirs is not None:
            ratio = statistics.median(a / b for a, b in zip(mine, theirs, strict=True))
            line += f" {ratio:>6.2f} {ratio * rows[PEER].macs / row.macs:>8.2f}"
        print(line, flush=True)


@torch.inference_mode()
def forward(options: argparse.Namespace, dtype_name: str) -> None:
    """Time the forward pass of every model at every batch."""
    dtype = getattr(torch, dtype_name)
    rows = contenders(options, dtype)
    for batch in options.batch:
        images = images_of(batch, options, dtype)
        models: dict[str, Any] = {name: row.model for name, row in rows.items()}
        if options.compile:
            models = {name: torch.compile(model, dynamic=False) for name, model in models.items()}
            print("compiled with torch.compile")
        calls = {name: synchronised(model, images) for name, model in models.items()}
        table(in_turn(calls, options.runs or RUNS.get(batch, 3)), batch, rows, dtype_name)
        if options.parts:
            for name in ("sparx_mamba_t, deployed", "vmamba_t, deployed"):
                parts(name, rows[name].model, images)


def parts(name: str, model: nn.Module, images: Tensor) -> None:
    """Where the time of one forward pass goes: the scans, and the operators that take most of the rest."""
    model(images)
    with profile(activities=[ProfilerActivity.CPU]) as seen:
        model(images)
    events = {event.key: event.self_cpu_time_total / 1e3 / len(images) for event in seen.key_averages()}
    whole = sum(events.values())
    scan = sum(time for key, time in events.items() if key.startswith("sparx_dsl::"))
    print(f"  {name}, ms/image: scans {scan:.1f}, everything else {whole - scan:.1f}; of that:")
    others = sorted((time, key) for key, time in events.items() if not key.startswith("sparx_dsl::"))
    print("    " + ", ".join(f"{key.rpartition('::')[2]} {time:.1f}" for time, key in others[:-7:-1]))


def step_of(model: nn.Module, images: Tensor, backend: str = "") -> Callable[[], object]:
    """One step of training: forward, loss, backward, SGD; with that backend of the scan, or the one that is chosen."""
    optimiser = torch.optim.SGD(model.train().parameters(), lr=1e-3)
    labels = torch.randint(0, 1000, (len(images),), device=images.device)

    def step() -> None:
        before = os.environ.get(VARIABLE)
        if backend:
            os.environ[VARIABLE] = backend
        optimiser.zero_grad()
        nn.functional.cross_entropy(model(images), labels).backward()
        optimiser.step()
        if images.is_cuda:
            torch.cuda.synchronize()
        if backend:
            os.environ.pop(VARIABLE)
        if before is not None:
            os.environ[VARIABLE] = before

    return step


def training(options: argparse.Namespace) -> None:
    """Time a step of training at the largest batch: plain, with half the memory, with the loop, and the peer."""
    batch = max(options.batch)
    images = images_of(batch, options, torch.float32)
    path = SPECS / "sparx_mamba_t.yaml"
    plain = sparx_dsl.build(path, device=options.device)
    _, whole = activation_bytes(plain, batch)
    half = sparx_dsl.recompute(sparx_dsl.build(path, device=options.device), whole // 2, batch)
    calls = {
        "sparx_mamba_t": step_of(plain, images),
        f"sparx_mamba_t, activations halved ({len(half.recomputed)} parts again)": step_of(half, images),
    }
    if options.loop:
        calls["sparx_mamba_t, step-by-step loop"] = step_of(sparx_dsl.build(path), images, "reference")
    timm = import_timm()
    if timm is not None:
        calls[f"timm {timm.__version__} {PEER}"] = step_of(timm.create_model(PEER).to(options.device), images)
    taken = in_turn(calls, options.runs or 3)
    print(f"a step of training, float32, batch {batch}; activations {whole / 2**20:.0f} MiB, halved to half of that")
    for name, mine in taken.items():
        ratio = statistics.median(a / b for a, b in zip(mine, taken["sparx_mamba_t"], strict=True))
        print(f"{name:<64} {statistics.median(mine):>9.0f} ms {ratio:>6.2f} × sparx_mamba_t", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--dtype", nargs="+", default=["float32"], choices=["float32", "bfloat16", "float16"])
    parser.add_argument("--compile", action="store_true", help="through torch.compile")
    parser.add_argument("--parts", action="store_true", help="say where the time goes")
    parser.add_argument("--train", action="store_true", help="a step of training instead")
    parser.add_argument("--loop", action="store_true", help="with --train: the step-by-step loop too, which takes long")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--runs", type=int, default=None)
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    device_type = torch.device(options.device).type
    print(f"{machine()}; scan backend {choose(device_type, torch.float32).name}", flush=True)
    if options.train:
        training(options)
        return
    for dtype in options.dtype:
        forward(options, dtype)


if __name__ == "__main__":
    main()
