"""Scans over every other row and column of a map, beside a convolution (EfficientVMamba, Pei et al. 2024)."""

from __future__ import annotations

from typing import Unpack

import torch
from torch import Tensor, nn
from torch.nn import functional

from sparx_dsl.kinds.mixers.atrous_ss2d.options import AtrousSS2D
from sparx_dsl.kinds.mixers.directional_scan import ChannelAttention, DirectionalScan
from sparx_dsl.language.base import Site
from sparx_dsl.nn.convolution import ConvNorm, depthwise, pointwise
from sparx_dsl.nn.init import Factory
from sparx_dsl.nn.norm import make_norm
from sparx_dsl.nn.static_size import StaticSize


class AtrousScan2D(StaticSize):
    """The sum of two branches, scans and a convolution, each weighed by the same attention over channels."""

    def __init__(self, options: AtrousSS2D, site: Site, **factory: Unpack[Factory]) -> None:
        super().__init__()
        channels = site.channels
        self.scans = GridScans(options, site, **factory)
        self.local = ConvNorm(depthwise(channels, 3, **factory), make_norm("batch", channels, **factory))
        self.local_projection = pointwise(channels, channels, **factory)
        self.attention = ChannelAttention(channels, **factory)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, height, width) to the same shape."""
        near = self.local_projection(functional.gelu(self.local(x)))
        maps = torch.stack([each.permute(0, 2, 3, 1) for each in (self.scans(x), near)], dim=1)
        return self.attention(maps).sum(1).permute(0, 3, 1, 2)


class GridScans(nn.Module):
    """Projection, depthwise convolution and SiLU, a scan of each grid, a norm, the gate, and a projection.

    The grid of row i and column j has every step-th position from there on, and the scan number j·step + i. Grids of an
    even i are read row by row, those of an odd one column by column.
    """

    def __init__(self, options: AtrousSS2D, site: Site, **factory: Unpack[Factory]) -> None:
        super().__init__()
        self.inner = inner = options.inner(site.channels)
        self.step = options.step
        self.in_projection = pointwise(site.channels, 2 * inner, bias=False, **factory)
        self.conv = depthwise(inner, options.conv, **factory) if options.conv else None
        self.scan = DirectionalScan(
            inner,
            directions=options.step**2,
            state=options.state,
            rank=options.time_rank(site.channels),
            **factory,
        )
        self.norm = make_norm(site.norm, inner, site.eps, **factory)
        self.out_projection = pointwise(inner, site.channels, bias=False, **factory)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, height, width) to the same shape."""
        projected = self.in_projection(x)
        scanned = projected[:, : self.inner]
        if self.conv is not None:
            scanned = functional.silu(self.conv(scanned))
        gate = functional.silu(projected[:, self.inner :])
        return self.out_projection(self.norm(self.scanned(scanned)) * gate)

    def scanned(self, x: Tensor) -> Tensor:
        """Scan every grid and put the results where they were read: (batch, inner, height, width) to the same shape.

        A map whose sides are no multiples of the step is padded with zeros below and right.
        """
        (height, width), step = x.shape[2:], self.step
        positions, missing = x.permute(0, 2, 3, 1), (-height % step, -width % step)
        if any(missing):
            positions = functional.pad(positions, (0, 0, 0, missing[1], 0, missing[0]))
        rows, columns = ((side + more) // step for side, more in zip((height, width), missing, strict=True))
        cells = torch.unflatten(torch.unflatten(positions, 2, (columns, step)), 1, (rows, step))
        places = [(i, j) for j in range(step) for i in range(step)]
        grids = [cells[:, :, i, :, j].transpose(1, 1 + i % 2).flatten(1, 2) for i, j in places]
        scanned = zip(self.scan(torch.stack(grids, dim=2)).unbind(2), places, strict=True)
        turned = [torch.unflatten(y, 1, (columns, rows) if i % 2 else (rows, columns)) for y, (i, _) in scanned]
        maps = [y.transpose(1, 1 + i % 2) for y, (i, _) in zip(turned, places, strict=True)]
        apart = torch.unflatten(torch.stack(maps, dim=1), 1, (step, step)).permute(0, 3, 2, 4, 1, 5)
        return apart.flatten(3, 4).flatten(1, 2)[:, :height, :width].permute(0, 3, 1, 2)
