"""What the parts of a backbone cost each by itself: what opens a stage, the stage's layers, and the head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sparx_dsl.pricing.layer_total import LayerPrice
from sparx_dsl.pricing.price import ZERO, Price
from sparx_dsl.pricing.rule import price_kind
from sparx_dsl.pricing.stage_shape import StageShape
from sparx_dsl.spec.options.base import KindOptions, NormName, Site
from sparx_dsl.spec.options.heads import HeadOptions

Size = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Part:
    """What a stem, a stage, a downsampling or a head costs for one image, counted in numbers in place of bytes."""

    price: Price
    moved: int
    """What its steps read and write of features."""
    peak: int
    """The most that it holds at once, besides what passes it by."""


def opening(
    role: Literal["stem", "downsample"], options: KindOptions, before: int, channels: int, given: Size, made: Size
) -> Part:
    """A stem or a downsampling, from ``before`` to ``channels`` channels, from one size of map or image to another."""
    moved = before * given[0] * given[1] + channels * made[0] * made[1]
    return Part(price_kind(role, options, Site(before, channels), *given), moved, moved)


def layers(shape: StageShape, priced: Sequence[LayerPrice], channels: int, area: Size) -> Part:
    """The layers of a stage of that width, on maps of that size."""
    price, moved, most = ZERO, 0, 0
    for held, beside, layer in zip(shape.held, shape.beside_fusion, priced, strict=True):
        price += layer.price
        moved += layer.moved
        most = max(most, held * channels, beside * channels + layer.fused)
    positions = area[0] * area[1]
    return Part(price, moved * positions, most * positions)


def ending(
    head: HeadOptions, norm: NormName, widths: Sequence[int], areas: Sequence[Size], images: tuple[int, int, int]
) -> Part:
    """A head that runs, behind stages of these widths with maps of these sizes.

    ``norm`` is the backbone's, ``images`` the (channels, height, width) of what it is fed. All that the head reads of
    maps and images is held while it runs.
    """
    tapped = head.reads_all_stages
    site = Site(widths[-1], widths[-1], norm, maps=tuple(widths) if tapped else ())
    made = 1
    for side in head.output(widths[-1], *areas[-1], images[1:]):
        made *= side
    read = [*zip(widths, areas, strict=True), (images[0], images[1:])] if tapped else [(widths[-1], areas[-1])]
    held = made + sum(width * height * breadth for width, (height, breadth) in read)
    return Part(price_kind("head", head, site, *(areas[0] if tapped else areas[-1])), held, held)


def map_size(size: Size, stride: int) -> Size:
    """Height and width of a map at that stride, of an image of that size."""
    return -(-size[0] // stride), -(-size[1] // stride)
