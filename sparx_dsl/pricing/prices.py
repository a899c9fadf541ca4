"""The totals of a backbone's price without its graph and its schedule: for search, which asks thousands of times.

Without links nothing crosses from one stage to the next but the last map, and the maps that a head reads. So what a
stage costs follows from its own settings, its width and the size of its maps; the whole is the sum, and the peak the
largest of the stages', with the maps beside it that the head has yet to read. Backbones with links are priced by
their schedules. The results are those of ``cost``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sparx_dsl.graph.connect import placed_layers
from sparx_dsl.pricing.cost import cost
from sparx_dsl.pricing.layer_total import LayerPrice, heeds_number, layer_price, runs_ffn
from sparx_dsl.pricing.price import ZERO, Price
from sparx_dsl.pricing.rule import price_kind
from sparx_dsl.pricing.stage_shape import StageRule, features_read, stage_shape
from sparx_dsl.pricing.totals import Totals
from sparx_dsl.schedule import DType
from sparx_dsl.schedule.request import Request, checked_request
from sparx_dsl.spec import DEFAULT_LIMITS, Spec, default_registry
from sparx_dsl.spec.models import Stage
from sparx_dsl.spec.options.base import Site
from sparx_dsl.spec.resolve import head_site, stage_settings

Size = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Part:
    """What a stem, a stage, a downsampling or a head costs for one image, counted in numbers in place of bytes."""

    price: Price
    moved: int
    """What its steps read and write of features."""
    peak: int
    """The most that it holds at once, without what passes it by."""


def prices(spec: Spec, size: Size | None = None, batch: int = 1, dtype: DType = "float32") -> Totals:
    """The totals of ``cost`` for images of ``size`` (height, width), by default the spec's; raises what ``cost`` does.

    Several times as fast, and more where backbones have layers in common with those that were priced before.
    """
    request = checked_request(spec, size, batch, dtype, None)
    if spec.links.add or spec.links.cut or not all(map(_connects, spec.stages)):
        return cost(spec, size, batch, dtype).totals
    return summed(list(_parts(spec, request.size)), request)


def stage_rule(stage: Stage) -> StageRule:
    """What decides which layer of a stage hears which."""
    return StageRule(
        stage.depth, placed_layers(stage), stage.M or "all", stage.cross_stage or "first", stage.intra or "since_last"
    )


def _connects(stage: Stage) -> bool:
    """Whether every ganglion layer of the stage reads something, and not too much is read; ``cost`` tells of others."""
    features = features_read(stage_rule(stage))
    placed = placed_layers(stage)
    return all(features[layer - 1] for layer in placed) and sum(features) * 16 <= DEFAULT_LIMITS.connections


def summed(parts: list[Part], request: Request) -> Totals:
    """The totals of all parts of a backbone."""
    price = ZERO
    for part in parts:
        price += part.price
    held = request.batch * request.item_bytes
    moved = sum(part.moved for part in parts) * held + price.params * request.item_bytes
    return Totals(price.params, price.macs, price.flops, max(part.peak for part in parts) * held, moved)


def map_size(size: Size, stride: int) -> Size:
    """Height and width of a map at that stride, of an image of that size."""
    return -(-size[0] // stride), -(-size[1] // stride)


def _parts(spec: Spec, size: Size) -> Iterator[Part]:
    """Every part in order; ``passing`` are the numbers that later parts read and that the one at hand does not."""
    tapped = spec.head.reads_all_stages
    given = spec.input.channels * size[0] * size[1]
    passing, before, at = 0, spec.input.channels, size
    for position, stage in enumerate(spec.stages, start=1):
        options = spec.stem if position == 1 else stage.downsample or spec.downsample
        area = map_size(size, spec.stem.stride << (position - 1))
        own = stage.channels * area[0] * area[1]
        price = price_kind("stem" if position == 1 else "downsample", options, Site(before, stage.channels), *at)
        yield Part(price, given + own, passing + given + own)
        passing += given if tapped else 0
        yield _stage(spec, position, area, passing)
        before, at, given = stage.channels, area, own
    if default_registry().of("head", spec.head).runs:
        yield _head(spec, size, at, given, passing)


def _stage(spec: Spec, position: int, area: Size, passing: int) -> Part:
    stage, last = spec.stages[position - 1], len(spec.stages)
    settings = stage_settings(spec, position - 1)
    shape = stage_shape(stage_rule(stage), tuple(one.dpe for one in settings), tuple(runs_ffn(one) for one in settings))
    price, moved, most, positions, channels = ZERO, 0, 0, area[0] * area[1], stage.channels
    known: dict[tuple[int, int, int], LayerPrice] = {}
    for number, own in enumerate(settings, start=1):
        features = shape.features[number - 1]
        # The levels of a spec give many layers one and the same value, which is cheaper to tell than equal ones.
        mark = id(own), features, number if heeds_number(own) else 1
        layer = known.get(mark)
        if layer is None:
            layer = layer_price(own, channels, mark[2], features, 2 ** (last - position), *area)
            known[mark] = layer
        price += layer.price
        moved += layer.moved
        most = max(most, shape.held[number - 1] * channels, shape.beside_fusion[number - 1] * channels + layer.fused)
    return Part(price, moved * positions, most * positions + passing)


def _head(spec: Spec, size: Size, at: Size, given: int, passing: int) -> Part:
    tapped = spec.head.reads_all_stages
    first = map_size(size, spec.stem.stride) if tapped else at
    made = 1
    for side in spec.head.output(spec.stages[-1].channels, *at, size):
        made *= side
    return Part(price_kind("head", spec.head, head_site(spec), *first), passing + given + made, passing + given + made)
