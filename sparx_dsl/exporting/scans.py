"""The scans as programs of plain operators for other runtimes, which run one operator over a whole tensor at a time.

The scan of a map runs forward along rows and columns, then backward along the same sequences: nothing is reversed, and
what is read at a time is half of all.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from sparx_dsl.exporting.recurrence import recurrence
from sparx_dsl.ops.arguments import DIRECTIONS, ScanInputs, SS2DInputs

ARTANH = (1.9999996802662272, 0.6667584866935254, 0.39593185675472586, 0.342036193656746)
"""The cubic in w² that is 2·artanh(w) / w at Chebyshev's points of 0 ≤ w² ≤ 1/9: within 1.7e-7 of it, relatively."""


def selective_scan(*arguments: Any, longest: int) -> Tensor:
    """The operator ``selective_scan``, from its arguments: (batch, channels, length), at most ``longest``."""
    *scan, _ = arguments
    u, delta, A, B, C, D, delta_bias, positive = ScanInputs(*scan)
    if delta_bias is not None:
        delta = delta + delta_bias[:, None]
    if positive:
        delta = softplus(delta)
    groups, state = B.shape[1], A.shape[1]
    steps, driven = (_grouped(tensor.transpose(1, 2), groups) for tensor in (delta, delta * u))
    rate = torch.unflatten(A, 0, (groups, A.shape[0] // groups)).transpose(1, 2)
    into, out = (tensor.permute(0, 3, 1, 2).unsqueeze(4) for tensor in (B, C))
    states = recurrence(torch.exp(steps * rate), driven * into, longest)
    # A sum over one state would copy the largest tensor of all.
    y = (states * out).sum(3) if state != 1 else (states * out).squeeze(3)
    y = y.flatten(2)
    y = y if D is None else torch.addcmul(y, u.transpose(1, 2), D)
    return y.contiguous().transpose(1, 2)


def ss2d_scan(*arguments: Any, longest: int) -> Tensor:
    """The operator ``ss2d_scan``, from its arguments: (batch, inner, height, width), at most ``longest`` positions."""
    *scan, _ = arguments
    inputs = SS2DInputs(*scan)
    height, width = inputs.x.shape[2:]
    positions = inputs.x.permute(0, 2, 3, 1)
    u = _rows_and_columns(positions, positions)
    y = _pair(inputs, u, longest, backward=False) + _pair(inputs, u, longest, backward=True)
    rows, columns = y.unbind(1)
    by_columns = torch.unflatten(columns, 1, (width, height)).transpose(1, 2)
    # The four walks read one map, so that their D's are one.
    skip = torch.unflatten(inputs.D, 0, inputs.dt_bias.shape).sum(0)
    merged = torch.addcmul(torch.unflatten(rows, 1, (height, width)) + by_columns, positions, skip)
    return merged.permute(0, 3, 1, 2)


def _pair(inputs: SS2DInputs, u: Tensor, longest: int, *, backward: bool) -> Tensor:
    """Two of the four scans without D, by rows and by columns: (batch, 2, length, inner), in the order of ``u``."""
    _, projected, dt_weight, dt_bias, A, _ = inputs
    first = DIRECTIONS // 2 if backward else 0
    rank, state = dt_weight.shape[2], A.shape[1]
    by_direction = torch.unflatten(projected, 3, (DIRECTIONS, rank + 2 * state)).narrow(3, first, 2)
    time, into, out = torch.split(_rows_and_columns(*by_direction.unbind(3)), [rank, state, state], dim=3)
    z = time @ dt_weight.narrow(0, first, 2).transpose(1, 2) + dt_bias.narrow(0, first, 2).unsqueeze(1)
    steps = softplus(z)
    rate = torch.unflatten(A, 0, dt_bias.shape).narrow(0, first, 2).transpose(1, 2)
    driven = steps * u
    if state != 1:
        steps, driven, rate = steps.unsqueeze(3), driven.unsqueeze(3), rate.unsqueeze(1)
        into, out = into.unsqueeze(4), out.unsqueeze(4)
    decay, drive = (each.flatten(0, 1) for each in (torch.exp(steps * rate), driven * into))
    y = torch.unflatten(recurrence(decay, drive, longest, backward=backward), 0, (-1, 2)) * out
    return y if state == 1 else y.sum(3)


def _rows_and_columns(rows: Tensor, columns: Tensor) -> Tensor:
    """Two maps (batch, height, width, values), one read by rows, one by columns: (batch, 2, height·width, values)."""
    return torch.stack((rows.flatten(1, 2), columns.transpose(1, 2).flatten(1, 2)), dim=1)


def _grouped(tensor: Tensor, groups: int) -> Tensor:
    """(batch, length, channels) to (batch, length, groups, 1, channels of a group)."""
    return torch.unflatten(tensor, 2, (groups, 1, tensor.shape[2] // groups))


def softplus(z: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """Softplus of any shape, from operators that runtimes have vectorised; other forms than the scans' are left.

    With d = exp(−|z|) it is relu(z) + log(1 + d), and log(1 + d) = 2·artanh(w) for w = d / (2 + d), at most 1/3.
    """
    if beta != 1 or threshold < 20:
        return NotImplemented
    decayed = torch.exp(-z.abs())
    w = decayed / (decayed + 2)
    square = w * w
    series = square * ARTANH[3] + ARTANH[2]
    for coefficient in (ARTANH[1], ARTANH[0]):
        series = series * square + coefficient
    return torch.addcmul(torch.relu(z), w, series)
