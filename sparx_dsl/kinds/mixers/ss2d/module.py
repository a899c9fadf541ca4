"""SS2D: a selective scan of a map in four directions (VMamba, Liu et al. 2024), without a gate as in SparX-Mamba."""

from __future__ import annotations

from typing import Unpack

import torch
from torch import Tensor, nn
from torch.nn import functional

from sparx_dsl.kinds.mixers.ss2d.options import SS2D
from sparx_dsl.language.base import Site
from sparx_dsl.nn.convolution import convolve, depthwise, pointwise
from sparx_dsl.nn.cpu_maps import convolved
from sparx_dsl.nn.init import Factory, reset_scan
from sparx_dsl.nn.norm import make_norm
from sparx_dsl.ops.arguments import DIRECTIONS
from sparx_dsl.ops.selective_scan import decay_rates, ss2d_scan


class SelectiveScan2D(nn.Module):
    """Depthwise convolution and SiLU, the scans in four directions, their sum, a norm, and a projection.

    Parameters: x_proj_weight (4, R + 2N, inner), dt_weight (4, inner, R), dt_bias (4, inner), A_logs
    (4·inner, N) and D (4·inner), with the directions in the order rows, columns, rows reversed, columns
    reversed.
    """

    def __init__(self, options: SS2D, site: Site, **factory: Unpack[Factory]) -> None:
        super().__init__()
        inner, bias = options.inner(site.channels), options.bias
        self.rank = rank = options.time_rank(site.channels)
        self.state = state = options.state
        self.conv = depthwise(inner, options.conv, bias=bias, **factory) if options.conv else None
        self.x_proj_weight = nn.Parameter(torch.empty(DIRECTIONS, rank + 2 * state, inner, **factory))
        self.dt_weight = nn.Parameter(torch.empty(DIRECTIONS, inner, rank, **factory))
        self.dt_bias = nn.Parameter(torch.empty(DIRECTIONS, inner, **factory))
        self.A_logs = nn.Parameter(torch.empty(DIRECTIONS * inner, state, **factory))
        self.D = nn.Parameter(torch.empty(DIRECTIONS * inner, **factory))
        self.norm = make_norm(site.norm, inner, site.eps, **factory)
        self.out_projection = pointwise(inner, site.channels, bias=bias, **factory)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the scan's initial values in place."""
        reset_scan(self.x_proj_weight, self.dt_weight, self.dt_bias, self.A_logs, self.D)

    def forward(self, projected: Tensor) -> Tensor:
        """(batch, inner, height, width) to (batch, out_channels, height, width)."""
        x = projected if self.conv is None else convolve(self.conv, projected, activation="silu")
        return convolved(self.out_projection, self.norm(self.scan(x)))

    def scan(self, x: Tensor) -> Tensor:
        """Scan in four directions and sum what they give: (batch, inner, height, width) to the same shape."""
        # One product for all four directions: a projection at each position does not care in which order they
        # are read.
        projected = functional.linear(x.permute(0, 2, 3, 1), self.x_proj_weight.flatten(0, 1))
        return ss2d_scan(x, projected, self.dt_weight, self.dt_bias, decay_rates(self.A_logs), self.D)
