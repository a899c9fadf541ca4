"""The vanilla Mamba block over a map's positions in rows (Gu and Dao 2024, figure 3)."""

from __future__ import annotations

from typing import Unpack

import torch
from torch import Tensor, nn
from torch.nn import functional

from sparx_dsl.nn.convolution import pointwise, sequence_convolution
from sparx_dsl.nn.init import Factory, reset_scan
from sparx_dsl.ops.selective_scan import decay_rates, selective_scan


class SequenceScan(nn.Module):
    """A causal depthwise convolution with SiLU, and a selective scan, along one sequence.

    Parameters: conv (inner channels, with bias; none for a kernel of 0, and then no SiLU), x_proj_weight
    (R + 2N, inner), dt_weight (inner, R), dt_bias (inner,), A_logs (inner, N) and D (inner,).
    """

    def __init__(self, inner: int, *, state: int, rank: int, kernel: int, **factory: Unpack[Factory]) -> None:
        super().__init__()
        self.rank = rank
        self.state = state
        self.conv = sequence_convolution(inner, kernel, **factory) if kernel else None
        self.x_proj_weight = nn.Parameter(torch.empty(rank + 2 * state, inner, **factory))
        self.dt_weight = nn.Parameter(torch.empty(inner, rank, **factory))
        self.dt_bias = nn.Parameter(torch.empty(inner, **factory))
        self.A_logs = nn.Parameter(torch.empty(inner, state, **factory))
        self.D = nn.Parameter(torch.empty(inner, **factory))
        self.kernel = kernel
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the scan's initial values in place."""
        reset_scan(self.x_proj_weight, self.dt_weight, self.dt_bias, self.A_logs, self.D)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inner, length) to the same shape; a position reads only itself and those before it."""
        if self.conv is not None:
            x = functional.silu(self.conv(functional.pad(x, (self.kernel - 1, 0))))
        values = functional.linear(x.transpose(1, 2), self.x_proj_weight)
        time, B, C = torch.split(values, [self.rank, self.state, self.state], dim=2)
        delta = functional.linear(time, self.dt_weight).transpose(1, 2)
        inward, outward = (each.transpose(1, 2).unsqueeze(1) for each in (B, C))
        return selective_scan(x, delta, decay_rates(self.A_logs), inward, outward, self.D, self.dt_bias)


class GatedScan(nn.Module):
    """A scan of a map's positions in rows, a gate through SiLU where there is one, and a projection."""

    def __init__(
        self,
        inner: int,
        out_channels: int,
        scan: SequenceScan,
        *,
        gate: bool,
        bias: bool,
        **factory: Unpack[Factory],
    ) -> None:
        super().__init__()
        self.inner = inner
        self.gate = gate
        self.scan = scan
        self.out_projection = pointwise(inner, out_channels, bias=bias, **factory)

    def forward(self, projected: Tensor) -> Tensor:
        """(batch, inner, or 2·inner with a gate, height, width) to (batch, out_channels, height, width)."""
        x = projected[:, : self.inner]
        y = self.mix(x.flatten(2)).reshape(x.shape)
        if self.gate:
            y = y * functional.silu(projected[:, self.inner :])
        return self.out_projection(y)

    def mix(self, sequence: Tensor) -> Tensor:
        """Scan the sequence (batch, inner, length)."""
        return self.scan(sequence)
