"""The costs of kinds and of a layer's parts, told to tapes that follow shapes only."""

from __future__ import annotations

from collections.abc import Callable

from sparx_dsl.kind import load
from sparx_dsl.language.base import KindOptions, Site
from sparx_dsl.language.roles import MixerOptions, Role
from sparx_dsl.pricing.price import Price
from sparx_dsl.pricing.tape import FakeTensor, Tape
from sparx_dsl.registry import default_registry


def price_of(role: Role, options: KindOptions, site: Site, height: int, width: int) -> Price:
    """What a kind costs at a site, for a map (or image) of that size that goes in; a head's is the first stage's."""
    tape = Tape(saves=False)
    shapes = [(site.channels, height, width)]
    if isinstance(options, MixerOptions):
        shapes = [(options.projected(site.channels), height, width)]
    if role == "fusion":
        shapes.append((site.features * site.channels, height, width))
    if site.maps:
        sizes = map_sizes(len(site.maps), height, width)
        shapes = [(channels, *size) for channels, size in zip(site.maps, sizes, strict=True)]
        shapes.append((3, 4 * height, 4 * width))
    load(default_registry().of(role, options).cost)(options, site, tape, *(tape.new(1, *shape) for shape in shapes))
    return tape.price


def map_sizes(stages: int, height: int, width: int) -> list[tuple[int, int]]:
    """The sizes of the stages' maps, from the first one's on: each half of the one before, rounded up."""
    sizes = [(height, width)]
    for _ in range(stages - 1):
        sizes.append((-(-sizes[-1][0] // 2), -(-sizes[-1][1] // 2)))
    return sizes


def told(*shapes: tuple[int, ...], part: Callable[..., FakeTensor]) -> Price:
    """The price of what ``part(tape, *inputs)`` tells, for inputs of these shapes."""
    tape = Tape(saves=False)
    part(tape, *(tape.new(*shape) for shape in shapes))
    return tape.price
