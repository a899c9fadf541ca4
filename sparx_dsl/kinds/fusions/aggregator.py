"""What the paper's aggregator and its variants share: selection, reduced projections, mixing (SparX, section 3.1)."""

from __future__ import annotations

from typing import Unpack

import torch
from torch import Tensor, nn
from torch.nn import functional

from sparx_dsl.language.base import Site
from sparx_dsl.nn.convolution import ConvNorm, convolve, depthwise, pointwise
from sparx_dsl.nn.cpu_maps import convolved
from sparx_dsl.nn.init import Factory
from sparx_dsl.nn.norm import make_norm


class ReducedProjection(nn.Module):
    """Spatial reduction by a strided depthwise convolution, none for a ratio of 1, then 1×1 and BatchNorm."""

    def __init__(self, channels: int, ratio: int, **factory: Unpack[Factory]) -> None:
        super().__init__()
        self.reduction = batch_normed_depthwise(channels, ratio + 1, ratio, **factory) if ratio > 1 else None
        self.projection = ConvNorm(
            pointwise(channels, channels, bias=False, **factory), make_norm("batch", channels, **factory)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, height, width) to the same at 1 / ratio of the height and width."""
        if self.reduction is not None:
            x = functional.gelu(self.reduction(x))
        return self.projection(x)


class Aggregator(nn.Module):
    """What the aggregators of channel-wise and of spatial attention have in common: all but the attention.

    ``ratios`` are the spatial reductions of query, key and value; without ``shortcut`` only what was attended to
    goes on.
    """

    def __init__(self, site: Site, *, ratios: tuple[int, int, int], shortcut: bool, **factory: Unpack[Factory]) -> None:
        super().__init__()
        self.shortcut = shortcut
        groups, channels, read = 3 if shortcut else 1, site.channels, site.features * site.channels
        self.missing = site.out_channels % groups
        self.norm = make_norm(site.norm, read, site.eps, **factory)
        self.selection = batch_normed_depthwise(read, 3, 1, **factory)
        self.key_value = pointwise(read, 2 * channels, **factory)
        self.query = ReducedProjection(channels, ratios[0], **factory)
        self.key = ReducedProjection(channels, ratios[1], **factory)
        self.value = ReducedProjection(channels, ratios[2], **factory)
        self.mixing = depthwise(groups * channels, 3, **factory)
        self.projection = pointwise(groups * channels, site.out_channels - self.missing, groups=groups, **factory)

    def select(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """(batch, L·C, height, width) to Y_k and Y_v, (batch, C, height, width) each."""
        selected = functional.gelu(self.selection(self.norm(features)))
        key, value = functional.gelu(convolved(self.key_value, selected)).chunk(2, dim=1)
        return key, value

    def mix(self, own: Tensor, attended: Tensor, value: Tensor) -> Tensor:
        """Three maps (batch, C, height, width) to (batch, out_channels, height, width)."""
        if self.shortcut:
            # The three maps interleave, so that each of the three groups of the projection reads a third of every map.
            attended = interleaved(torch.cat((own, attended, value), dim=1))
        return complete(self.projection(convolve(self.mixing, attended, activation="gelu")), self.missing)


def interleaved(x: Tensor) -> Tensor:
    """Reorder the channels 0, 1, 2, … to 0, 3, 6, …, 1, 4, …; the layout in memory stays.

    (batch, channels, height, width), with channels a multiple of 3, to the same shape.
    """
    if is_channels_last(x):
        positions = torch.unflatten(x.permute(0, 2, 3, 1), 3, (-1, 3))
        return positions.transpose(3, 4).flatten(3).permute(0, 3, 1, 2)
    return torch.unflatten(x, 1, (-1, 3)).transpose(1, 2).flatten(1, 2)


def is_channels_last(x: Tensor) -> bool:
    """Whether a map (batch, channels, height, width) is channels-last, be it a slice of one that is."""
    return x.stride(1) == 1 and x.shape[1] > 1


def complete(x: Tensor, missing: int) -> Tensor:
    """Append the channels that three groups could not give: the mean of all, or the means of two halves.

    (batch, channels, height, width) to (batch, channels + missing, height, width). Halves of an odd number
    share the middle.
    """
    if missing == 0:
        return x
    channels = x.shape[1]
    parts = [x] if missing == 1 else [x[:, : (channels + 1) // 2], x[:, channels // 2 :]]
    joined = (x, *(part.mean(dim=1, keepdim=True) for part in parts))
    if not is_channels_last(x):
        return torch.cat(joined, dim=1)
    # By itself torch.cat would lay out the whole as the means lie, and copy x into another layout.
    return torch.cat([each.permute(0, 2, 3, 1) for each in joined], dim=3).permute(0, 3, 1, 2)


def batch_normed_depthwise(channels: int, kernel: int, stride: int, **factory: Unpack[Factory]) -> ConvNorm:
    """Make a depthwise convolution without bias, followed by BatchNorm."""
    conv = depthwise(channels, kernel, stride=stride, bias=False, **factory)
    return ConvNorm(conv, make_norm("batch", channels, **factory))
