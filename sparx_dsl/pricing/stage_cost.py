"""What the parts of a backbone cost each by itself: what opens a stage, the stage's layers, and the head.

This is the one calculation of a stage: ``cost`` reads the prices of its layers, ``prices`` the sums, and batched prices
look up the same values for whole arrays.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sparx_dsl.language.base import KindOptions, NormName, Site
from sparx_dsl.language.kind_options import head_output
from sparx_dsl.language.resolve import LayerSettings, ResolvedStage, site_of_head
from sparx_dsl.language.roles import HeadOptions
from sparx_dsl.pricing.cache import cached_with_kinds
from sparx_dsl.pricing.kind_cost import KindCostError, record_kind
from sparx_dsl.pricing.layer_cost import layer_cost, numbered, runs_ffn
from sparx_dsl.pricing.price import ZERO, Price
from sparx_dsl.pricing.stage_shape import LayerGroup, layer_groups
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


@cached_with_kinds(maxsize=16_384)
def opening_cost(
    role: Literal["stem", "downsample"], options: KindOptions, site: Site, given: Size, made: Size
) -> PartCost:
    """A stem or a downsampling at a site, from one size of map or image to another.

    Parameters, and MACs and elements for one image. Raises ``KindCostError``.
    """
    tape = Tape(saves=False)
    shape = (1, site.out_channels, *made)
    record_kind(role, options, site, tape, tape.new(1, site.channels, *given), shape=shape)
    moved = site.channels * given[0] * given[1] + site.out_channels * made[0] * made[1]
    return PartCost(tape.price, moved, moved)


@cached_with_kinds(maxsize=4096)
def stage_cost(stage: ResolvedStage, size: Size) -> PartCost:
    """The layers of a stage, on maps of that size: parameters, and MACs and elements for one image.

    Raises ``SparxError`` for a kind that cannot be priced.
    """
    # The levels of a spec give many layers one and the same value, which is cheaper to compare than equal ones.
    settings = list({id(one): one for one in stage.layers}.values())
    total, moved, most = ZERO, 0, 0
    for group in groups_of(stage, settings):
        try:
            layer = layer_cost(
                settings[group.settings], stage.channels, group.number, group.features, stage.reduction, *size
            )
        except KindCostError as error:
            raise error.at(stage.layer_name(group.number)) from error.__cause__
        total, moved = total.plus(layer.price, group.count), moved + layer.moved * group.count
        most = max(most, group.held * stage.channels, group.beside_fusion * stage.channels + layer.fused)
    positions = size[0] * size[1]
    return PartCost(total, moved * positions, most * positions)


def groups_of(stage: ResolvedStage, settings: Sequence[LayerSettings]) -> tuple[LayerGroup, ...]:
    """The layers of a stage in groups that cost the same; ``settings`` are its distinct ones."""
    place = {id(one): index for index, one in enumerate(settings)}
    which = tuple(place[id(one)] for one in stage.layers)
    flags = tuple((one.dpe, runs_ffn(one), numbered(one)) for one in settings)
    return layer_groups(stage.rule, which, flags, end_norm=stage.layers[-1].end_norm)


@cached_with_kinds(maxsize=16_384)
def head_cost(
    head: HeadOptions, norm: NormName | None, widths: tuple[int, ...], sizes: tuple[Size, ...], image: tuple[int, ...]
) -> PartCost:
    """A head that runs, behind stages of these widths with maps of these sizes; raises ``KindCostError``.

    Parameters, and MACs and elements for one image. ``norm`` is that of the backbone's ``layer``, ``image`` the
    (channels, height, width) of what it is fed. All that the head reads of maps and images is held while it runs.
    """
    tapped = head.reads_all_stages
    site = site_of_head(widths, norm, reads_all_stages=tapped)
    maps = tuple((width, *size) for width, size in zip(widths, sizes, strict=True))
    read = (*maps, image) if tapped else maps[-1:]
    made = head_output(head, widths[-1], *sizes[-1], (image[1], image[2]))
    held = math.prod(made) + sum(map(math.prod, read))
    return PartCost(head_price(head, site, read, made), held, held)


@cached_with_kinds(maxsize=16_384)
def head_price(head: KindOptions, site: Site, read: tuple[tuple[int, ...], ...], made: tuple[int, ...]) -> Price:
    """Parameters and MACs of a head at a site that reads tensors of these shapes, without the batch, and makes one."""
    tape = Tape(saves=False)
    record_kind("head", head, site, tape, *(tape.new(1, *shape) for shape in read), shape=(1, *made))
    return tape.price
