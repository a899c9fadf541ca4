"""What each compiled kernel for CPUs, or primitive of oneDNN, gives over PyTorch's operators, in the same run.

    python benchmarks/kernels.py [--threads 1] [--runs 30] [--batch 1]

Sizes are those of SparX-Mamba-T and SparX-Swin-T at 224 × 224. Kernels for inference are called as deployed modules
call them, with weights packed, and PyTorch's operators as a plain backbone calls them, on channels-last maps; kernels
for training forward and backward, in float32, on channels-first maps. Times are milliseconds of the CPU, of all threads
together, medians of calls in turn; errors are relative to the largest value, against float64. The scans have
benchmarks/scan.py.
"""

from __future__ import annotations

import argparse
import copy
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from peers import in_turn, machine
from torch import Tensor
from torch.nn import functional

from sparx_dsl.inference.deployment import Place
from sparx_dsl.kinds.fusions.aggregator import interleaved
from sparx_dsl.kinds.fusions.dmca.module import attend_to_channels
from sparx_dsl.kinds.mixers.window_attention.inference import FusedWindowedAttention
from sparx_dsl.kinds.mixers.window_attention.module import WindowedAttention
from sparx_dsl.kinds.mixers.window_attention.options import WindowAttention
from sparx_dsl.language.base import Site
from sparx_dsl.ops.channel_product import channel_product
from sparx_dsl.ops.cpu import library
from sparx_dsl.ops.inference import channel_attention
from sparx_dsl.ops.map_definitions import ACTIVATIONS
from sparx_dsl.ops.onednn import Activation
from sparx_dsl.ops.packed_convolutions import PRODUCT, pack
from sparx_dsl.ops.packed_maps import PackedDepthwise, PackedNorm
from sparx_dsl.ops.plane_operators import plane_convolution

Call = Callable[..., Tensor]


@dataclass(frozen=True)
class Pair:
    """A kernel and PyTorch's operators for the same, both called with the tensors; of some, gradients are taken too."""

    name: str
    ours: Call
    theirs: Call
    tensors: tuple[Tensor, ...]
    trains: bool = False


def map_of(batch: int, channels: int, side: int, dtype: torch.dtype) -> Tensor:
    """A random channels-last map (batch, channels, side, side)."""
    return torch.randn(batch, side, side, channels).to(dtype).permute(0, 3, 1, 2)


