"""Norms, depthwise convolutions and padded products of channels-last maps on a CUDA device, beside PyTorch's own."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from gpu_kernels import TOLERANCES, error
from gpu_timing import Report, milliseconds
from torch import Tensor
from torch.nn import functional

from sparx_dsl.inference.map_modules import PaddedProduct
from sparx_dsl.kinds.fusions.aggregator import interleaved
from sparx_dsl.ops import map_definitions, map_operators

MAPS = {"56 × 56": 96, "28 × 28": 192, "14 × 14": 320, "7 × 7": 512}
"""Channels of the four stages of SparX-Mamba-T."""
Compared = tuple[Callable[[], Tensor], Callable[[], Tensor]]
"""PyTorch's way to a result, and ours."""


def channels_last(batch: int, channels: int, side: int, dtype: torch.dtype = torch.bfloat16) -> Tensor:
    """A random map away from zero."""
    x = torch.randn(batch, side, side, channels, device="cuda", dtype=dtype) + 1
    return x.permute(0, 3, 1, 2)


def correctness(report: Report) -> bool:
    """Print every operator's error against its definition in float64, and whether all are within their bounds."""
    report.heading("Norms and convolutions: largest relative errors against float64", "operator", "dtype", "forward",
                   "backward", "")  # fmt: skip
    cases: dict[str, tuple[str, tuple[int, ...] | None, tuple[Any, ...]]] = {
        "GroupNorm": ("group_norm", None, (1e-5,)),
        "LayerNorm": ("layer_norm", None, (1e-5,)),
        "depthwise 3 × 3, residual, GELU": ("depthwise", (3, 3), (1, True, "gelu")),
        "depthwise 5 × 5, SiLU": ("depthwise", (5, 5), (1, False, "silu")),
        "depthwise 9 × 9 / 8, GELU": ("depthwise", (9, 9), (8, False, "gelu")),
    }
    good = True
    for dtype, bound in TOLERANCES.items():
        for title, (name, kernel, options) in cases.items():
            for batch, channels, side in ((3, 40, 13), (65, 33, 7)):
                shape = (channels,) if kernel is None else (channels, 1, *kernel)
                tensors = [channels_last(batch, channels, side, dtype), torch.randn(shape, device="cuda"),
                           torch.randn(channels, device="cuda")]  # fmt: skip
                errors = errors_of(name, tensors, options)
                within = all(each <= bound for each in errors)
                good = good and within
                report.row(f"{title}, {batch} of {channels} × {side} × {side}", str(dtype)[6:],
                           *(f"{each:.1e}" for each in errors), "within" if within else "WRONG")  # fmt: skip
    return good


def errors_of(name: str, tensors: list[Tensor], options: tuple[Any, ...]) -> tuple[float, float]:
    """The errors of an operator's result and of its gradients."""
    given = [each.detach().requires_grad_() for each in tensors]
    exact = [each.detach().double().requires_grad_() for each in tensors]
    found, expected = (
        getattr(module, name)(*each, *options) for module, each in ((map_operators, given), (map_definitions, exact))
    )
    found, expected = (each[0] if isinstance(each, tuple) else each for each in (found, expected))
    gradient = torch.randn_like(found)
    backward = error(
        torch.autograd.grad(found, given, gradient), torch.autograd.grad(expected, exact, gradient.double())
    )
    return error([found.detach()], [expected.detach()]), backward


def maps(report: Report, batch: int) -> None:
    """PyTorch's norms and convolutions on channels-last maps in bfloat16, and ours: forward, and with the backward."""
    columns = ("PyTorch", "ours", "PyTorch, with backward", "ours, with backward")
    report.heading("On channels-last maps in bfloat16, ms", "operator, map, channels", *columns)
    for size, channels in MAPS.items():
        x = channels_last(batch, channels, int(size.partition(" ")[0]))
        for title, (theirs, ours) in compared(x).items():
            times: list[float | str] = []
            for call in (theirs, ours):
                with torch.no_grad():
                    times.append(report.measure(partial(milliseconds, call)))
            if "interleaved" in title:  # its derivative is PyTorch's
                times += ["–", "–"]
            else:
                times += [report.measure(partial(milliseconds, partial(both_ways, call))) for call in (theirs, ours)]
            report.row(f"{title}, {size}, {channels}", *times)


def both_ways(call: Callable[[], Tensor]) -> None:
    """The forward, and the backward of its sum."""
    call().sum().backward()


def compared(x: Tensor) -> dict[str, Compared]:
    """What is done with a map (batch, channels, height, width), each in both ways."""
    channels = x.shape[1]
    x = x.detach().requires_grad_()
    weight, bias = (torch.randn(channels, device="cuda", dtype=x.dtype, requires_grad=True) for _ in range(2))
    small, large, wide = (
        torch.randn(channels * times, 1, side, side, device="cuda", dtype=x.dtype, requires_grad=True)
        for times, side in ((1, 3), (1, 5), (3, 3))
    )
    strided = torch.randn(channels, 1, 9, 9, device="cuda", dtype=x.dtype, requires_grad=True)

    def convolved(taps: Tensor, stride: int = 1) -> Tensor:
        return functional.conv2d(x, taps, bias, stride, taps.shape[2] // 2, groups=channels)

    def mixed() -> Tensor:
        joined = interleaved(torch.cat((x, x, x), 1))
        return functional.gelu(functional.conv2d(joined, wide, None, 1, 1, groups=3 * channels))

    return {
        "GroupNorm": (
            lambda: functional.group_norm(x, 1, weight, bias),
            lambda: map_operators.group_norm(x, weight, bias, 1e-5)[0],
        ),
        "LayerNorm": (
            lambda: functional.layer_norm(x.permute(0, 2, 3, 1), (channels,), weight, bias).permute(0, 3, 1, 2),
            lambda: map_operators.layer_norm(x, weight, bias, 1e-5),
        ),
        "depthwise 3 × 3, residual, GELU": (
            lambda: functional.gelu(convolved(small) + x),
            lambda: map_operators.depthwise(x, small, bias, 1, True, "gelu"),
        ),
        "depthwise 5 × 5, SiLU": (
            lambda: functional.silu(convolved(large)),
            lambda: map_operators.depthwise(x, large, bias, 1, False, "silu"),
        ),
        "depthwise 9 × 9 / 8, GELU": (
            lambda: functional.gelu(convolved(strided, 8)),
            lambda: map_operators.depthwise(x, strided, bias, 8, False, "gelu"),
        ),
        "three interleaved, 3 × 3, GELU": (
            mixed, lambda: map_operators.interleaved_depthwise(x, x, x, wide, None, "gelu")
        ),
    }  # fmt: skip


@torch.inference_mode()
def products(report: Report, batch: int) -> None:
    """1×1 convolutions of SparX-Mamba-B's channels in bfloat16, as linear layers, and with padded weights."""
    report.heading("Products of channels that are no multiple of 8, bfloat16, ms", "map, channels", "plain", "padded")
    for side, channels, out_channels in ((14, 396, 1584), (14, 1584, 396), (7, 636, 2544), (7, 2544, 636)):
        x = channels_last(batch, channels, side)
        plain = torch.nn.Conv2d(channels, out_channels, 1, device="cuda", dtype=x.dtype)
        padded, positions, rows = PaddedProduct(copy.deepcopy(plain)), x.permute(0, 2, 3, 1), plain.weight.flatten(1)
        calls = (partial(functional.linear, positions, rows, plain.bias), partial(padded, x))
        report.row(f"{side} × {side}, {channels} to {out_channels}",
                   *(report.measure(partial(milliseconds, call)) for call in calls))  # fmt: skip
