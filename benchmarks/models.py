"""How fast whole models are beside timm's Swin-T, in the same run: forward, or a step of training.

    python benchmarks/models.py [--batch 1 8] [--dtype float32 bfloat16] [--models …] [--compile] [--parts] [--train]

Every model runs in turn with the peer; a ratio is the median over the turns of our time over the peer's of the same
dtype. "per MAC" is that ratio over the ratio of multiplications, "× own" how many times as fast as the same model in
the first dtype. Without timm the columns that need it are left out, and that is said. ``--loop`` adds models with the
scan's definition, step by step, as the published code runs without its kernels; their weights are the same.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

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
MODELS = ("sparx_mamba_t", "sparx_swin_t", "vmamba_t")
"""Our models, each plain and deployed."""
RUNS = {1: 15, 8: 5}
SCANS = ("sparx_dsl::ss2d", "sparx_dsl::selective_scan")


@dataclass(frozen=True)
class Contender:
    """One model as it is run: its name, its dtype, its multiplications for one image, its layout in memory."""

    name: str
    dtype: str
    model: Callable[[Tensor], object]
    macs: int
    layout: str


def spec_macs(name: str) -> int:
    """The multiplications of one of the specs, for one image."""
    return sparx_dsl.cost(SPECS / f"{name}.yaml").macs


def contenders(options: argparse.Namespace, dtype: str) -> list[Contender]:
    """The peer first, where it is installed, then our models, in evaluation."""
    found: list[Contender] = []
    timm = import_timm()
    if timm is not None:
        peer = timm.create_model(PEER).eval().to(options.device, getattr(torch, dtype))
        found.append(Contender(f"timm {timm.__version__} {PEER}", dtype, peer, spec_macs("swin_t"), "channels first"))
    for name in options.models:
        torch.manual_seed(0)
        plain = sparx_dsl.build(SPECS / f"{name}.yaml", device=options.device, dtype=dtype).eval()
        macs = spec_macs(name)
        found.append(Contender(f"{name}, plain", dtype, plain, macs, "channels first"))
        found.append(Contender(f"{name}, deployed", dtype, sparx_dsl.deploy(plain), macs, "channels last"))
        if options.loop and "mamba" in name:
            looped = with_backend(plain, "reference")
            found.append(Contender(f"{name}, step-by-step loop", dtype, looped, macs, "channels first"))
    return found


def with_backend(model: Callable[[Tensor], object], backend: str) -> Callable[[Tensor], object]:
    """The model with that backend of the scan."""

    def call(images: Tensor) -> object:
        with forced(backend):
            return model(images)

    return call


@contextlib.contextmanager
def forced(backend: str) -> Generator[None, None, None]:
    """Within the block the scan's backend is that one; none is forced by an empty name."""
    before = os.environ.get(VARIABLE)
    if backend:
        os.environ[VARIABLE] = backend
    try:
        yield
    finally:
        if backend:
            os.environ.pop(VARIABLE)
        if before is not None:
            os.environ[VARIABLE] = before


def images_of(batch: int, options: argparse.Namespace, dtype: str) -> Tensor:
    """Random images."""
    return torch.randn(batch, 3, SIZE, SIZE, device=options.device, dtype=getattr(torch, dtype))


def synchronised(model: Callable[[Tensor], object], images: Tensor) -> Callable[[], object]:
    """A call that returns when the device is done."""

    def call() -> object:
        result = model(images)
        if images.is_cuda:
            torch.cuda.synchronize()
        return result

    return call


def median_ratio(mine: Sequence[float], theirs: Sequence[float]) -> float:
    """The median over the turns of my time over theirs."""
    return statistics.median(a / b for a, b in zip(mine, theirs, strict=True))


