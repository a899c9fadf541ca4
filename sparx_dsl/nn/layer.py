"""The parts of a layer as a schedule runs them, and the functions that make them.

A layer is x ← DPE(x), then x ← scale(x) + mixer, then x ← scale(x) + FFN. A part is a module of its own,
because a tensor given to a module lives until that call returns.
"""

from __future__ import annotations

from typing import Protocol, Unpack

import torch
from torch import Tensor, nn
from torch.nn import functional

from sparx_dsl.language.base import KindOptions, Site
from sparx_dsl.language.roles import MixerOptions
from sparx_dsl.language.shrinking import Shrinkings
from sparx_dsl.nn.convolution import convolve, depthwise, pointwise
from sparx_dsl.nn.cpu_maps import convolved
from sparx_dsl.nn.init import Factory
from sparx_dsl.nn.layer_scale import BranchScale, FoldedScale, LayerScale, Scale
from sparx_dsl.nn.norm import make_norm


class Builder(Protocol):
    """A kind's builder as the registry loads it."""

    def __call__(
        self,
        options: KindOptions,
        site: Site,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> nn.Module:
        """Make the module of those options at that site."""
        ...


class Dpe(nn.Module):
    """A residual depthwise 3×3 convolution that encodes position (DPE)."""

    def __init__(self, channels: int, **factory: Unpack[Factory]) -> None:
        super().__init__()
        self.conv = depthwise(channels, 3, **factory)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, height, width) to the same shape."""
        return convolve(self.conv, x, residual=True)


class DropPath(nn.Module):
    """Stochastic depth: in training, drop a sample's whole branch at this rate, else scale it up.

    Raises ``ValueError`` for a rate outside [0, 1).
    """

    def __init__(self, rate: float = 0.0) -> None:
        super().__init__()
        if not 0 <= rate < 1:
            raise ValueError(f"a drop path rate lies in [0, 1), and {rate} does not")
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        """(batch, …) to the same shape; the identity in evaluation and at rate 0."""
        if self.rate == 0 or not self.training:
            return x
        kept = x.new_empty((x.shape[0],) + (1,) * (x.dim() - 1)).bernoulli_(1 - self.rate)
        return x * (kept / (1 - self.rate))

    def extra_repr(self) -> str:
        """What ``repr`` says of it."""
        return f"rate={self.rate}"


class Residual(nn.Module):
    """What the parts with a residual share: a scale on it or on the branch, if any, and the drop path on the branch.

    ``post_norm`` stands at the end of the branch (Swin V2, Liu et al. 2022), before its scale. ``in_place`` says, for
    inference, that the branch is a tensor of its own, which may hold the sum.
    """

    def __init__(self, scale: Scale, drop_path: DropPath, post_norm: nn.Module | None) -> None:
        super().__init__()
        self.post_norm = post_norm
        self.layer_scale: LayerScale | FoldedScale | None = scale if isinstance(scale, LayerScale) else None
        self.branch_scale = scale if isinstance(scale, BranchScale) else None
        self.drop_path = drop_path
        self.in_place = False

    def join(self, x: Tensor, branch: Tensor) -> Tensor:
        """Add the branch to the residual x, both (batch, channels, height, width)."""
        if self.post_norm is not None:
            branch = self.post_norm(branch)
        if self.branch_scale is not None:
            branch = self.branch_scale(branch)
        if self.in_place:
            return branch.add_(x) if self.layer_scale is None else self.layer_scale.added_to(branch, x)
        residual = x if self.layer_scale is None else self.layer_scale(x)
        return residual + self.drop_path(branch)


class NormalMixing(Residual):
    """The token mixer of a normal layer: norm, input projection, mixer, and the residual around them."""

    def __init__(
        self,
        norm: nn.Module,
        projection: nn.Module,
        mixer: nn.Module,
        scale: Scale,
        drop_path: DropPath,
        post_norm: nn.Module | None,
    ) -> None:
        super().__init__(scale, drop_path, post_norm)
        self.norm = norm
        self.projection = projection
        self.mixer = mixer

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, height, width) to the same shape."""
        return self.join(x, self.mixer(convolved(self.projection, self.norm(x))))


class Fusing(nn.Module):
    """The norm and the fusion of a ganglion layer; it stands in the place of the mixer's input projection."""

    def __init__(self, norm: nn.Module, fusion: nn.Module) -> None:
        super().__init__()
        self.norm = norm
        self.fusion = fusion

    def forward(self, x: Tensor, features: Tensor) -> Tensor:
        """(batch, C, height, width), (batch, L·C, height, width) to the mixer's (batch, ·, height, width)."""
        return self.fusion(self.norm(x), features)


