"""SS2D as VMamba writes it: four sequences, their time steps, one scan over all of them, and their sum.

What the fused kernels save; it serves the backends that have a scan and no fused SS2D.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

DIRECTIONS = 4


class Scan(Protocol):
    """A backend's selective scan."""

    def __call__(
        self,
        u: Tensor,
        delta: Tensor,
        A: Tensor,
        B: Tensor,
        C: Tensor,
        D: Tensor | None,
        delta_bias: Tensor | None,
        softplus: bool,
        /,
    ) -> Tensor:
        """Scan."""
        ...


class ScanBackward(Protocol):
    """The derivative of a backend's selective scan."""

    def __call__(
        self,
        gradient: Tensor,
        u: Tensor,
        delta: Tensor,
        A: Tensor,
        B: Tensor,
        C: Tensor,
        D: Tensor | None,
        delta_bias: Tensor | None,
        softplus: bool,
        /,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor | None, Tensor | None]:
        """Derive."""
        ...


@dataclass(frozen=True, slots=True)
class Sequences:
    """What the scan is given: time (batch, 4, length, R), u and delta (batch, 4·inner, length), B and C."""

    time: Tensor
    u: Tensor
    delta: Tensor
    B: Tensor
    C: Tensor


def ss2d(scan: Scan, x: Tensor, projected: Tensor, dt_weight: Tensor, dt_bias: Tensor, A: Tensor, D: Tensor) -> Tensor:
    """SS2D over a scan; arguments and result as ``torch.ops.sparx_dsl.ss2d_scan`` has them."""
    s = sequences(x, projected, dt_weight, A.shape[1])
    y = scan(s.u, s.delta, A, s.B, s.C, D, dt_bias.flatten(), True)
    return merge(y, x.shape[2], x.shape[3])


def ss2d_backward(
    scan_backward: ScanBackward,
    gradient: Tensor,
    x: Tensor,
    projected: Tensor,
    dt_weight: Tensor,
    dt_bias: Tensor,
    A: Tensor,
    D: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """The derivatives of SS2D's six tensors, in their dtypes, over the derivative of a scan."""
    s = sequences(x, projected, dt_weight, A.shape[1])
    g = _all_walks(gradient.to(x.dtype).permute(0, 2, 3, 1))
    du, d_delta, dA, dB, dC, dD, d_bias = scan_backward(g, s.u, s.delta, A, s.B, s.C, D, dt_bias.flatten(), True)
    assert dD is not None
    assert d_bias is not None
    by_direction = torch.unflatten(d_delta, 1, (DIRECTIONS, x.shape[1])).transpose(2, 3)
    weight = dt_weight.to(by_direction.dtype)
    d_time = by_direction @ weight
    d_weight = torch.einsum("bkld,bklr->kdr", by_direction, s.time.to(by_direction.dtype))
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


def sequences(x: Tensor, projected: Tensor, dt_weight: Tensor, states: int) -> Sequences:
    """The four sequences of a map (batch, inner, height, width) and of what is projected from it."""
    values = torch.unflatten(projected, 3, (DIRECTIONS, projected.shape[3] // DIRECTIONS))
    walks = torch.stack([walk(values[..., k, :], k) for k in range(DIRECTIONS)], dim=1).to(x.dtype)
    time, B, C = torch.split(walks, [dt_weight.shape[2], states, states], dim=3)
    delta = time @ dt_weight.to(time.dtype).transpose(1, 2)
    u = _all_walks(x.permute(0, 2, 3, 1))
    return Sequences(time, u, delta.transpose(1, 2).flatten(2).transpose(1, 2), B.transpose(2, 3), C.transpose(2, 3))


def _all_walks(positions: Tensor) -> Tensor:
    """(batch, height, width, inner) to (batch, 4·inner, length), channels innermost in memory."""
    walks = torch.stack([walk(positions, k) for k in range(DIRECTIONS)], dim=2)
    return walks.flatten(2).transpose(1, 2)


def walk(positions: Tensor, direction: int) -> Tensor:
    """Read a map (batch, height, width, values) in a direction: (batch, height·width, values)."""
    ordered = positions.transpose(1, 2) if direction % 2 else positions
    sequence = ordered.flatten(1, 2)
    return sequence.flip(1) if direction >= 2 else sequence


def unwalk(sequence: Tensor, direction: int, height: int, width: int) -> Tensor:
    """Put a sequence back as a map: what ``walk`` has read in that direction."""
    ordered = sequence.flip(1) if direction >= 2 else sequence
    if direction % 2:
        return torch.unflatten(ordered, 1, (width, height)).transpose(1, 2)
    return torch.unflatten(ordered, 1, (height, width))


def merge(y: Tensor, height: int, width: int) -> Tensor:
    """Bring (batch, 4·inner, length) back to the order of rows and sum the directions.

    Gives (batch, inner, height, width) with the channels innermost in memory.
    """
    rows, columns, rows_back, columns_back = torch.unflatten(
        y.transpose(1, 2), 2, (DIRECTIONS, y.shape[1] // DIRECTIONS)
    ).unbind(2)
    by_rows = unwalk(rows + rows_back.flip(1), 0, height, width)
    by_columns = unwalk(columns + columns_back.flip(1), 1, height, width)
    return (by_rows + by_columns).contiguous().permute(0, 3, 1, 2)
