"""SS2D: a selective scan over the map in four directions (VMamba), without a gate, as in SparX-Mamba."""

from __future__ import annotations

from typing import Unpack

import torch
from torch import Tensor, nn
from torch.nn import functional

from sparx_dsl.kinds.mixers.ss2d.options import SS2D
from sparx_dsl.language.base import NormName, Site
from sparx_dsl.nn.convolution import depthwise, pointwise
from sparx_dsl.nn.fused import silu_of
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
        x = projected if self.conv is None else silu_of(self.conv, projected)
        return self.out_projection(self.norm(self.scan(x)))

    def scan(self, x: Tensor) -> Tensor:
        """Scan in four directions and sum what they give: (batch, inner, height, width) to the same shape."""
        # One product for all four directions: a projection at each position does not care in which order they
        # are read.
        projected = functional.linear(x.permute(0, 2, 3, 1), self.x_proj_weight.flatten(0, 1))
        return ss2d_scan(x, projected, self.dt_weight, self.dt_bias, decay_rates(self.A_logs), self.D)


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
