"""The prices of the parts of a layer, as the schedule runs them.

A normal layer is position encoding, mixing and feeding; a ganglion layer has fusing and ganglion mixing in
place of the mixing. ``height`` and ``width`` are those of the stage's map.
"""

from __future__ import annotations

from sparx_dsl.pricing.price import ZERO, Price, depthwise, norm, pointwise
from sparx_dsl.pricing.rule import price_kind
from sparx_dsl.spec.kinds import KindRegistry, default_registry
from sparx_dsl.spec.options.base import Site
from sparx_dsl.spec.options.ffns import FfnOptions
from sparx_dsl.spec.options.fusions import FusionOptions
from sparx_dsl.spec.options.mixers import MixerOptions


def price_dpe(site: Site, height: int, width: int) -> Price:
    """Dynamic position encoding: the residual depthwise 3×3 with bias."""
    return depthwise(site.channels, 3, height, width)


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


def price_fusing(
    fusion: FusionOptions, site: Site, height: int, width: int, *, registry: KindRegistry | None = None
) -> Price:
    """A ganglion layer's norm, and its fusion of ``site.features`` features to ``site.out_channels``."""
    return norm(site.norm, site.channels) + price_kind("fusion", fusion, site, height, width, registry)


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


def price_layer_scale(site: Site, height: int, width: int, *, present: bool) -> Price:
    """Weight and bias for each channel of the residual path, counted as the 1×1 depthwise that it is."""
    return depthwise(site.channels, 1, height, width) if present else ZERO


def price_adapter(inputs: int, outputs: int, height: int, width: int) -> Price:
    """What gives a feature the channels of the layer that reads it: 1×1 with bias, nothing where they agree.

    ``height`` and ``width`` are those of the map of the reading layer; resampling to it is free.
    """
    return ZERO if inputs == outputs else pointwise(inputs, outputs, height, width)
