"""What ``torch.compile`` makes of a deployed backbone: its time over the time without it, in the same run.

    python benchmarks/compiled.py [--models …] [--dtype float32 bfloat16] [--batch 1 8] [--runs 9] [--threads 1]

A ratio is the median, over turns, of compiled over not compiled. Times are those of the process's own work (CPU time
over threads), so that other processes on the machine count little; with ``--wall`` they are those of the clock.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from peers import machine
from torch import Tensor

import sparx_dsl

SPECS = Path(__file__).parent.parent / "specs"
MODELS = ("sparx_mamba_t", "sparx_swin_t")
SIZE = 224


def turns(
    calls: list[Callable[[Tensor], object]], images: Tensor, runs: int, clock: Callable[[], float]
) -> list[list[float]]:
    """Milliseconds of each call for the images (batch, channels, height, width), in turn."""
    taken: list[list[float]] = [[] for _ in calls]
    for _ in range(runs):
        for call, mine in zip(calls, taken, strict=True):
            started = clock()
            call(images)
            mine.append((clock() - started) * 1e3)
    return taken


@torch.inference_mode()
def compare(name: str, dtype: str, batch: int, runs: int, clock: Callable[[], float]) -> None:
    """Print one row."""
    torch.manual_seed(0)
    torch.compiler.reset()
    deployed = sparx_dsl.build(SPECS / f"{name}.yaml", dtype=dtype, deploy=True)
    compiled = torch.compile(deployed, fullgraph=True, dynamic=False)
    images = torch.randn(batch, 3, SIZE, SIZE, dtype=getattr(torch, dtype))
    started = time.perf_counter()
    result, expected = compiled(images), deployed(images)
    seconds = time.perf_counter() - started
    error = float((result - expected).abs().max() / expected.abs().max())
    plain, made = turns([deployed, compiled], images, runs, clock)
    ratio = statistics.median(a / b for a, b in zip(made, plain, strict=True))
    times = f"{statistics.median(plain):>9.1f} {statistics.median(made):>9.1f}"
    print(f"{name:<16} {dtype:<9} {batch:>5} {times} {ratio:>6.3f} {error:>9.1e} {seconds:>7.0f}", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--dtype", nargs="+", default=["float32", "bfloat16"], choices=["float32", "bfloat16"])
    parser.add_argument("--models", nargs="+", default=MODELS)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--wall", action="store_true", help="the clock's time instead of the process's own")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    clock = time.perf_counter if options.wall else time.process_time
    print(f"{machine()}; {'wall' if options.wall else 'CPU'} time, ms for a batch")
    print("model            dtype     batch  deployed  compiled  ratio     error  s to compile")
    for name in options.models:
        for dtype in options.dtype:
            for batch in options.batch:
                compare(name, dtype, batch, options.runs, clock)


if __name__ == "__main__":
    main()
