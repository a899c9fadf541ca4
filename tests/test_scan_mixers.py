"""The mixers that scan a map in other orders than SS2D, against walks position by position in float64."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

import sparx_dsl
from sparx_dsl.kinds.mixers.atrous_ss2d.options import AtrousSS2D
from sparx_dsl.kinds.mixers.continuous_ss2d.options import ContinuousSS2D
from sparx_dsl.kinds.mixers.inverted_residual.options import InvertedResidual
from sparx_dsl.kinds.mixers.local_ss2d.options import LocalSS2D
from sparx_dsl.kinds.mixers.ssd.options import SSD
from sparx_dsl.language.base import Site
from sparx_dsl.ops.state_space_dual import state_space_dual
from tests.support.backbones import scans
from tests.support.deployed import SINGLE, images_of, results, trained, worst_error
from tests.support.modules import batch_norm, builder, conv, random_map, settle

Walk = Sequence[tuple[int, int]]
"""Rows and columns in the order in which they are read; those outside of the map are zeros."""


def walked(scan: Any, k: int, x: Tensor, path: Walk) -> Tensor:
    """What the k-th scan gives along a path, each result at the position where it was read."""
    batch, inner, height, width = x.shape
    rank, state = scan.rank, scan.state
    A = -scan.A_logs[k * inner : (k + 1) * inner].exp()
    D = scan.D[k * inner : (k + 1) * inner]
    hidden, result = torch.zeros(batch, inner, state, dtype=x.dtype), torch.zeros_like(x)
    for row, column in path:
        inside = row < height and column < width
        here = x[:, :, row, column] if inside else torch.zeros(batch, inner, dtype=x.dtype)
        values = here @ scan.x_proj_weight[k].T
        steps = (1 + (values[:, :rank] @ scan.dt_weight[k].T + scan.dt_bias[k]).exp()).log()[:, :, None]
        inward, outward = values[:, None, rank : rank + state], values[:, None, rank + state :]
        hidden = (steps * A).exp() * hidden + steps * inward * here[:, :, None]
        if inside:
            result[:, :, row, column] = (hidden * outward).sum(2) + D * here
    return result


def weighed(attention: Any, x: Tensor) -> Tensor:
    """Every channel of a map times what the attention makes of the means."""
    normed = functional.layer_norm(x.permute(0, 2, 3, 1), x.shape[1:2], attention.norm.weight, attention.norm.bias)
    mean = normed.flatten(1, 2).sum(1) / (x.shape[2] * x.shape[3])
    hidden = functional.gelu(mean @ attention.reduction.weight[:, :, 0, 0].T + attention.reduction.bias)
    gate = hidden @ attention.expansion.weight[:, :, 0, 0].T + attention.expansion.bias
    return x * (1 / (1 + (-gate).exp()))[:, :, None, None]


def local_path(name: str, height: int, width: int) -> Walk:
    """The positions in the direction of that name."""
    order = name.removesuffix("_reversed")
    rows = [(row, column) for row in range(height) for column in range(width)]
    if order == "columns":
        path = [(row, column) for column in range(width) for row in range(height)]
    elif order == "rows":
        path = rows
    else:
        side = int(order.removeprefix("window"))
        path = [(top + row, left + column) for top in range(0, height, side) for left in range(0, width, side)
                for row in range(side) for column in range(side)]  # fmt: skip
    return path[::-1] if name.endswith("_reversed") else path


@pytest.mark.parametrize("size", [(4, 4), (5, 3), (1, 1), (6, 7)])
@pytest.mark.parametrize(
    "options",
    [
        LocalSS2D(state=2, directions=("rows", "columns_reversed", "window2", "window3_reversed")),
        LocalSS2D(state=1, directions=("window2_reversed",), gate=False, conv=0, bias=True, rank=2),
        LocalSS2D(state=1, directions=("columns", "rows_reversed"), expand=1),
    ],
    ids=["windows", "one_window", "global"],
)
def test_local_ss2d_walks_every_direction(options: LocalSS2D, size: tuple[int, int]) -> None:
    """Convolution, SiLU, scans, attention, sum, norm, gate, projection; windows over the edge read zeros there."""
    module = settle(builder("mixer", options)(options, Site(4, 4)))
    inner = options.inner(4)
    projected = random_map(options.projected(4), *size)
    x = projected[:, :inner]
    if options.conv:
        x = functional.conv2d(x, module.conv.weight, module.conv.bias, padding=1, groups=inner)
        x = x * x.sigmoid()
    total = torch.zeros_like(x)
    for k, name in enumerate(options.directions):
        total += weighed(module.attention, walked(module.scan, k, x, local_path(name, *size)))
    y = functional.layer_norm(total.permute(0, 2, 3, 1), (inner,), module.norm.weight, module.norm.bias)
    y = y.permute(0, 3, 1, 2)
    if options.gate:
        gate = projected[:, inner:]
        y = y * gate * gate.sigmoid()
    expected = functional.conv2d(y, module.out_projection.weight, module.out_projection.bias)
    torch.testing.assert_close(module(projected), expected)


@pytest.mark.parametrize("size", [(4, 4), (5, 3), (1, 1), (6, 7)])
@pytest.mark.parametrize("step", [1, 2, 3])
def test_atrous_ss2d_walks_every_grid(step: int, size: tuple[int, int]) -> None:
    """Grids from an even row are read by rows, from an odd one by columns; beyond the edge there are zeros."""
    options = AtrousSS2D(state=2, expand=1, step=step)
    module = settle(builder("mixer", options)(options, Site(4, 4)))
    scans, x = module.scans, random_map(4, *size)
    projected = functional.conv2d(x, scans.in_projection.weight)
    inner = functional.conv2d(projected[:, :4], scans.conv.weight, scans.conv.bias, padding=1, groups=4)
    inner = inner * inner.sigmoid()
    total = torch.zeros_like(inner)
    for column in range(step):
        for row in range(step):
            rows, columns = (range(start, start + -(-side // step) * step, step) for start, side in
                             zip((row, column), size, strict=True))  # fmt: skip
            path = [(r, c) for r in rows for c in columns] if row % 2 == 0 else [(r, c) for c in columns for r in rows]
            total += walked(scans.scan, column * step + row, inner, path)
    y = functional.layer_norm(total.permute(0, 2, 3, 1), (4,), scans.norm.weight, scans.norm.bias).permute(0, 3, 1, 2)
    y = functional.conv2d(y * projected[:, 4:] * projected[:, 4:].sigmoid(), scans.out_projection.weight)
    state = module.state_dict()
    near = functional.gelu(batch_norm(state, "local.norm", conv(state, "local.conv", x, padding=1, groups=4)))
    near = conv(state, "local_projection", near)
    torch.testing.assert_close(module(x), weighed(module.attention, y) + weighed(module.attention, near))


def continuous_walks(height: int, width: int) -> list[tuple[Walk, list[int]]]:
    """The four paths of PlainMamba, and how each comes to its positions: 0 start, 1 right, 2 left, 3 up, 4 down."""
    by_rows = [(row, column) for row in range(height) for column in range(width)[:: -1 if row % 2 else 1]]
    by_columns = [(row, column) for column in range(width) for row in range(height)[:: -1 if column % 2 else 1]]
    names = {(0, 1): 1, (0, -1): 2, (-1, 0): 3, (1, 0): 4}
    walks: list[tuple[Walk, list[int]]] = []
    for path in (by_rows, by_rows[::-1], by_columns, by_columns[::-1]):
        steps = [(now[0] - last[0], now[1] - last[1]) for last, now in itertools.pairwise(path)]
        walks.append((path, [0, *(names[step] for step in steps)]))
    return walks


@pytest.mark.parametrize("size", [(4, 4), (5, 3), (1, 1), (1, 4), (3, 6)])
@pytest.mark.parametrize(
    "options",
    [ContinuousSS2D(state=2, conv=3), ContinuousSS2D(state=1, conv=0, gate=False, bias=False, rank=2)],
    ids=["gated", "bare"],
)
def test_continuous_ss2d_goes_from_neighbour_to_neighbour(options: ContinuousSS2D, size: tuple[int, int]) -> None:
    """The four scans share their weights but for the term of B; convolution, SiLU, sum, gate, projection."""
    module = settle(builder("mixer", options)(options, Site(4, 4)))
    projected, scan = random_map(options.projected(4), *size), module.scan
    x = projected[:, :8]
    if options.conv:
        x = functional.conv2d(x, module.conv.weight, module.conv.bias, padding=1, groups=8)
        x = x * x.sigmoid()
    total = torch.zeros_like(x)
    for path, moves in continuous_walks(*size):
        hidden = torch.zeros(x.shape[0], 8, options.state, dtype=x.dtype)
        for (row, column), move in zip(path, moves, strict=True):
            here = x[:, :, row, column]
            time, inward, outward = torch.split(here @ scan.x_proj_weight.T, [scan.rank, *[options.state] * 2], dim=1)
            steps = (1 + (time @ scan.dt_weight.T + scan.dt_bias).exp()).log()[:, :, None]
            given = (inward + scan.direction_B[move])[:, None] * here[:, :, None]
            hidden = (steps * -scan.A_logs.exp()).exp() * hidden + steps * given
            total[:, :, row, column] += (hidden * outward[:, None]).sum(2) + scan.D * here
    if options.gate:
        total = total * projected[:, 8:] * projected[:, 8:].sigmoid()
    expected = functional.conv2d(total, module.out_projection.weight, module.out_projection.bias)
    torch.testing.assert_close(module(projected), expected)


def test_an_inverted_residual_is_three_convolutions_and_a_factor() -> None:
    """1×1, depthwise, what squeeze-and-excitation makes of the mean, 1×1."""
    options = InvertedResidual(ratio=2)
    module, x = settle(builder("mixer", options)(options, Site(4, 4))), random_map(4, 5, 3)
    state = module.state_dict()
    hidden = batch_norm(state, "expansion.norm", conv(state, "expansion.conv", x)).clamp(min=0)
    hidden = batch_norm(state, "conv.norm", conv(state, "conv.conv", hidden, padding=1, groups=8)).clamp(min=0)
    mean = hidden.sum((2, 3), keepdim=True) / 15
    factor = conv(state, "excitation", conv(state, "squeeze", mean).clamp(min=0)).sigmoid()
    expected = batch_norm(state, "contraction.norm", conv(state, "contraction.conv", hidden * factor))
    torch.testing.assert_close(module(x), expected)


def dual_by_position(x: Tensor, steps: Tensor, rates: Tensor, B: Tensor, C: Tensor) -> Tensor:
    """One position after the other, from (batch, length, heads, width), as Mamba-2 writes the recurrence."""
    states = torch.zeros(*x.shape[:1], *x.shape[2:], B.shape[2], dtype=x.dtype)
    results: list[Tensor] = []
    for t in range(x.shape[1]):
        decay = (steps[:, t] * rates).exp()[..., None, None]
        states = decay * states + (steps[:, t, :, None] * x[:, t])[..., None] * B[:, t, None, None]
        results.append((states * C[:, t, None, None]).sum(3))
    return torch.stack(results, dim=1)


@pytest.mark.parametrize("length", [1, 5, 8, 13, 32])
@pytest.mark.parametrize("chunk", [4, 64])
def test_chunks_scan_as_positions_do(length: int, chunk: int) -> None:
    """In one chunk, in several and with a rest; results and every gradient."""
    generator = torch.Generator().manual_seed(length)
    shapes = ((2, length, 3, 2), (2, length, 3), (3,), (2, length, 4), (2, length, 4))
    drawn = [torch.randn(shape, dtype=torch.float64, generator=generator) for shape in shapes]
    results: list[Tensor] = []
    for run in (partial(state_space_dual, chunk=chunk), dual_by_position):
        x, times, logs, inward, outward = given = [each.clone().requires_grad_() for each in drawn]
        y = run(x, functional.softplus(times), -logs.exp(), inward, outward)
        results.append(torch.cat([each.flatten() for each in (y, *torch.autograd.grad(y.sin().sum(), given))]))
    torch.testing.assert_close(results[0], results[1])


@pytest.mark.parametrize("size", [(5, 3), (9, 8)])
def test_ssd_is_the_block_of_mamba_2(size: tuple[int, int]) -> None:
    """Gate, convolution, scan by heads, D, norm behind the gate, projection; over one chunk and over two."""
    options = SSD(state=3, heads=2, conv=3)
    module = settle(builder("mixer", options)(options, Site(4, 4)))
    projected = random_map(options.projected(4), *size)
    gate, sequence, times = torch.split(projected.flatten(2), [8, 14, 2], dim=1)
    sequence = functional.conv1d(functional.pad(sequence, (2, 0)), module.conv.weight, module.conv.bias, groups=14)
    x, inward, outward = torch.split((sequence * sequence.sigmoid()).transpose(1, 2), [8, 3, 3], dim=2)
    x = torch.unflatten(x, 2, (2, 4))
    steps = (1 + (times.transpose(1, 2) + module.dt_bias).exp()).log()
    y = dual_by_position(x, steps, -module.A_logs.exp(), inward, outward) + x * module.D[:, None]
    y = y.flatten(2) * (gate * gate.sigmoid()).transpose(1, 2)
    y = functional.layer_norm(y, (8,), module.norm.weight, module.norm.bias)
    expected = y @ module.out_projection.weight[:, :, 0, 0].T
    torch.testing.assert_close(module(projected), torch.unflatten(expected.transpose(1, 2), 2, size))


def test_deployed_ones_compute_the_same() -> None:
    """In normal layers and in ganglion layers, at a size without symmetry."""
    model = trained(sparx_dsl.build(scans()))
    images = images_of(model, 2, (26, 18))
    assert worst_error(results(sparx_dsl.deploy(model), images), results(model, images)) < SINGLE


# torch itself warns of its way to trace the recurrence of the states of chunks.
@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")
def test_they_compile_whole() -> None:
    """Over one chunk of a state space dual, and over two."""
    torch.compiler.reset()
    model = trained(sparx_dsl.build(scans()))
    compiled = torch.compile(model, fullgraph=True, backend="eager")
    for size in ((12, 12), (22, 14)):
        images = images_of(model, 2, size)
        assert worst_error(results(compiled, images), results(model, images)) < SINGLE


@pytest.mark.slow
def test_onnxruntime_gives_their_results(tmp_path: Path) -> None:
    """With any number of images."""
    model = sparx_dsl.build(scans(stages=scans()["stages"][:1]))
    report = sparx_dsl.export(model, tmp_path / "model.onnx", "onnx", size=(8, 6), dynamic=("batch",))
    assert report.error <= SINGLE
    assert report.batches == (1, 3)