def depthwise(x: Tensor, size: int, activation: Activation) -> Pair:
    """A depthwise convolution of a map (batch, channels, height, width) and its activation, in one pass."""
    channels = x.shape[1]
    weight, bias = torch.randn(channels, 1, size, size).to(x.dtype), torch.randn(channels).to(x.dtype)
    packed = PackedDepthwise(weight, bias)

    def theirs(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return ACTIVATIONS[activation](functional.conv2d(x, weight, bias, padding=size // 2, groups=channels))

    def ours(x: Tensor, *_: Tensor) -> Tensor:
        return packed(x, activation)

    return Pair(
        f"depthwise {size} × {size}, {activation}, {channels} of {x.shape[2]}²", ours, theirs, (x, weight, bias)
    )


def norm(x: Tensor) -> Pair:
    """GroupNorm of one group, of a map (batch, channels, height, width)."""
    weight, bias = (torch.randn(x.shape[1]).to(x.dtype) for _ in range(2))
    packed = PackedNorm(weight, bias, 1e-5)

    def theirs(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return functional.group_norm(x, 1, weight, bias, 1e-5)

    def ours(x: Tensor, *_: Tensor) -> Tensor:
        return packed(x)

    return Pair(f"GroupNorm, {x.shape[1]} of {x.shape[2]}²", ours, theirs, (x, weight, bias))


def windows(x: Tensor, heads: int) -> Pair:
    """Attention within windows of query, key and value (batch, 3·channels, height, width), and the product after it."""
    channels, side = x.shape[1] // 3, x.shape[2]
    plain = WindowedAttention(WindowAttention(window=7, heads=heads), Site(channels, channels, number=2), dtype=x.dtype)
    exact = copy.deepcopy(plain).double()
    made = FusedWindowedAttention(copy.deepcopy(plain), Place((side, side), may_overwrite=False))

    def theirs(x: Tensor) -> Tensor:
        return (exact if x.dtype == torch.float64 else plain)(x)

    return Pair(f"windows of 7², {heads} heads, {channels} of {side}²", made, theirs, (x,))


def channels(x: Tensor, reduced: int, groups: int) -> Pair:
    """DMCA's attention of the channels of a map (batch, channels, height, width), and what is mixed, interleaved."""
    batch, width = x.shape[:2]
    query, key = (map_of(batch, width, reduced, x.dtype) for _ in range(2))

    def theirs(query: Tensor, key: Tensor, value: Tensor, own: Tensor) -> Tensor:
        return interleaved(torch.cat((own, attend_to_channels(query, key, value, groups), value), dim=1))

    def ours(query: Tensor, key: Tensor, value: Tensor, own: Tensor) -> Tensor:
        return channel_attention(query, key, value, own, groups)

    tensors = (query, key, x, map_of(batch, width, x.shape[2], x.dtype))
    return Pair(f"DMCA's attention, {width} of {x.shape[2]}²", ours, theirs, tensors)


def product(x: Tensor, out_channels: int, activation: Activation) -> Pair:
    """A product over the channels of a map (batch, channels, height, width) and its activation, weights packed."""
    weight, bias = torch.randn(out_channels, x.shape[1], 1, 1).to(x.dtype) / 8, torch.randn(out_channels).to(x.dtype)
    packed = pack(weight, PRODUCT, x.shape)

    def theirs(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return ACTIVATIONS[activation](functional.conv2d(x, weight, bias))

    def ours(x: Tensor, _: Tensor, bias: Tensor) -> Tensor:
        return packed.compute(x, bias, activation)

    name = f"product, {activation}, {x.shape[1]} to {out_channels} of {x.shape[2]}²"
    return Pair(name, ours, theirs, (x, weight, bias))


def strided(x: Tensor, out_channels: int) -> Pair:
    """A 3 × 3 convolution of stride 2 of a map (batch, channels, height, width), weights packed."""
    weight = torch.randn(out_channels, x.shape[1], 3, 3).to(x.dtype) / 8
    bias, packed = torch.randn(out_channels).to(x.dtype), pack(weight, ([1, 1], [2, 2], [1, 1], 1), x.shape)

    def theirs(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return functional.conv2d(x, weight, bias, stride=2, padding=1)

    def ours(x: Tensor, _: Tensor, bias: Tensor) -> Tensor:
        return packed.compute(x, bias, "none")

    return Pair(f"3 × 3 of stride 2, {x.shape[1]} to {out_channels} of {x.shape[2]}²", ours, theirs, (x, weight, bias))


def planes(batch: int, channels: int, side: int, size: int) -> Pair:
    """A depthwise convolution in training, of channels-first maps."""
    tensors = (torch.randn(batch, channels, side, side), torch.randn(channels, 1, size, size), torch.randn(channels))

    def theirs(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return functional.conv2d(x, weight, bias, padding=size // 2, groups=channels)

    return Pair(f"planes {size} × {size}, {channels} of {side}²", plane_convolution, theirs, tensors, trains=True)


def trained_product(batch: int, channels: int, out_channels: int, side: int) -> Pair:
    """A 1×1 convolution in training, of channels-first maps."""
    weight = torch.randn(out_channels, channels, 1, 1) / 8
    tensors = (torch.randn(batch, channels, side, side), weight, torch.randn(out_channels))
    name = f"channel product, {channels} to {out_channels} of {side}²"
    return Pair(name, channel_product, functional.conv2d, tensors, trains=True)


def called(call: Call, tensors: tuple[Tensor, ...], *, trains: bool) -> list[Tensor]:
    """What a call gives for tensors of any shape, and with ``trains`` the gradients of the result's sum of squares."""
    if not trains:
        with torch.inference_mode():
            return [call(*tensors)]
    given = [each.detach().requires_grad_() for each in tensors]
    result = call(*given)
    # A gradient that is no expanded number: such is not what training has.
    return [result.detach(), *torch.autograd.grad(result, given, result.detach())]


def error(pair: Pair) -> float:
    """The largest error of what the kernel gives, relative to the largest value of each tensor."""
    found = called(pair.ours, pair.tensors, trains=pair.trains)
    exact = called(pair.theirs, tuple(each.double() for each in pair.tensors), trains=pair.trains)
    return max(float((a.double() - b).abs().max() / b.abs().max()) for a, b in zip(found, exact, strict=True))


def inference_pairs(batch: int, dtype: torch.dtype) -> list[Pair]:
    """The kernels for inference, at sizes of the two T models."""
    return [
        depthwise(map_of(batch, 384, 56, dtype), 3, "gelu"),
        depthwise(map_of(batch, 1280, 14, dtype), 3, "gelu"),
        depthwise(map_of(batch, 192, 56, dtype), 5, "silu"),
        depthwise(map_of(batch, 640, 14, dtype), 5, "silu"),
        norm(map_of(batch, 96, 56, dtype)),
        norm(map_of(batch, 640, 14, dtype)),
        windows(map_of(batch, 288, 56, dtype), 3),
        windows(map_of(batch, 1152, 14, dtype), 12),
        channels(map_of(batch, 192, 28, dtype), 7, 4),
        channels(map_of(batch, 320, 14, dtype), 7, 4),
        product(map_of(batch, 96, 56, dtype), 384, "gelu"),
        product(map_of(batch, 1280, 14, dtype), 320, "none"),
        strided(map_of(batch, 192, 28, dtype), 320),
    ]


def training_pairs(batch: int) -> list[Pair]:
    """The kernels for training, at sizes of SparX-Mamba-T."""
    return [
        planes(batch, 384, 56, 3),
        planes(batch, 640, 14, 5),
        trained_product(batch, 96, 384, 56),
        trained_product(batch, 1280, 320, 14),
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--batch", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if (problem := library.problem()) is not None:
        print(f"nothing is measured: {problem}")
        return
    print(f"{machine()}; batch {options.batch}; the CPU's time")
    torch.manual_seed(0)
    pairs = [pair for dtype in (torch.float32, torch.bfloat16) for pair in inference_pairs(options.batch, dtype)]
    print(f"{'kernel':<40} {'dtype':<9} {'PyTorch':>9} {'kernel':>9} {'ratio':>6} {'error':>9}")
    for pair in [*pairs, *training_pairs(options.batch)]:
        calls: dict[str, Callable[[], object]] = {
            "theirs": lambda pair=pair: called(pair.theirs, pair.tensors, trains=pair.trains),
            "ours": lambda pair=pair: called(pair.ours, pair.tensors, trains=pair.trains),
        }
        theirs, ours = (statistics.median(each) for each in in_turn(calls, options.runs, time.process_time).values())
        dtype = str(pair.tensors[0].dtype).removeprefix("torch.")
        print(
            f"{pair.name:<40} {dtype:<9} {theirs:>9.3f} {ours:>9.3f} {ours / theirs:>6.2f} {error(pair):>9.1e}",
            flush=True,
        )


if __name__ == "__main__":
    main()
