"""The parts of a layer as the schedule runs them, recorded on a tape.

A normal layer is position encoding, mixing and feeding; a ganglion layer has fusing and ganglion mixing in place of the
mixing. The modules are those of ``nn.layer``.
"""

from __future__ import annotations

from sparx_dsl.language.base import Site
from sparx_dsl.language.resolve import LayerSettings
from sparx_dsl.language.shrinking import Shrinkings, shrunk
from sparx_dsl.pricing.kind_cost import record_kind
from sparx_dsl.pricing.tape.fake_tensor import FakeTensor
from sparx_dsl.pricing.tape.tape import Tape


def dpe(tape: Tape, x: FakeTensor) -> FakeTensor:
    """Dynamic position encoding: the residual depthwise 3×3 with bias, of x's shape."""
    return tape.elementwise(x, tape.depthwise(x, 3))


def mixing(settings: LayerSettings, site: Site, tape: Tape, x: FakeTensor, drop_path: float = 0.0) -> FakeTensor:
    """A normal layer's token mixing, of x's shape: norm, input projection, mixer, residual."""
    mixer = settings.mixer
    projected = normed(site, tape, x)
    if mixer.has_projection:
        projected = tape.convolution(projected, mixer.projected(site.channels), bias=mixer.projection_bias)
    return ganglion_mixing(settings, site, tape, x, projected, drop_path)


def fusing(settings: LayerSettings, site: Site, tape: Tape, x: FakeTensor, features: FakeTensor) -> FakeTensor:
    """A ganglion layer's norm, and its fusion of ``site.features`` features to ``site.out_channels``.

    x (batch, C, height, width), features (batch, L·C, height, width) to (batch, out_channels, height, width).
    """
    shape = (x.shape[0], site.out_channels, *x.shape[2:])
    return record_kind("fusion", settings.fusion, site, tape, normed(site, tape, x), features, shape=shape)


def ganglion_mixing(
    settings: LayerSettings, site: Site, tape: Tape, x: FakeTensor, projected: FakeTensor, drop_path: float = 0.0
) -> FakeTensor:
    """A ganglion layer's token mixing from the fused map (batch, out_channels, height, width) on, of x's shape."""
    mixed = record_kind("mixer", settings.mixer, site, tape, projected, shape=x.shape)
    return joined(settings, site, tape, x, mixed, drop_path)


def feeding(settings: LayerSettings, site: Site, tape: Tape, x: FakeTensor, drop_path: float = 0.0) -> FakeTensor:
    """Norm, feed-forward network, residual: (batch, channels, height, width) to the same shape."""
    fed = record_kind("ffn", settings.ffn, site, tape, normed(site, tape, x), shape=x.shape)
    return joined(settings, site, tape, x, fed, drop_path)


def end_norm(site: Site, tape: Tape, x: FakeTensor) -> FakeTensor:
    """The norm at the end of a stage, of x's shape."""
    return tape.norm(site.norm, x)


def normed(site: Site, tape: Tape, x: FakeTensor) -> FakeTensor:
    """A map (batch, channels, height, width) under the norm in front of a part of the layer, if one stands there."""
    return tape.norm(site.norm, x) if site.normed else x


def joined(
    settings: LayerSettings, site: Site, tape: Tape, x: FakeTensor, branch: FakeTensor, drop_path: float
) -> FakeTensor:
    """The branch's norm, the scale of residual path or branch, the branch's drop path, and the sum, of x's shape."""
    residual = x
    if site.post_normed:
        branch = tape.norm(site.norm, branch)
    if settings.layer_scale is not None and settings.layer_scale_on == "branch":
        branch = tape.scaled_branch(branch)
    elif settings.layer_scale is not None:
        residual = tape.scaled(x)
    return tape.elementwise(residual, tape.drop_path(branch, drop_path))


def adapter(tape: Tape, x: FakeTensor, channels: int, shrinkings: Shrinkings) -> FakeTensor:
    """What brings an earlier feature to a layer: average pooling for each step, then 1×1 where channels differ.

    (batch, C, height, width) to (batch, channels, …) of the height and width that the steps make.
    """
    for step in shrinkings:
        height, width = x.shape[2:]
        x = tape.pool(x, *shrunk((height, width), (step,)))
    return x if x.shape[1] == channels else tape.convolution(x, channels)