class GanglionMixing(Residual):
    """The token mixer of a ganglion layer, after the fusion, and the residual around both."""

    def __init__(self, mixer: nn.Module, scale: Scale, drop_path: DropPath, post_norm: nn.Module | None) -> None:
        super().__init__(scale, drop_path, post_norm)
        self.mixer = mixer

    def forward(self, x: Tensor, projected: Tensor) -> Tensor:
        """The residual (batch, channels, height, width) and the fusion's result to the residual's shape."""
        return self.join(x, self.mixer(projected))


class Feeding(Residual):
    """The feed-forward network with its norm and the residual around it."""

    def __init__(
        self,
        norm: nn.Module,
        ffn: nn.Module,
        scale: Scale,
        drop_path: DropPath,
        post_norm: nn.Module | None,
    ) -> None:
        super().__init__(scale, drop_path, post_norm)
        self.norm = norm
        self.ffn = ffn

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, height, width) to the same shape."""
        return self.join(x, self.ffn(self.norm(x)))


class LinkAdapter(nn.Module):
    """Brings an earlier stage's feature to a layer: average pooling for each step, then 1×1 where channels differ."""

    def __init__(self, in_channels: int, channels: int, shrinkings: Shrinkings, **factory: Unpack[Factory]) -> None:
        super().__init__()
        self.shrinkings = shrinkings
        self.projection = pointwise(in_channels, channels, **factory) if in_channels != channels else None

    def forward(self, x: Tensor) -> Tensor:
        """(batch, in_channels, height, width) to (batch, channels, …) of the height and width that the steps make."""
        for by, crops in self.shrinkings:
            # What is cropped is at least one position; windows that hang over the edge take the mean of what is there.
            sides = (min(by, x.shape[2]), min(by, x.shape[3])) if crops else (by, by)
            x = functional.avg_pool2d(x, sides, ceil_mode=not crops, count_include_pad=False)
        return x if self.projection is None else self.projection(x)

    def extra_repr(self) -> str:
        """What ``repr`` says of it."""
        return ", ".join(f"{'floor' if crops else 'ceil'}(side / {by})" for by, crops in self.shrinkings)


def front_norm(site: Site, **factory: Unpack[Factory]) -> nn.Module:
    """Make the norm in front of a part of a layer, or the identity where none stands there."""
    return make_norm(site.norm, site.channels, site.eps, **factory) if site.normed else nn.Identity()


def branch_norm(site: Site, **factory: Unpack[Factory]) -> nn.Module | None:
    """Make the norm at the end of a branch, where one stands there."""
    return make_norm(site.norm, site.channels, site.eps, **factory) if site.post_normed else None


def normal_mixing(
    options: MixerOptions,
    site: Site,
    build: Builder,
    scale: Scale = None,
    drop_path: float = 0.0,
    **factory: Unpack[Factory],
) -> NormalMixing:
    """Make a normal layer's mixing; ``build`` is the builder of the mixer's kind."""
    channels = site.channels
    projection = nn.Identity()
    if options.has_projection:
        projection = pointwise(channels, options.projected(channels), bias=options.projection_bias, **factory)
    norm, mixer = front_norm(site, **factory), build(options, site, **factory)
    return NormalMixing(norm, projection, mixer, scale, DropPath(drop_path), branch_norm(site, **factory))


def fusing(options: KindOptions, site: Site, build: Builder, **factory: Unpack[Factory]) -> Fusing:
    """Make a ganglion layer's fusion; ``site.out_channels`` is the width of the mixer's projection."""
    return Fusing(front_norm(site, **factory), build(options, site, **factory))


def ganglion_mixing(
    options: MixerOptions,
    site: Site,
    build: Builder,
    scale: Scale = None,
    drop_path: float = 0.0,
    **factory: Unpack[Factory],
) -> GanglionMixing:
    """Make a ganglion layer's mixing, after its fusion; ``build`` is the builder of the mixer's kind."""
    return GanglionMixing(build(options, site, **factory), scale, DropPath(drop_path), branch_norm(site, **factory))


def feeding(
    options: KindOptions,
    site: Site,
    build: Builder,
    scale: Scale = None,
    drop_path: float = 0.0,
    **factory: Unpack[Factory],
) -> Feeding:
    """Make a layer's feed-forward part; ``build`` is the builder of the feed-forward network's kind."""
    norm, ffn = front_norm(site, **factory), build(options, site, **factory)
    return Feeding(norm, ffn, scale, DropPath(drop_path), branch_norm(site, **factory))
