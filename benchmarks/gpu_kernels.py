"""The kernels in Triton: whether they are right on a CUDA device, and how long they take; without one, registers."""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial

import torch
from gpu_timing import Report, captured, milliseconds
from torch import Tensor

from sparx_dsl.ops.arguments import ScanInputs, SS2DInputs
from sparx_dsl.ops.backends import Kernels, backends
from sparx_dsl.ops.triton_kernels.launch_ss2d import ss2d, ss2d_backward, walk_shape
from sparx_dsl.ops.triton_kernels.map_targets import NAMES as MAP_NAMES
from sparx_dsl.ops.triton_kernels.map_targets import map_resources
from sparx_dsl.ops.triton_kernels.settings import FORWARD, forward_settings
from sparx_dsl.ops.triton_kernels.targets import NAMES, SIZES, TARGETS, resources

TOLERANCES = {torch.float32: 1e-4, torch.bfloat16: 2e-2, torch.float16: 2e-2}


def registers(report: Report) -> None:
    """What every kernel takes of a thread's registers, compiled for devices that need not be here."""
    report.heading("Registers of a thread / bytes beyond them, in bfloat16", "kernel", *TARGETS)
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool:
        asked = dict.fromkeys(NAMES, resources) | dict.fromkeys(MAP_NAMES, map_resources)
        waited = {
            name: [pool.submit(function, target, name, torch.bfloat16) for target in TARGETS]
            for name, function in asked.items()
        }
        for name, cells in waited.items():
            found = [each.result() for each in cells]
            report.row(name, *(f"{each.registers} / {each.spilled}" for each in found))


def inputs_of(
    batch: int, inner: int, height: int, width: int, rank: int, state: int, dtype: torch.dtype, device: str = "cuda"
) -> SS2DInputs:
    """An SS2D of the sizes that training begins with; softplus of its biases lies between 0.001 and 0.1."""
    x = torch.randn(batch, inner, height, width, device=device, dtype=dtype)
    projected = torch.randn(batch, height, width, 4 * (rank + 2 * state), device=device, dtype=dtype)
    dt_weight = (torch.rand(4, inner, rank, device=device) * 2 - 1) * max(rank, 1) ** -0.5
    dt_bias = torch.rand(4, inner, device=device) * 4.6 - 6.9
    A = -torch.arange(1, state + 1, device=device, dtype=torch.float32).repeat(4 * inner, 1)
    x = x.contiguous(memory_format=torch.channels_last)
    return SS2DInputs(x, projected, dt_weight, dt_bias, A, torch.ones_like(A[:, 0]))


def error(found: Sequence[Tensor | None], exact: Sequence[Tensor | None]) -> float:
    """The largest difference of any pair, relative to the largest value expected; NaN where any is no number."""
    pairs = [(a, b) for a, b in zip(found, exact, strict=True) if a is not None and b is not None]
    return float(torch.stack([(a - b).abs().max() / b.abs().max() for a, b in pairs]).max())


def correctness(report: Report) -> bool:
    """Print every kernel's error against the definition in float64; whether all are within their bounds."""
    reference = backends()["reference"].kernels()
    report.heading("Largest relative errors against float64", "kernel", "dtype", "forward", "backward", "")
    good = True
    for dtype, bound in TOLERANCES.items():
        rows = {f"SS2D, rank {rank}, {state} states": ss2d_errors(reference, rank, state, dtype)
                for rank, state in ((6, 1), (12, 1), (32, 1), (5, 3))}  # fmt: skip
        rows["scan"] = scan_errors(reference, dtype)
        for name, errors in rows.items():
            within = all(each <= bound for each in errors)
            good = good and within
            report.row(name, str(dtype)[6:], *(f"{each:.1e}" for each in errors), "within" if within else "WRONG")
    return good


def ss2d_errors(reference: Kernels, rank: int, state: int, dtype: torch.dtype) -> tuple[float, float]:
    """The error of the forward, the largest over all settings that were measured for such ranks, and the backward's."""
    inputs = inputs_of(3, 40, 9, 13, rank, state, dtype)
    exact = SS2DInputs(*(each.double() for each in inputs))
    gradient = torch.randn_like(inputs.x)
    expected = reference.ss2d(exact)
    shape = walk_shape(inputs)
    dot = forward_settings(shape).dot
    group = forward_settings(shape).group
    settings = [replace(row.settings, group=group) for row in FORWARD[9, 0] if row.settings.dot == dot]
    forward = [error([ss2d(inputs, settings=each)], [expected]) for each in (None, *settings)]
    backward = error(ss2d_backward(gradient, inputs), reference.ss2d_backward(gradient.double(), exact))
    return max(forward), backward


def scan_errors(reference: Kernels, dtype: torch.dtype) -> tuple[float, float]:
    """The errors of the scan along one dimension."""
    u, delta = (torch.randn(2, 48, 70, device="cuda", dtype=dtype) for _ in range(2))
    B, C = (torch.randn(2, 2, 3, 70, device="cuda", dtype=dtype) for _ in range(2))
    A, D, bias = -torch.rand(48, 3, device="cuda"), torch.randn(48, device="cuda"), torch.randn(48, device="cuda")
    inputs = ScanInputs(u, delta, A, B, C, D, bias)
    exact = ScanInputs(u.double(), delta.double(), A.double(), B.double(), C.double(), D.double(), bias.double())
    kernels, gradient = backends()["triton"].kernels(), torch.randn_like(u)
    backward = error(kernels.scan_backward(gradient, inputs), reference.scan_backward(gradient.double(), exact))
    return error([kernels.scan(inputs)], [reference.scan(exact)]), backward


def scans(report: Report, batch: int) -> None:
    """The fused SS2D at the four sizes of SparX-Mamba-T, in bfloat16: at that batch, and one image in a CUDA graph."""
    columns = (f"forward, {batch}", f"backward, {batch}", "forward, 1, captured", "settings of the forward")
    report.heading("SS2D in bfloat16, ms", "map, inner channels, rank", *columns)
    for size, (inner, _, rank) in SIZES.items():
        side = int(size.partition(" ")[0])
        inputs = inputs_of(batch, inner, side, side, rank, 1, torch.bfloat16)
        one = inputs_of(1, inner, side, side, rank, 1, torch.bfloat16)
        cells = (
            report.measure(partial(milliseconds, partial(ss2d, inputs))),
            report.measure(partial(milliseconds, partial(ss2d_backward, inputs.x, inputs))),
            report.measure(lambda one=one: milliseconds(captured(partial(ss2d, one), times=10)) / 10),
        )
        report.row(f"{size}, {inner}, {rank}", *cells, str(forward_settings(walk_shape(inputs))))
