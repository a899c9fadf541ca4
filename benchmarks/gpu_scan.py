"""The fused SS2D in Triton on a CUDA device, against the chunked scan in plain PyTorch, in the same run.

    python benchmarks/gpu_scan.py [--batch 128] [--inner 192] [--size 56] [--rank 6] [--state 1] [--blocks]

Prints the errors against the reference in float64 on a small map, then medians in milliseconds of the forward and
the backward (which includes rebuilding the states), taken with CUDA events, with the peak of the memory that each
allocates. With ``--blocks`` it also times every choice of block sizes. Measures nothing where there is no CUDA device.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import platform
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch

import sparx_dsl
from sparx_dsl.ops.arguments import SS2DInputs
from sparx_dsl.ops.backends import backends
from sparx_dsl.ops.triton_kernels.availability import problem
from sparx_dsl.ops.triton_kernels.blocks import Blocks
from sparx_dsl.ops.triton_kernels.launch_ss2d import ss2d, ss2d_backward

DTYPES = (torch.bfloat16, torch.float16, torch.float32)
TOLERANCES = {torch.bfloat16: 2e-2, torch.float16: 2e-2, torch.float32: 1e-4}
FORWARD_BLOCKS = [Blocks(tile, channels, 1, turns) for tile, channels in ((8, 32), (16, 32), (4, 64), (8, 64))
                  for turns in (1, 2)]  # fmt: skip
BACKWARD_BLOCKS = [Blocks(tile, channels, warps, turns)
                   for tile, channels, warps in ((16, 32, 1), (16, 64, 2), (16, 128, 4), (32, 64, 2))
                   for turns in (1, 2)]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shape:
    """One SS2D: images, inner channels, height and width, rank of the time steps, states."""

    batch: int
    inner: int
    size: int
    rank: int
    state: int

    def inputs(self, dtype: torch.dtype) -> SS2DInputs:
        """Of the sizes that training begins with."""
        values = 4 * (self.rank + 2 * self.state)
        x = torch.randn(self.batch, self.inner, self.size, self.size, device="cuda", dtype=dtype)
        projected = torch.randn(self.batch, self.size, self.size, values, device="cuda", dtype=dtype)
        dt_weight = (torch.rand(4, self.inner, self.rank, device="cuda") * 2 - 1) * self.rank**-0.5
        # softplus of these lies between 0.001 and 0.1.
        dt_bias = torch.rand(4, self.inner, device="cuda") * 4.6 - 6.9
        states = torch.arange(1, self.state + 1, device="cuda", dtype=torch.float32)
        A = -states.repeat(4 * self.inner, 1)
        layout = torch.channels_last
        x = x.contiguous(memory_format=layout)
        return SS2DInputs(x, projected, dt_weight, dt_bias, A, torch.ones_like(A[:, 0]))


def milliseconds(call: Callable[[], object], runs: int) -> tuple[float, float]:
    """Median duration of that many calls after three more, and the peak of the memory allocated, in MB."""
    for _ in range(3):
        call()
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    taken: list[float] = []
    for _ in range(runs):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        call()
        end.record()
        end.synchronize()
        taken.append(start.elapsed_time(end))
    return statistics.median(taken), (torch.cuda.max_memory_allocated() - before) / 1e6


def row(what: str, dtype: torch.dtype, call: Callable[[], object], runs: int) -> float | None:
    """Measure and print one row; None where the memory does not suffice."""
    name = f"{what:<44} {str(dtype).removeprefix('torch.'):<10}"
    try:
        median, peak = milliseconds(call, runs)
    except torch.OutOfMemoryError:
        print(f"{name} out of memory")
        return None
    print(f"{name} {median:>9.3f} {peak:>9.0f}")
    return median


def errors(shape: Shape) -> None:
    """The largest relative differences from the reference in float64, forward and over all gradients."""
    reference = backends()["reference"].kernels()
    for dtype in DTYPES:
        inputs = shape.inputs(dtype)
        exact = SS2DInputs(*(each.double() for each in inputs))
        gradient = torch.randn_like(inputs.x)
        pairs = [(ss2d(inputs), reference.ss2d(exact))]
        pairs += zip(ss2d_backward(gradient, inputs), reference.ss2d_backward(gradient.double(), exact), strict=True)
        forward, *backward = [((a - b).abs().max() / b.abs().max()).item() for a, b in pairs]
        worst = max(forward, *backward)
        verdict = "within" if worst <= TOLERANCES[dtype] else "BEYOND"
        name = str(dtype).removeprefix("torch.")
        print(f"{name:<10} forward {forward:.1e}, backward {max(backward):.1e}: {verdict} {TOLERANCES[dtype]:g}")


def compare(shape: Shape, dtype: torch.dtype, runs: int) -> None:
    """Forward and backward of both backends."""
    chunked = backends()["torch"].kernels()
    inputs = shape.inputs(dtype)
    gradient = torch.randn_like(inputs.x)
    pairs = [
        ("forward", partial(ss2d, inputs), partial(chunked.ss2d, inputs)),
        ("backward", partial(ss2d_backward, gradient, inputs), partial(chunked.ss2d_backward, gradient, inputs)),
    ]
    for what, ours, theirs in pairs:
        mine = row(f"triton, {what}", dtype, ours, runs)
        other = row(f"torch in chunks, {what}", dtype, theirs, max(3, runs // 5))
        if mine is not None and other is not None:
            print(f"{'ratio, torch over triton':<55} {other / mine:>9.1f}")


def block_times(shape: Shape, runs: int) -> None:
    """Every choice of blocks, in bfloat16."""
    inputs = shape.inputs(torch.bfloat16)
    choices = [("forward", partial(ss2d, inputs), blocks) for blocks in FORWARD_BLOCKS]
    backward = partial(ss2d_backward, inputs.x, inputs)
    choices += [("backward", backward, blocks) for blocks in BACKWARD_BLOCKS]
    for what, call, blocks in choices:
        sizes = f"{blocks.tile} × {blocks.channels}, {blocks.warps} warps, {blocks.turns} turns"
        row(f"{what}, {sizes}", torch.bfloat16, partial(call, blocks=blocks), runs)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in (("batch", 128), ("inner", 192), ("size", 56), ("rank", 6), ("state", 1), ("runs", 50)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--blocks", action="store_true", help="time every choice of block sizes too")
    options = parser.parse_args()
    versions = f"torch {torch.__version__}, sparx_dsl {sparx_dsl.__version__}"
    obstacle = problem("cuda")
    if obstacle is not None or not torch.cuda.is_available():
        print(f"{versions}: not measured, {obstacle or 'there is no CUDA device here'}")
        return
    print(f"{torch.cuda.get_device_name()}, {platform.machine()}, CUDA {torch.version.cuda}, {versions}")
    tf32 = f"{torch.backends.cuda.matmul.allow_tf32}, in cuDNN: {torch.backends.cudnn.allow_tf32}"
    print(f"triton {importlib.metadata.version('triton')}, layout channels last, TF32 in products: {tf32}")
    torch.manual_seed(0)
    errors(Shape(2, 40, 13, options.rank, options.state))
    shape = Shape(options.batch, options.inner, options.size, options.rank, options.state)
    print(f"\n{'SS2D ' + str(shape):<55} {'median ms':>9} {'peak MB':>9}")
    for dtype in (torch.bfloat16, torch.float32):
        compare(shape, dtype, options.runs)
    if options.blocks:
        block_times(shape, options.runs)


if __name__ == "__main__":
    main()
