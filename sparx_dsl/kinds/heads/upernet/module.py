"""UPerNet (Xiao et al. 2018): pyramid pooling on the last map (PSPNet), a feature pyramid, all levels fused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

import torch
from torch import Tensor, nn
from torch.nn import functional

from sparx_dsl.kinds.heads.pyramid import NormedMaps, normed_pointwise, rectified3x3, resized
from sparx_dsl.kinds.heads.upernet.options import UPerNet
from sparx_dsl.language.base import Site
from sparx_dsl.nn.convolution import pointwise
from sparx_dsl.nn.init import Factory


class PyramidPooling(nn.Module):
    """A map beside its means over coarser and coarser parts, each through a 1×1 convolution; then a 3×3 convolution."""

    def __init__(self, channels: int, out_channels: int, pools: Sequence[int], **factory: Unpack[Factory]) -> None:
        super().__init__()
        self.pools = tuple(pools)
        self.branches = nn.ModuleList(normed_pointwise(channels, out_channels, **factory) for _ in pools)
        self.fusion = rectified3x3(channels + len(self.pools) * out_channels, out_channels, **factory)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, height, width) to (batch, out_channels, height, width)."""
        pooled = [
            resized(branch(functional.adaptive_avg_pool2d(x, pool)), x)
            for pool, branch in zip(self.pools, self.branches, strict=True)
        ]
        return self.fusion(torch.cat([x, *pooled], dim=1))


class AuxiliaryHead(nn.Module):
    """A 3×3 convolution and the classes, on one stage's map."""

    def __init__(self, channels: int, options: UPerNet, **factory: Unpack[Factory]) -> None:
        super().__init__()
        hidden = options.auxiliary_channels
        self.conv = rectified3x3(channels, hidden, **factory)
        self.classifier = pointwise(hidden, options.classes, **factory)
        self.dropout = options.dropout

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, height, width) to (batch, classes, height, width)."""
        return self.classifier(functional.dropout2d(self.conv(x), self.dropout, self.training))


class UPerNetHead(nn.Module):
    """UPerNet's head, with an auxiliary head that runs in training only, or without one."""

    def __init__(self, options: UPerNet, site: Site, **factory: Unpack[Factory]) -> None:
        super().__init__()
        maps = site.maps
        *before, last = maps
        width = options.pyramid_channels
        self.norms = NormedMaps(maps, options.norm, options.eps, **factory)
        self.pooling = PyramidPooling(last, width, options.pools, **factory)
        self.laterals = nn.ModuleList(normed_pointwise(channels, width, **factory) for channels in before)
        self.outputs = nn.ModuleList(rectified3x3(width, width, **factory) for _ in before)
        self.fusion = rectified3x3(len(maps) * width, width, **factory)
        self.classifier = pointwise(width, options.classes, **factory)
        self.dropout = options.dropout
        middle = maps[auxiliary_place(len(maps))]
        self.auxiliary = AuxiliaryHead(middle, options, **factory) if options.auxiliary else None

    def forward(self, *inputs: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """The maps of all stages, the first one's first, and the images, to (batch, classes) at the images' size.

        With an auxiliary head, in training only: that and the auxiliary head's result, of the same shape.
        """
        *maps, images = inputs
        maps = self.norms(maps)
        fused = functional.dropout2d(self.fused(maps), self.dropout, self.training)
        result = resized(self.classifier(fused), images)
        if self.auxiliary is None or not self.training:
            return result
        return result, resized(self.auxiliary(maps[auxiliary_place(len(maps))]), images)

    def fused(self, maps: Sequence[Tensor]) -> Tensor:
        """The normalised maps to one map (batch, width) of the first one's size."""
        levels = [lateral(x) for lateral, x in zip(self.laterals, maps[:-1], strict=True)]
        levels.append(self.pooling(maps[-1]))
        for place in reversed(range(len(levels) - 1)):
            levels[place] = levels[place] + resized(levels[place + 1], levels[place])
        smooth = [conv(x) for conv, x in zip(self.outputs, levels[:-1], strict=True)]
        first, *others = [*smooth, levels[-1]]
        return self.fusion(torch.cat([first, *(resized(x, first) for x in others)], dim=1))


def auxiliary_place(stages: int) -> int:
    """The 0-based place of the map that the auxiliary head reads: the last but one, the only one where there is one."""
    return max(stages - 2, 0)
