"""The block of Mamba-2 over a map's positions in rows (Dao and Gu 2024, figure 6)."""

from __future__ import annotations

from typing import Unpack

import torch
from torch import Tensor, nn
from torch.nn import functional

from sparx_dsl.kinds.mixers.ssd.options import CHUNK, SSD
from sparx_dsl.language.base import Site
from sparx_dsl.nn.convolution import pointwise, sequence_convolution
from sparx_dsl.nn.init import Factory, reset_rates
from sparx_dsl.nn.norm import make_norm
from sparx_dsl.ops.selective_scan import decay_rates
from sparx_dsl.ops.state_space_dual import state_space_dual


class StateSpaceDual(nn.Module):
    """A causal convolution with SiLU, the scan of all heads, the gate, a norm, and a projection.

    Parameters: dt_bias, A_logs and D (heads,).
    """

    def __init__(self, options: SSD, site: Site, **factory: Unpack[Factory]) -> None:
        super().__init__()
        inner, convolved, heads = options.parts(site.channels)
        self.parts = (inner, convolved, heads)
        self.state = options.state
        self.kernel = options.conv
        self.conv = sequence_convolution(convolved, options.conv, **factory)
        self.dt_bias = nn.Parameter(torch.empty(heads, **factory))
        self.A_logs = nn.Parameter(torch.empty(heads, **factory))
        self.D = nn.Parameter(torch.empty(heads, **factory))
        self.norm = make_norm(site.norm, inner, site.eps, **factory)
        self.out_projection = pointwise(inner, site.channels, bias=options.bias, **factory)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the scan's initial values in place."""
        reset_rates(self.dt_bias, self.A_logs, self.D)

    def forward(self, projected: Tensor) -> Tensor:
        """(batch, 2·inner + 2N + heads, height, width) to (batch, out_channels, height, width)."""
        gate, sequence, time = torch.split(projected, [*self.parts], dim=1)
        y = self.scanned(sequence.flatten(2), time.flatten(2).transpose(1, 2))
        y = torch.unflatten(y, 1, projected.shape[2:]).permute(0, 3, 1, 2)
        return self.out_projection(self.norm(y * functional.silu(gate)))

    def scanned(self, sequence: Tensor, time: Tensor) -> Tensor:
        """Scan (batch, inner + 2N, length), with times (batch, length, heads): (batch, length, inner).

        Computes in float32 at least, and gives the sequence's dtype.
        """
        inner, _, heads = self.parts
        convolved = functional.silu(self.conv(functional.pad(sequence, (self.kernel - 1, 0))))
        wide = torch.promote_types(convolved.dtype, torch.float32)
        x, B, C = torch.split(convolved.transpose(1, 2).to(wide).contiguous(), [inner, self.state, self.state], dim=2)
        x = torch.unflatten(x, 2, (heads, inner // heads))
        steps = functional.softplus(time.to(wide).contiguous() + self.dt_bias.to(wide))
        y = state_space_dual(x, steps, decay_rates(self.A_logs), B, C, CHUNK) + x * self.D.to(wide)[:, None]
        return y.flatten(2).to(sequence.dtype).contiguous()
