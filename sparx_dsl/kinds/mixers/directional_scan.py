"""Selective scans of several sequences read from one map, each with weights of its own, and an attention over channels.

What the mixers have in common that read a map in windows, or by every other row and column.
"""

from __future__ import annotations

from typing import Unpack

import torch
from torch import Tensor, nn
from torch.nn import functional

from sparx_dsl.kinds.mixers.options import attention_channels
from sparx_dsl.nn.convolution import pointwise
from sparx_dsl.nn.init import Factory, reset_scan
from sparx_dsl.nn.norm import make_norm
from sparx_dsl.ops.selective_scan import decay_rates, selective_scan


class DirectionalScan(nn.Module):
    """A selective scan along each of K sequences of one length.

    Parameters: x_proj_weight (K, R + 2N, inner), dt_weight (K, inner, R), dt_bias (K, inner), A_logs (K·inner, N) and D
    (K·inner).
    """

    def __init__(self, inner: int, *, directions: int, state: int, rank: int, **factory: Unpack[Factory]) -> None:
        super().__init__()
        self.rank = rank
        self.state = state
        self.x_proj_weight = nn.Parameter(torch.empty(directions, rank + 2 * state, inner, **factory))
        self.dt_weight = nn.Parameter(torch.empty(directions, inner, rank, **factory))
        self.dt_bias = nn.Parameter(torch.empty(directions, inner, **factory))
        self.A_logs = nn.Parameter(torch.empty(directions * inner, state, **factory))
        self.D = nn.Parameter(torch.empty(directions * inner, **factory))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the scan's initial values in place."""
        reset_scan(self.x_proj_weight, self.dt_weight, self.dt_bias, self.A_logs, self.D)

    def forward(self, sequences: Tensor) -> Tensor:
        """(batch, length, K, inner) to the same shape; a position reads only itself and those before it."""
        values = _each(sequences, self.x_proj_weight)
        time, B, C = torch.split(values, [self.rank, self.state, self.state], dim=3)
        steps = _each(time, self.dt_weight)
        u, delta = (each.flatten(2).transpose(1, 2) for each in (sequences, steps))
        inward, outward = (each.permute(0, 2, 3, 1) for each in (B, C))
        y = selective_scan(u, delta, decay_rates(self.A_logs), inward, outward, self.D, self.dt_bias.flatten())
        return torch.unflatten(y.transpose(1, 2), 2, sequences.shape[2:])


def _each(sequences: Tensor, weights: Tensor) -> Tensor:
    """(batch, length, K, inputs) by a matrix for each sequence, (K, outputs, inputs): (batch, length, K, outputs)."""
    products = [functional.linear(one, weight) for one, weight in zip(sequences.unbind(2), weights, strict=True)]
    return torch.stack(products, dim=2)


class ChannelAttention(nn.Module):
    """Every channel of several maps times a number in (0, 1) that is made of the map's normalised mean."""

    def __init__(self, channels: int, **factory: Unpack[Factory]) -> None:
        super().__init__()
        hidden = attention_channels(channels)
        self.norm = make_norm("layer", channels, **factory)
        self.reduction = pointwise(channels, hidden, **factory)
        self.expansion = pointwise(hidden, channels, **factory)

    def forward(self, maps: Tensor) -> Tensor:
        """(batch, maps, height, width, channels) to the same shape; the maps have the weights in common."""
        normed = self.norm(maps.flatten(1, 2).permute(0, 3, 1, 2))
        mean = torch.unflatten(normed, 2, maps.shape[1:3]).mean((3, 4))
        gate = torch.sigmoid(self.expansion(functional.gelu(self.reduction(mean[..., None]))))
        return maps * gate.permute(0, 2, 3, 1)[:, :, None]
