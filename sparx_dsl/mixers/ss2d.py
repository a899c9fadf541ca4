"""SS2D: a selective scan over the map in four directions (VMamba), without a gate, as in SparX-Mamba."""

from __future__ import annotations

from typing import Unpack

import torch
from torch import Tensor, nn
from torch.nn import functional

from sparx_dsl.nn.convolution import depthwise, pointwise
from sparx_dsl.nn.init import Factory, reset_scan
from sparx_dsl.nn.norm import make_norm
from sparx_dsl.ops.selective_scan import decay_rates, selective_scan
from sparx_dsl.spec.options.base import NormName, Site
from sparx_dsl.spec.options.mixers import SS2D

DIRECTIONS = 4


class SelectiveScan2D(nn.Module):
    """Depthwise convolution and SiLU, the scans in four directions, their sum, a norm, and a projection.

    Parameters: x_proj_weight (4, R + 2N, inner), dt_weight (4, inner, R), dt_bias (4, inner), A_logs
    (4·inner, N) and D (4·inner), with the directions in the order rows, columns, rows reversed, columns
    reversed.
    """

    def __init__(
        self,
        inner: int,
        out_channels: int,
        *,
        state: int,
        rank: int,
        kernel: int,
        bias: bool,
        norm: NormName,
        **factory: Unpack[Factory],
    ) -> None:
        super().__init__()
        self.rank = rank
        self.state = state
        self.conv = depthwise(inner, kernel, bias=bias, **factory) if kernel else None
        self.x_proj_weight = nn.Parameter(torch.empty(DIRECTIONS, rank + 2 * state, inner, **factory))
        self.dt_weight = nn.Parameter(torch.empty(DIRECTIONS, inner, rank, **factory))
        self.dt_bias = nn.Parameter(torch.empty(DIRECTIONS, inner, **factory))
        self.A_logs = nn.Parameter(torch.empty(DIRECTIONS * inner, state, **factory))
        self.D = nn.Parameter(torch.empty(DIRECTIONS * inner, **factory))
        self.norm = make_norm(norm, inner, **factory)
        self.out_projection = pointwise(inner, out_channels, bias=bias, **factory)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the scan's initial values in place."""
        reset_scan(self.x_proj_weight, self.dt_weight, self.dt_bias, self.A_logs, self.D)

    def forward(self, projected: Tensor) -> Tensor:
        """(batch, inner, height, width) to (batch, out_channels, height, width)."""
        x = projected if self.conv is None else functional.silu(self.conv(projected))
        return self.out_projection(self.norm(self.scan(x)))

    def scan(self, x: Tensor) -> Tensor:
        """Scan in four directions and sum what they give: (batch, inner, height, width) to the same shape."""
        positions = x.permute(0, 2, 3, 1)
        # One product for all four directions: a projection at each position does not care in which order they
        # are read.
        values = functional.linear(positions, self.x_proj_weight.flatten(0, 1))
        values = torch.unflatten(values, 3, (DIRECTIONS, -1))
        values = torch.stack([walk(values[..., index, :], index) for index in range(DIRECTIONS)], dim=1)
        time, B, C = torch.split(values, [self.rank, self.state, self.state], dim=3)
        delta = time @ self.dt_weight.transpose(1, 2)
        u = torch.stack([walk(positions, index) for index in range(DIRECTIONS)], dim=2)
        y = selective_scan(
            u.flatten(2).transpose(1, 2),
            delta.transpose(1, 2).flatten(2).transpose(1, 2),
            decay_rates(self.A_logs),
            B.transpose(2, 3),
            C.transpose(2, 3),
            self.D,
            self.dt_bias.flatten(),
        )
        return merge(y, x.shape[2], x.shape[3])


def walk(positions: Tensor, direction: int) -> Tensor:
    """Read a map (batch, height, width, values) in a direction: (batch, height·width, values)."""
    ordered = positions.transpose(1, 2) if direction % 2 else positions
    sequence = ordered.flatten(1, 2)
    return sequence.flip(1) if direction >= 2 else sequence


def merge(y: Tensor, height: int, width: int) -> Tensor:
    """Bring the directions back to the order of rows and sum them.

    (batch, 4·inner, height·width) to (batch, inner, height, width).
    """
    rows, columns, rows_reversed, columns_reversed = torch.unflatten(
        y.transpose(1, 2), 2, (DIRECTIONS, -1)
    ).unbind(2)
    by_rows = torch.unflatten(rows + rows_reversed.flip(1), 1, (height, width))
    by_columns = torch.unflatten(columns + columns_reversed.flip(1), 1, (width, height))
    return (by_rows + by_columns.transpose(1, 2)).permute(0, 3, 1, 2)


def build(
    options: SS2D, site: Site, *, device: torch.device | str | None = None, dtype: torch.dtype | None = None
) -> SelectiveScan2D:
    """Make what follows the input projection of SS2D at that site."""
    return SelectiveScan2D(
        options.inner(site.channels),
        site.channels,
        state=options.state,
        rank=options.time_rank(site.channels),
        kernel=options.conv,
        bias=options.bias,
        norm=site.norm,
        device=device,
        dtype=dtype,
    )
