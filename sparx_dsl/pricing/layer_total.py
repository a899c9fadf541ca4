"""The price of a whole layer, remembered: search asks for the same ones over and over."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from sparx_dsl.pricing.layer import price_dpe, price_feeding, price_fusing, price_ganglion_mixing, price_mixing
from sparx_dsl.pricing.price import ZERO, Price
from sparx_dsl.spec import default_registry
from sparx_dsl.spec.options.base import Site
from sparx_dsl.spec.resolve import LayerSettings

OWN_RULES = "sparx_dsl."


@dataclass(frozen=True, slots=True)
class LayerPrice:
    """What all parts of one layer cost together, for one image."""

    price: Price
    fused: int
    """Channels of the fusion's result; 0 for a normal layer."""
    moved: int
    """Channels of all that its steps read and write."""


@functools.lru_cache(maxsize=65_536)
def layer_price(
    settings: LayerSettings, channels: int, number: int, features: int, reduction: int, height: int, width: int
) -> LayerPrice:
    """The price of the layer of that number (from 1) that reads ``features`` features on a map of that size."""
    scaled = settings.layer_scale is not None
    fused = settings.mixer.projected(channels) if features else 0
    site = Site(channels, fused or channels, settings.norm, number, features, reduction=reduction)
    parts = [price_feeding(settings.ffn, site, height, width, layer_scale=scaled)]
    if settings.dpe:
        parts.append(price_dpe(site, height, width))
    if features:
        parts.append(price_fusing(settings.fusion, site, height, width))
        parts.append(price_ganglion_mixing(settings.mixer, site, height, width, layer_scale=scaled))
    else:
        parts.append(price_mixing(settings.mixer, site, height, width, layer_scale=scaled))
    return LayerPrice(sum(parts, ZERO), fused, _moved(settings, channels, features, fused))


def runs_ffn(settings: LayerSettings) -> bool:
    """Whether the layer has a feed-forward network."""
    return default_registry().of("ffn", settings.ffn).runs


def heeds_number(settings: LayerSettings) -> bool:
    """Whether the price may depend on the layer's number: the rules of this package's own kinds never look at it."""
    of = default_registry().of
    rules = of("mixer", settings.mixer).price, of("fusion", settings.fusion).price, of("ffn", settings.ffn).price
    return not all(rule is None or rule.startswith(OWN_RULES) for rule in rules)


def _moved(settings: LayerSettings, channels: int, features: int, fused: int) -> int:
    """The channels that pass through the steps of ``schedule.steps.layer_steps``, inputs and outputs."""
    moved = 2 * channels * (settings.dpe + runs_ffn(settings))
    if not features:
        return moved + 2 * channels
    gathered = 2 * features * channels if features > 1 else 0
    fusing, mixing = channels + features * channels + fused, channels + fused + channels
    return moved + gathered + fusing + mixing
