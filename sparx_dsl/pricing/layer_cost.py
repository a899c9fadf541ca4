"""What a whole layer costs, remembered: search asks for the same ones over and over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sparx_dsl.language.resolve import LayerSettings
from sparx_dsl.pricing import layer
from sparx_dsl.pricing.cache import cached_with_kinds
from sparx_dsl.pricing.price import ZERO, Price
from sparx_dsl.pricing.tape.tape import Tape
from sparx_dsl.registry import default_registry


@dataclass(frozen=True, slots=True, eq=False)
class LayerCost:
    """What one layer costs for one image."""

    parts: Mapping[str, Price]
    """The price of each part that runs: ``dpe``, ``fusion``, ``mixer``, ``ffn``, ``norm``."""
    price: Price
    """All parts together."""
    fused: int
    """Channels of the fusion's result; 0 for a normal layer."""
    moved: int
    """Channels of all that its steps read and write."""


NO_LAYER = LayerCost({}, ZERO, 0, 0)
"""What stands in the place of a layer that is not there."""


def layer_cost(
    settings: LayerSettings, channels: int, number: int, features: int, reduction: int, height: int, width: int
) -> LayerCost:
    """What the layer of that number (from 1) costs that reads ``features`` features on a map of that size.

    Parameters, and MACs for one image. Raises ``KindCostError``.
    """
    if not numbered(settings):
        number = 1
    return _layer_cost(settings, channels, number, features, reduction, height, width)


@cached_with_kinds(maxsize=65_536)
def _layer_cost(
    settings: LayerSettings, channels: int, number: int, features: int, reduction: int, height: int, width: int
) -> LayerCost:
    fused = settings.fused_channels(channels) if features else 0
    site = settings.site(channels, number, features, reduction)
    parts: dict[str, Price] = {}

    def tape() -> Tape:
        return Tape(saves=False)

    x = tape().new(1, channels, height, width)
    if settings.dpe:
        layer.dpe(recorded := tape(), x)
        parts["dpe"] = recorded.price
    if features:
        layer.fusing(settings, site, recorded := tape(), x, recorded.new(1, features * channels, height, width))
        parts["fusion"] = recorded.price
        layer.ganglion_mixing(settings, site, recorded := tape(), x, recorded.new(1, fused, height, width))
    else:
        layer.mixing(settings, site, recorded := tape(), x)
    parts["mixer"] = recorded.price
    if runs_ffn(settings):
        layer.feeding(settings, site, recorded := tape(), x)
        parts["ffn"] = recorded.price
    if settings.end_norm:
        layer.end_norm(site, recorded := tape(), x)
        parts["norm"] = recorded.price
    return LayerCost(parts, sum(parts.values(), ZERO), fused, _moved(settings, channels, features, fused))


def runs_ffn(settings: LayerSettings) -> bool:
    """Whether the layer has a feed-forward network."""
    return default_registry().of("ffn", settings.ffn).runs


def numbered(settings: LayerSettings) -> bool:
    """Whether the cost may depend on the layer's number in its stage."""
    of = default_registry().of
    kinds = of("mixer", settings.mixer), of("fusion", settings.fusion), of("ffn", settings.ffn)
    return any(kind.numbered for kind in kinds)


def _moved(settings: LayerSettings, channels: int, features: int, fused: int) -> int:
    """The channels that pass through the steps of ``schedule.steps.layer_steps``, inputs and outputs."""
    moved = 2 * channels * (settings.dpe + runs_ffn(settings) + settings.end_norm)
    if not features:
        return moved + 2 * channels
    gathered = 2 * features * channels if features > 1 else 0
    fusing, mixed = channels + features * channels + fused, channels + fused + channels
    return moved + gathered + fusing + mixed
