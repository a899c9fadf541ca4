"""Scans of a map, global and within windows, each weighed channel by channel (LocalMamba, Huang et al. 2024)."""

from __future__ import annotations

from typing import Unpack

import torch
from torch import Tensor
from torch.nn import functional

from sparx_dsl.kinds.mixers.directional_scan import ChannelAttention, DirectionalScan
from sparx_dsl.kinds.mixers.local_ss2d.directions import ScanOrder
from sparx_dsl.kinds.mixers.local_ss2d.options import LocalSS2D
from sparx_dsl.language.base import Site
from sparx_dsl.nn.convolution import depthwise, pointwise
from sparx_dsl.nn.init import Factory
from sparx_dsl.nn.norm import make_norm
from sparx_dsl.nn.static_size import StaticSize


class LocalScan2D(StaticSize):
    """Depthwise convolution and SiLU, the scans, the attention, their sum, a norm, the gate, and a projection."""

    def __init__(self, options: LocalSS2D, site: Site, **factory: Unpack[Factory]) -> None:
        super().__init__()
        self.inner = inner = options.inner(site.channels)
        self.gate = options.gate
        self.directions = options.orders()
        self.conv = depthwise(inner, options.conv, **factory) if options.conv else None
        self.scan = DirectionalScan(
            inner,
            directions=len(self.directions),
            state=options.state,
            rank=options.time_rank(site.channels),
            **factory,
        )
        self.attention = ChannelAttention(inner, **factory)
        self.norm = make_norm(site.norm, inner, site.eps, **factory)
        self.out_projection = pointwise(inner, site.channels, bias=options.bias, **factory)

    def forward(self, projected: Tensor) -> Tensor:
        """(batch, inner, or 2·inner with a gate, height, width) to (batch, out_channels, height, width)."""
        x = projected[:, : self.inner]
        if self.conv is not None:
            x = functional.silu(self.conv(x))
        y = self.norm(self.scanned(x))
        if self.gate:
            y = y * functional.silu(projected[:, self.inner :])
        return self.out_projection(y)

    def scanned(self, x: Tensor) -> Tensor:
        """Scan in every direction and sum what they give: (batch, inner, height, width) to the same shape."""
        height, width = x.shape[2:]
        positions = x.permute(0, 2, 3, 1)
        longest = max(each.length(height, width) for each in self.directions)
        read = [lengthened(read_map(positions, each), longest) for each in self.directions]
        scanned = self.scan(torch.stack(read, dim=2)).unbind(2)
        maps = [put_back(one, each, height, width) for one, each in zip(scanned, self.directions, strict=True)]
        return self.attention(torch.stack(maps, dim=1)).sum(1).permute(0, 3, 1, 2)


def read_map(positions: Tensor, direction: ScanOrder) -> Tensor:
    """Read a map (batch, height, width, values) in a direction: (batch, length, values)."""
    height, width = positions.shape[1:3]
    match direction.by:
        case "rows":
            ordered = positions
        case "columns":
            ordered = positions.transpose(1, 2)
        case "window":
            side, (rows, columns) = direction.side, direction.size(height, width)
            missing = (0, 0, 0, columns - width, 0, rows - height)
            whole = functional.pad(positions, missing) if any(missing) else positions
            parts = torch.unflatten(torch.unflatten(whole, 2, (columns // side, side)), 1, (rows // side, side))
            ordered = parts.transpose(2, 3).flatten(1, 3)
    sequence = ordered.flatten(1, 2)
    return sequence.flip(1) if direction.reversed else sequence


def lengthened(sequence: Tensor, length: int) -> Tensor:
    """The sequence (batch, length, values) with zeros behind its end, which change nothing before them."""
    missing = length - sequence.shape[1]
    # Padding by nothing would still copy.
    return functional.pad(sequence, (0, 0, 0, missing)) if missing else sequence


def put_back(sequence: Tensor, direction: ScanOrder, height: int, width: int) -> Tensor:
    """Make the map (batch, height, width, values) of what was read of it, (batch, length or more, values)."""
    rows, columns = direction.size(height, width)
    ordered = sequence[:, : rows * columns]
    ordered = ordered.flip(1) if direction.reversed else ordered
    match direction.by:
        case "rows":
            return torch.unflatten(ordered, 1, (rows, columns))
        case "columns":
            return torch.unflatten(ordered, 1, (columns, rows)).transpose(1, 2)
        case "window":
            side = direction.side
            parts = torch.unflatten(ordered, 1, (rows // side, columns // side, side, side)).transpose(2, 3)
            return parts.flatten(3, 4).flatten(1, 2)[:, :height, :width]
