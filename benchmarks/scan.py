"""How fast the backends of the selective scan are on this machine's CPU, beside the step-by-step loop in the same run.

    python benchmarks/scan.py [--threads N]

Prints the 13 scans of SparX-Mamba-T at 224 × 224, batch 1, forward and backward, over maps that are
channels-last, and channels-first as Mamba's code has them; SS2D fused, over each backend's scan,
and over the loop; and the largest relative error against the loop in float64. Medians of interleaved runs.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import Tensor

import sparx_dsl
from sparx_dsl.ops import backends, pipeline
from sparx_dsl.ops.arguments import ScanInputs, SS2DInputs
from sparx_dsl.ops.backends import Kernels

SCANS = [(192, 56, 6, 2), (384, 28, 12, 2), (640, 14, 20, 7), (1024, 7, 32, 2)]
"""SparX-Mamba-T's scans: inner channels, side of the map, rank of the time steps, how many layers have it."""
NAMES = ("cpu", "torch", "reference")


def scan_inputs(inner: int, side: int, layout: str = "channels-last") -> ScanInputs:
    """The arguments of the scan over a map's four directions: channels-last, or channels-first as Mamba has them."""
    generator = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator)

    channels, length = 4 * inner, side * side
    u, delta = (normal(1, length, channels).transpose(1, 2) for _ in range(2))
    if layout == "channels-first":
        u, delta = u.contiguous(), delta.contiguous()
    into, out = normal(1, 4, 1, length), normal(1, 4, 1, length)
    rates = -torch.rand(channels, 1, generator=generator) - 0.5
    return ScanInputs(u, delta - 4, rates, into, out, normal(channels), normal(channels))


def ss2d_arguments(inner: int, side: int, rank: int) -> tuple[Tensor, ...]:
    """The arguments of SS2D over one map."""
    generator = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator)

    x = normal(1, inner, side, side).contiguous(memory_format=torch.channels_last)
    rates = -torch.rand(4 * inner, 1, generator=generator) - 0.5
    weight, bias = normal(4, inner, rank) / 4, normal(4, inner) - 4
    return x, normal(1, side, side, 4 * (rank + 2)), weight, bias, rates, normal(4 * inner)


def medians(calls: Mapping[str, Callable[[], object]], runs: dict[str, int]) -> dict[str, float]:
    """Milliseconds of each call: the median of its runs, in turn with the others', after one that is not counted."""
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for name, call in calls.items():
        call()
        for _ in range(runs.get(name, 1)):
            started = time.perf_counter()
            call()
            taken[name].append((time.perf_counter() - started) * 1e3)
    return {name: statistics.median(values) for name, values in taken.items()}


def error(found: Tensor, expected: Tensor) -> float:
    """The largest error relative to the largest value."""
    return float((found.double() - expected).abs().max() / expected.abs().max())


def row(what: str, taken: dict[str, float], errors: dict[str, float]) -> None:
    """One line for each backend: milliseconds, how many times as fast as the loop, and the error."""
    for name, milliseconds in taken.items():
        ratio = taken["reference"] / milliseconds
        wrong = f"{errors[name]:.1e}" if name in errors else ""
        print(f"{what:<44} {name:<12} {milliseconds:>10.2f} ms {ratio:>8.1f} × {wrong:>10}")


def thirteen_scans(kernels: dict[str, Kernels], layout: str) -> None:
    """The scans of one forward pass of SparX-Mamba-T, and those of one backward pass."""
    forward, backward = dict.fromkeys(kernels, 0.0), dict.fromkeys(kernels, 0.0)
    errors = dict.fromkeys(kernels, 0.0)
    runs = {"cpu": 15, "torch": 5, "reference": 2}
    for inner, side, _, layers in SCANS:
        inputs = scan_inputs(inner, side, layout)
        exact = kernels["reference"].scan(ScanInputs._make(t.double() if isinstance(t, Tensor) else t for t in inputs))
        made = {name: partial(each.scan, inputs) for name, each in kernels.items()}
        derived = {name: partial(each.scan_backward, inputs.u, inputs) for name, each in kernels.items()}
        for total, calls in ((forward, made), (backward, derived)):
            for name, taken in medians(calls, runs).items():
                total[name] += layers * taken
        errors |= {name: max(errors[name], error(call(), exact)) for name, call in made.items()}
    row(f"13 scans, {layout}, forward", forward, errors)
    row(f"13 scans, {layout}, backward", backward, {})


def fused(kernels: dict[str, Kernels]) -> None:
    """SS2D on the map of stage 1: the fused kernel, and the pipeline over each backend's scan."""
    inputs = SS2DInputs(*ss2d_arguments(192, 56, 6))
    exact = kernels["reference"].ss2d(SS2DInputs(*(t.double() for t in inputs)))
    calls: dict[str, Callable[[], Tensor]] = {
        "fused": partial(kernels["cpu"].ss2d, inputs),
        "cpu": partial(pipeline.ss2d, kernels["cpu"].scan, inputs),
        "torch": partial(kernels["torch"].ss2d, inputs),
        "reference": partial(kernels["reference"].ss2d, inputs),
    }
    runs = {"fused": 31, "cpu": 15, "torch": 7, "reference": 5}
    errors = {name: error(call(), exact) for name, call in calls.items()}
    row("SS2D (1, 192, 56, 56), forward", medians(calls, runs), errors)
    low = inputs._replace(x=inputs.x.bfloat16(), projected=inputs.projected.bfloat16())
    halves = {"fused": partial(kernels["cpu"].ss2d, low), "reference": partial(kernels["reference"].ss2d, low)}
    row("SS2D (1, 192, 56, 56), bfloat16, forward", medians(halves, runs), {"fused": error(halves["fused"](), exact)})
    derived: dict[str, Callable[[], object]] = {
        "fused": partial(kernels["cpu"].ss2d_backward, inputs.x, inputs),
        "cpu": partial(pipeline.ss2d_backward, kernels["cpu"].scan_backward, inputs.x, inputs),
        "torch": partial(kernels["torch"].ss2d_backward, inputs.x, inputs),
        "reference": partial(kernels["reference"].ss2d_backward, inputs.x, inputs),
    }
    row("SS2D (1, 192, 56, 56), backward", medians(derived, runs | {"reference": 2}), {})


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    torch.set_num_threads(parser.parse_args().threads)
    if sparx_dsl.scan_backend() != "cpu":
        print("the compiled scan is not there, so nothing is measured (sparx doctor says why)")
        return
    from sparx_dsl.ops.cpu import library

    vectors = library.INSTRUCTION_SETS[library.instruction_set()]
    versions = f"torch {torch.__version__}, Python {platform.python_version()}, {platform.machine()}"
    print(f"{versions}, {torch.get_num_threads()} threads, {vectors}, float32 unless said")
    print(f"{'':<44} {'backend':<12} {'median':>13} {'loop / it':>10} {'error':>10}")
    kernels = {name: backends.backends()[name].kernels() for name in NAMES}
    with torch.inference_mode():
        for layout in ("channels-last", "channels-first"):
            thirteen_scans(kernels, layout)
        fused(kernels)


if __name__ == "__main__":
    main()
