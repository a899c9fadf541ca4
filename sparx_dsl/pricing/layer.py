"""The prices of the parts of a layer, and what they save, as the schedule runs them.

A normal layer is position encoding, mixing and feeding; a ganglion layer has fusing and ganglion mixing in
place of the mixing. ``height`` and ``width`` are those of the stage's map.
"""

from __future__ import annotations

from sparx_dsl.pricing.price import ZERO, Price, depthwise, norm, pointwise
from sparx_dsl.pricing.rule import price_kind, save_kind
from sparx_dsl.pricing.saved import Outline, Tape
from sparx_dsl.spec.kinds import KindRegistry, default_registry
from sparx_dsl.spec.options.base import Site
from sparx_dsl.spec.options.ffns import FfnOptions
from sparx_dsl.spec.options.fusions import FusionOptions
from sparx_dsl.spec.options.mixers import MixerOptions
from sparx_dsl.spec.resolve import LayerSettings


def price_dpe(site: Site, height: int, width: int) -> Price:
    """Dynamic position encoding: the residual depthwise 3×3 with bias."""
    return depthwise(site.channels, 3, height, width)


def save_dpe(tape: Tape, x: Outline) -> Outline:
    """The map."""
    return tape.mapped(x, tape.convolution(x, x.shape[1], 3))


def price_mixing(
    mixer: MixerOptions,
    site: Site,
    height: int,
    width: int,
    *,
    layer_scale: bool,
    registry: KindRegistry | None = None,
) -> Price:
    """A normal layer's token mixing: norm, input projection, mixer, and the scale of the residual path."""
    projected = pointwise(site.channels, mixer.projected(site.channels), height, width, bias=mixer.projection_bias)
    mixed = price_ganglion_mixing(mixer, site, height, width, layer_scale=layer_scale, registry=registry)
    return norm(site.norm, site.channels) + projected + mixed


def save_mixing(settings: LayerSettings, site: Site, tape: Tape, x: Outline) -> Outline:
    """Norm, input projection, mixer, residual."""
    projected = tape.convolution(tape.norm(site.norm, x), settings.mixer.projected(site.channels))
    return save_ganglion_mixing(settings, site, tape, x, projected)


def price_fusing(
    fusion: FusionOptions, site: Site, height: int, width: int, *, registry: KindRegistry | None = None
) -> Price:
    """A ganglion layer's norm, and its fusion of ``site.features`` features to ``site.out_channels``."""
    return norm(site.norm, site.channels) + price_kind("fusion", fusion, site, height, width, registry)


def save_fusing(settings: LayerSettings, site: Site, tape: Tape, x: Outline, features: Outline) -> Outline:
    """Norm and fusion."""
    shape = (x.shape[0], site.out_channels, *x.shape[2:])
    return save_kind("fusion", settings.fusion, site, tape, tape.norm(site.norm, x), features, shape=shape)


def price_ganglion_mixing(
    mixer: MixerOptions,
    site: Site,
    height: int,
    width: int,
    *,
    layer_scale: bool,
    registry: KindRegistry | None = None,
) -> Price:
    """A ganglion layer's token mixing, from the fused map on: mixer, and scale of the residual path."""
    mixed = price_kind("mixer", mixer, site, height, width, registry)
    return mixed + price_layer_scale(site, height, width, present=layer_scale)


def save_ganglion_mixing(settings: LayerSettings, site: Site, tape: Tape, x: Outline, projected: Outline) -> Outline:
    """Mixer and residual."""
    return save_joining(settings, tape, x, save_kind("mixer", settings.mixer, site, tape, projected, shape=x.shape))


def price_feeding(
    ffn: FfnOptions,
    site: Site,
    height: int,
    width: int,
    *,
    layer_scale: bool,
    registry: KindRegistry | None = None,
) -> Price:
    """Norm, feed-forward network, and scale of the residual path; nothing where there is no network."""
    if not (registry or default_registry()).of("ffn", ffn).runs:
        return ZERO
    fed = price_kind("ffn", ffn, site, height, width, registry)
    return norm(site.norm, site.channels) + fed + price_layer_scale(site, height, width, present=layer_scale)


def save_feeding(settings: LayerSettings, site: Site, tape: Tape, x: Outline) -> Outline:
    """Norm, feed-forward network, residual."""
    normed = tape.norm(site.norm, x)
    return save_joining(settings, tape, x, save_kind("ffn", settings.ffn, site, tape, normed, shape=x.shape))


def save_joining(settings: LayerSettings, tape: Tape, x: Outline, branch: Outline) -> Outline:
    """The scale of the residual path, if any, and the drop path of the branch."""
    residual = x if settings.layer_scale is None else tape.scaled(x)
    return tape.mapped(residual, tape.dropped(branch, settings.drop_path))


def price_layer_scale(site: Site, height: int, width: int, *, present: bool) -> Price:
    """Weight and bias for each channel of the residual path, counted as the 1×1 depthwise that it is."""
    return depthwise(site.channels, 1, height, width) if present else ZERO


def price_adapter(inputs: int, outputs: int, height: int, width: int) -> Price:
    """What gives a feature the channels of the layer that reads it: 1×1 with bias, nothing where they agree.

    ``height`` and ``width`` are those of the map of the reading layer; resampling to it is free.
    """
    return ZERO if inputs == outputs else pointwise(inputs, outputs, height, width)


def save_adapter(tape: Tape, x: Outline, channels: int, ratio: int) -> Outline:
    """The feature, and its means where it is both pooled and projected."""
    if ratio > 1:
        x = tape.pooled(x, *(-(-side // ratio) for side in x.shape[2:]))
    return x if x.shape[1] == channels else tape.convolution(x, channels)