def table(rows: Sequence[Contender], taken: Sequence[list[float]], batch: int) -> None:
    """One row for each model: milliseconds for one image, and the ratios."""
    print(f"{'model':<45} {'dtype':<9} {'layout':<15} batch  ms/image  ratio  per MAC  × own")
    times = {(row.name, row.dtype): mine for row, mine in zip(rows, taken, strict=True)}
    peers = {row.dtype: row for row in rows if row.name.startswith("timm")}
    for row, mine in zip(rows, taken, strict=True):
        line = f"{row.name:<45} {row.dtype:<9} {row.layout:<15} {batch:>5} {statistics.median(mine) / batch:>9.1f}"
        peer = peers.get(row.dtype)
        if peer is not None:
            ratio = median_ratio(mine, times[peer.name, peer.dtype])
            line += f" {ratio:>6.2f} {ratio * peer.macs / row.macs:>8.2f}"
        if row.dtype != rows[0].dtype:
            line += f" {median_ratio(times[row.name, rows[0].dtype], mine):>6.2f}"
        print(line, flush=True)


@torch.inference_mode()
def forward(options: argparse.Namespace) -> None:
    """Time the forward pass of every model in every dtype, all of them in turn, at every batch."""
    rows = [row for dtype in options.dtype for row in contenders(options, dtype)]
    if options.compile:
        print("through torch.compile(dynamic=False)")
    for batch in options.batch:
        images = {dtype: images_of(batch, options, dtype) for dtype in options.dtype}
        models = [torch.compile(row.model, dynamic=False) if options.compile else row.model for row in rows]
        calls = {
            f"{row.name} {row.dtype}": synchronised(model, images[row.dtype])
            for row, model in zip(rows, models, strict=True)
        }
        table(rows, list(in_turn(calls, options.runs or RUNS.get(batch, 3)).values()), batch)
        for row in rows:
            if options.parts and row.name in ("sparx_mamba_t, deployed", "vmamba_t, deployed"):
                parts(f"{row.name}, {row.dtype}", row.model, images[row.dtype])


def parts(name: str, model: Callable[[Tensor], object], images: Tensor) -> None:
    """Where the time of one forward pass goes: the scans, and the operators that take most of the rest."""
    model(images)
    with profile(activities=[ProfilerActivity.CPU]) as seen:
        model(images)
    events = {event.key: event.self_cpu_time_total / 1e3 / len(images) for event in seen.key_averages()}
    whole = sum(events.values())
    scan = sum(time for key, time in events.items() if key.startswith(SCANS))
    print(f"  {name}, ms/image: scans {scan:.1f}, everything else {whole - scan:.1f}; of that:")
    others = sorted((time, key) for key, time in events.items() if not key.startswith(SCANS))
    print("    " + ", ".join(f"{key.rpartition('::')[2]} {time:.1f}" for time, key in others[:-7:-1]))


def step_of(model: nn.Module, images: Tensor, backend: str = "") -> Callable[[], object]:
    """One step of training: forward, loss, backward, SGD; with that backend of the scan, or the one that is chosen."""
    optimiser = torch.optim.SGD(model.train().parameters(), lr=1e-3)
    labels = torch.randint(0, 1000, (len(images),), device=images.device)

    def step() -> None:
        with forced(backend):
            optimiser.zero_grad()
            nn.functional.cross_entropy(model(images), labels).backward()
            optimiser.step()
        if images.is_cuda:
            torch.cuda.synchronize()

    return step


def training(options: argparse.Namespace) -> None:
    """Time a step of training at the largest batch: plain, with half the memory, with the loop, and the peer."""
    batch = max(options.batch)
    images = images_of(batch, options, "float32")
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
        ratio = median_ratio(mine, taken["sparx_mamba_t"])
        print(f"{name:<64} {statistics.median(mine):>9.0f} ms {ratio:>6.2f} × sparx_mamba_t", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--dtype", nargs="+", default=["float32"], choices=["float32", "bfloat16", "float16"])
    parser.add_argument("--models", nargs="+", default=MODELS, choices=MODELS)
    parser.add_argument("--compile", action="store_true", help="through torch.compile")
    parser.add_argument("--parts", action="store_true", help="say where the time goes")
    parser.add_argument("--train", action="store_true", help="a step of training instead")
    parser.add_argument("--loop", action="store_true", help="the step-by-step loop too, which takes long")
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
    forward(options)


if __name__ == "__main__":
    main()
