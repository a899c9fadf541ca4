"""What the parts of a backbone cost each by itself: what opens a stage, the stage's layers, and the head.

This is the one calculation of a stage: ``cost`` reads the prices of its layers, ``prices`` the sums, and batched prices
look up the same values for whole arrays.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from sparx_dsl.language.base import KindOptions, NormName, Site
from sparx_dsl.language.resolve import ResolvedStage, site_of_head
from sparx_dsl.language.roles import HeadOptions
from sparx_dsl.pricing.kind_cost import priced_at, tell_kind
from sparx_dsl.pricing.layer_cost import LayerCost, cost_per_layer, layer_cost, runs_ffn
from sparx_dsl.pricing.price import ZERO, Price
from sparx_dsl.pricing.stage_shape import StageShape, stage_shape
from sparx_dsl.pricing.tape.tape import Tape

Size = tuple[int, int]


@dataclass(frozen=True, slots=True)
class PartCost:
    """What a stem, a stage, a downsampling or a head costs for one image, counted in elements in place of bytes."""

    price: Price
    moved: int
    """What its steps read and write of features."""
    peak: int
    """The most that it holds at once, besides what passes it by."""


@functools.lru_cache(maxsize=16_384)
def opening_cost(
    role: Literal["stem", "downsample"], options: KindOptions, before: int, channels: int, given: Size, made: Size
) -> PartCost:
    """A stem or a downsampling, from ``before`` to ``channels`` channels, from one size of map or image to another.

    Raises ``KindCostError``.
    """
    tape = Tape(saves=False)
    tell_kind(
        role, options, Site(before, channels), tape, tape.new(1, before, *given), shape=(1, channels, *made)
    )  # fmt: skip
    moved = before * given[0] * given[1] + channels * made[0] * made[1]
    return PartCost(tape.price, moved, moved)


@functools.lru_cache(maxsize=4096)
def stage_cost(stage: ResolvedStage, size: Size) -> PartCost:
    """The layers of a stage, on maps of that size; raises ``SparxError`` for a kind that cannot be priced."""
    per_layer = {id(settings): cost_per_layer(settings) for settings in stage.layers}
    shape = shape_of(stage)
    costs: dict[tuple[int, int, int], LayerCost] = {}
    layers: list[LayerCost] = []
    for number, (settings, features) in enumerate(zip(stage.layers, shape.features, strict=True), start=1):
        # The levels of a spec give many layers one and the same value, which is cheaper to tell than equal ones.
        mark = id(settings), features, number if per_layer[id(settings)] else 1
        found = costs.get(mark)
        if found is None:
            with priced_at(stage.layer_name(number)):
                found = layer_cost(settings, stage.channels, mark[2], features, stage.reduction, *size)
            costs[mark] = found
        layers.append(found)
    price, moved = ZERO, 0
    for one in layers:
        price += one.price
        moved += one.moved
    positions = size[0] * size[1]
    most = max(held_by_layers(shape, stage.channels, [one.fused for one in layers]))
    return PartCost(price, moved * positions, most * positions)


def shape_of(stage: ResolvedStage) -> StageShape:
    """The maps that a stage holds."""
    fed = {id(settings): runs_ffn(settings) for settings in stage.layers}
    return stage_shape(
        stage.rule, tuple(one.dpe for one in stage.layers), tuple(fed[id(one)] for one in stage.layers)
    )


def held_by_layers(shape: StageShape, channels: int, fused: Sequence[int]) -> Iterator[int]:
    """The most that each layer of a stage holds at once, in channels of its maps."""
    for held, beside, own in zip(shape.held, shape.beside_fusion, fused, strict=True):
        yield max(held * channels, beside * channels + own)


@functools.lru_cache(maxsize=16_384)
def head_cost(
    head: HeadOptions, norm: NormName | None, widths: tuple[int, ...], sizes: tuple[Size, ...], image: tuple[int, ...]
) -> PartCost:
    """A head that runs, behind stages of these widths with maps of these sizes; raises ``KindCostError``.

    ``norm`` is that of the backbone's ``layer``, ``image`` the (channels, height, width) of what it is fed. All that
    the head reads of maps and images is held while it runs.
    """
    tapped = head.reads_all_stages
    site = site_of_head(widths, norm, reads_all_stages=tapped)
    maps = tuple((width, *size) for width, size in zip(widths, sizes, strict=True))
    read = (*maps, image) if tapped else maps[-1:]
    made = head.output(widths[-1], *sizes[-1], (image[1], image[2]))
    held = _elements(made) + sum(map(_elements, read))
    return PartCost(head_price(head, site, read, made), held, held)


@functools.lru_cache(maxsize=16_384)
def head_price(
    head: KindOptions, site: Site, read: tuple[tuple[int, ...], ...], made: tuple[int, ...]
) -> Price:
    """A head at a site that reads tensors of these shapes, without the batch, and makes one."""
    tape = Tape(saves=False)
    tell_kind("head", head, site, tape, *(tape.new(1, *shape) for shape in read), shape=(1, *made))
    return tape.price


def _elements(shape: Sequence[int]) -> int:
    found = 1
    for side in shape:
        found *= side
    return found


def map_size(size: Size, stride: int) -> Size:
    """Height and width of a map at that stride, of an image of that size."""
    return -(-size[0] // stride), -(-size[1] // stride)
