"""Scans along continuous paths that share their weights (PlainMamba, Yang et al. 2024, section 3.2)."""

from __future__ import annotations

from typing import Unpack

import torch
from torch import Tensor, nn
from torch.nn import functional

from sparx_dsl.kinds.mixers.continuous_ss2d.options import ContinuousSS2D
from sparx_dsl.kinds.mixers.continuous_ss2d.paths import DIRECTIONS, PATHS, directions, paths, steps_of
from sparx_dsl.language.base import Site
from sparx_dsl.nn.convolution import depthwise, pointwise
from sparx_dsl.nn.init import Factory, reset_scan, reset_weight
from sparx_dsl.nn.static_size import StaticSize
from sparx_dsl.ops.selective_scan import decay_rates, selective_scan


class ContinuousScan2D(StaticSize):
    """Depthwise convolution and SiLU, the four scans, their sum, the gate, and a projection."""

    def __init__(self, options: ContinuousSS2D, site: Site, **factory: Unpack[Factory]) -> None:
        super().__init__()
        self.inner = inner = options.inner(site.channels)
        self.gate = options.gate
        self.conv = depthwise(inner, options.conv, **factory) if options.conv else None
        self.scan = SharedScan(inner, state=options.state, rank=options.time_rank(site.channels), **factory)
        self.out_projection = pointwise(inner, site.channels, bias=options.bias, **factory)

    def forward(self, projected: Tensor) -> Tensor:
        """(batch, inner, or 2·inner with a gate, height, width) to (batch, out_channels, height, width)."""
        x = projected[:, : self.inner]
        if self.conv is not None:
            x = functional.silu(self.conv(x))
        y = self.scan(x)
        if self.gate:
            y = y * functional.silu(projected[:, self.inner :])
        return self.out_projection(y)


class SharedScan(nn.Module):
    """Selective scans along the four paths over a map, with the same weights, summed at every position.

    Parameters: x_proj_weight (R + 2N, inner), dt_weight (inner, R), dt_bias (inner), A_logs (inner, N), D (inner) and
    direction_B (5, N), what is added to B by how a path comes to a position.
    """

    def __init__(self, inner: int, *, state: int, rank: int, **factory: Unpack[Factory]) -> None:
        super().__init__()
        self.rank = rank
        self.state = state
        self.x_proj_weight = nn.Parameter(torch.empty(rank + 2 * state, inner, **factory))
        self.dt_weight = nn.Parameter(torch.empty(inner, rank, **factory))
        self.dt_bias = nn.Parameter(torch.empty(inner, **factory))
        self.A_logs = nn.Parameter(torch.empty(inner, state, **factory))
        self.D = nn.Parameter(torch.empty(inner, **factory))
        self.direction_B = nn.Parameter(torch.empty(DIRECTIONS, state, **factory))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the scan's initial values in place, the term of B to a truncated normal."""
        reset_scan(self.x_proj_weight, self.dt_weight, self.dt_bias, self.A_logs, self.D)
        reset_weight(self.direction_B)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inner, height, width) to the same shape."""
        height, width = x.shape[2:]
        positions = x.flatten(2).transpose(1, 2)
        values = functional.linear(positions, self.x_proj_weight)
        times = functional.linear(values[..., : self.rank], self.dt_weight)
        order = paths(height, width, x.device).flatten()
        u, delta, rest = (each.index_select(1, order) for each in (positions, times, values[..., self.rank :]))
        B, C = torch.split(torch.unflatten(rest, 1, (-1, PATHS)), [self.state, self.state], dim=3)
        step = self.direction_B.index_select(0, directions(height, width, x.device).flatten())
        y = self.walked(u, delta, B + torch.unflatten(step, 0, (-1, PATHS)).to(B.dtype), C)
        places = steps_of(height, width, x.device) * PATHS + torch.arange(PATHS, device=x.device)
        summed = torch.unflatten(y.index_select(1, places.flatten()), 1, (-1, PATHS)).sum(2)
        return torch.unflatten(summed, 1, (height, width)).permute(0, 3, 1, 2)

    def walked(self, u: Tensor, delta: Tensor, B: Tensor, C: Tensor) -> Tensor:
        """Scan u and delta (batch, length · 4, inner), B and C (batch, length, 4, N), the four paths of a step in turn.

        Returns (batch, length · 4, inner).
        """
        channels, steps = (torch.unflatten(each, 1, (-1, PATHS)).flatten(2).transpose(1, 2) for each in (u, delta))
        inward, outward = (each.permute(0, 2, 3, 1) for each in (B, C))
        rates, skip, bias = decay_rates(self.A_logs).repeat(PATHS, 1), self.D.repeat(PATHS), self.dt_bias.repeat(PATHS)
        y = selective_scan(channels, steps, rates, inward, outward, skip, bias)
        return torch.unflatten(y.transpose(1, 2), 2, (PATHS, -1)).flatten(1, 2)
