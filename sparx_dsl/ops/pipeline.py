"""SS2D as VMamba writes it: four sequences, their time steps, one scan over all of them, and their sum.

The backends that have a scan and no fused SS2D run it; the fused kernels hold none of these sequences.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from sparx_dsl.ops.arguments import DIRECTIONS, ScanGradients, ScanInputs, SS2DGradients, SS2DInputs

Scan = Callable[[ScanInputs], Tensor]
"""A backend's selective scan."""
ScanBackward = Callable[[Tensor, ScanInputs], ScanGradients]
"""The backward pass of a backend's selective scan, from the gradient of its result."""


def ss2d(scan: Scan, inputs: SS2DInputs) -> Tensor:
    """SS2D over a scan: (batch, inner, height, width), channels-last."""
    sequences, _ = walk_all(inputs)
    return merge(scan(sequences), *inputs.x.shape[2:])


def ss2d_backward(scan_backward: ScanBackward, gradient: Tensor, inputs: SS2DInputs) -> SS2DGradients:
    """The gradients of SS2D's six tensors, in their shapes and dtypes, over the backward pass of a scan.

    ``gradient`` is that of the result, (batch, inner, height, width).
    """
    x, projected, dt_weight, dt_bias, _, _ = inputs
    g = _all_walks(gradient.to(x.dtype).permute(0, 2, 3, 1))
    sequences, time = walk_all(inputs)
    du, d_delta, dA, dB, dC, dD, d_bias = scan_backward(g, sequences)
    assert dD is not None
    assert d_bias is not None
    by_direction = torch.unflatten(d_delta, 1, (DIRECTIONS, x.shape[1])).transpose(2, 3)
    d_time = by_direction @ dt_weight.to(by_direction.dtype)
    d_weight = torch.einsum("bkld,bklr->kdr", by_direction, time.to(by_direction.dtype))
    d_values = torch.cat((d_time, dB.transpose(2, 3), dC.transpose(2, 3)), dim=3)
    height, width = x.shape[2:]
    d_projected = torch.cat([unwalk(d_values[:, k], k, height, width) for k in range(DIRECTIONS)], dim=3)
    return (
        merge(du, height, width),
        d_projected.to(projected.dtype),
        d_weight.to(dt_weight.dtype),
        torch.unflatten(d_bias, 0, dt_bias.shape),
        dA,
        dD,
    )


def walk_all(inputs: SS2DInputs) -> tuple[ScanInputs, Tensor]:
    """The scan over the four walks, and the values that its time steps are made of: (batch, 4, length, R).

    The scan's u and delta are (batch, 4·inner, length), its B and C (batch, 4, N, length).
    """
    x, projected, dt_weight, dt_bias, A, D = inputs
    rank, state = dt_weight.shape[2], A.shape[1]
    values = torch.unflatten(projected, 3, (DIRECTIONS, projected.shape[3] // DIRECTIONS))
    walks = torch.stack([walk(values[..., k, :], k) for k in range(DIRECTIONS)], dim=1).to(x.dtype)
    time, B, C = torch.split(walks, [rank, state, state], dim=3)
    delta = (time @ dt_weight.to(time.dtype).transpose(1, 2)).transpose(1, 2).flatten(2).transpose(1, 2)
    u = _all_walks(x.permute(0, 2, 3, 1))
    return ScanInputs(u, delta, A, B.transpose(2, 3), C.transpose(2, 3), D, dt_bias.flatten()), time


def _all_walks(positions: Tensor) -> Tensor:
    """(batch, height, width, inner) to (batch, 4·inner, length), channels-last."""
    walks = torch.stack([walk(positions, k) for k in range(DIRECTIONS)], dim=2)
    return walks.flatten(2).transpose(1, 2)


def walk(positions: Tensor, direction: int) -> Tensor:
    """Read a map (batch, height, width, values) in a direction: (batch, height·width, values)."""
    ordered = positions.transpose(1, 2) if direction % 2 else positions
    sequence = ordered.flatten(1, 2)
    return sequence.flip(1) if direction >= 2 else sequence


def unwalk(sequence: Tensor, direction: int, height: int, width: int) -> Tensor:
    """Put (batch, height·width, values) back as the map (batch, height, width, values) that ``walk`` has read."""
    ordered = sequence.flip(1) if direction >= 2 else sequence
    if direction % 2:
        return torch.unflatten(ordered, 1, (width, height)).transpose(1, 2)
    return torch.unflatten(ordered, 1, (height, width))


def merge(y: Tensor, height: int, width: int) -> Tensor:
    """Bring (batch, 4·inner, length) back to the order of rows and sum the directions.

    Returns (batch, inner, height, width), channels-last.
    """
    rows, columns, rows_back, columns_back = torch.unflatten(
        y.transpose(1, 2), 2, (DIRECTIONS, y.shape[1] // DIRECTIONS)
    ).unbind(2)
    by_rows = unwalk(rows + rows_back.flip(1), 0, height, width)
    by_columns = unwalk(columns + columns_back.flip(1), 1, height, width)
    return (by_rows + by_columns).contiguous().permute(0, 3, 1, 2)
