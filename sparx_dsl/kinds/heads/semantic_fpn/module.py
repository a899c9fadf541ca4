"""Semantic FPN: the semantic branch of Panoptic FPN (Kirillov et al. 2019), with BatchNorm.

Every stage's map is brought to one width by a 1×1 convolution; from the last to the first, each is added to the one
before at that one's size (nearest neighbours), and a 3×3 convolution follows. Then each level climbs to the first
map's size by one 3×3 convolution with BatchNorm, ReLU and bilinear upsampling for each stage in between, the first
level by one such convolution without upsampling; the levels are summed and classified.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from torch import Tensor, nn
from torch.nn import functional

from sparx_dsl.kinds.heads.pyramid import NormedMaps, rectified3x3, resized
from sparx_dsl.kinds.heads.semantic_fpn.options import SemanticFpn
from sparx_dsl.language.base import Site
from sparx_dsl.nn.convolution import convolution, pointwise
from sparx_dsl.nn.init import Factory


class FeaturePyramid(nn.Module):
    """A feature pyramid network (Lin et al. 2017): 1×1 convolutions, sums from the last map down, 3×3 convolutions."""

    def __init__(self, maps: Sequence[int], out_channels: int, **factory: Unpack[Factory]) -> None:
        super().__init__()
        self.laterals = nn.ModuleList(pointwise(channels, out_channels, **factory) for channels in maps)
        self.outputs = nn.ModuleList(convolution(out_channels, out_channels, 3, padding=1, **factory) for _ in maps)

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Maps of any channels to maps of one width, each (batch, out_channels, height, width) of its own size."""
        levels = [lateral(x) for lateral, x in zip(self.laterals, maps, strict=True)]
        for place in reversed(range(len(levels) - 1)):
            size = levels[place].shape[2:]
            levels[place] = levels[place] + functional.interpolate(levels[place + 1], size=size, mode="nearest")
        return [conv(x) for conv, x in zip(self.outputs, levels, strict=True)]


class Climb(nn.Module):
    """From the size of a stage's map to that of the first one, stage by stage."""

    def __init__(self, channels: int, out_channels: int, stages: int, **factory: Unpack[Factory]) -> None:
        super().__init__()
        widths = [channels, *[out_channels] * (max(1, stages) - 1)]
        self.convs = nn.ModuleList(rectified3x3(width, out_channels, **factory) for width in widths)

    def forward(self, x: Tensor, before: Sequence[Tensor]) -> Tensor:
        """(batch, channels, height, width) to (batch, out_channels) at the size of the last of ``before``.

        ``before`` are the maps of the stages before, the closest first; none for the first stage.
        """
        if not before:
            return self.convs[0](x)
        for conv, like in zip(self.convs, before, strict=True):
            x = resized(conv(x), like)
        return x


class SemanticFpnHead(nn.Module):
    """A feature pyramid, a climb for each of its levels, their sum, and a 1×1 convolution to the classes."""

    def __init__(self, options: SemanticFpn, site: Site, **factory: Unpack[Factory]) -> None:
        super().__init__()
        maps = site.maps
        width = options.head_channels
        self.norms = NormedMaps(maps, options.norm, options.eps, **factory)
        self.pyramid = FeaturePyramid(maps, options.pyramid_channels, **factory)
        self.climbs = nn.ModuleList(
            Climb(options.pyramid_channels, width, stages, **factory) for stages in range(len(maps))
        )
        self.classifier = pointwise(width, options.classes, **factory)
        self.dropout = options.dropout

    def forward(self, *inputs: Tensor) -> Tensor:
        """The maps of all stages, the first one's first, and the images, to (batch, classes) at the images' size."""
        *maps, images = inputs
        levels = self.pyramid(self.norms(maps))
        total: Tensor | None = None
        for place, (climb, x) in enumerate(zip(self.climbs, levels, strict=True)):
            climbed = climb(x, levels[:place][::-1])
            total = climbed if total is None else total + climbed
        assert total is not None
        kept = functional.dropout2d(total, self.dropout, self.training)
        return resized(self.classifier(kept), images)
