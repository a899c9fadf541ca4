"""Which widths the kinds accept: the rules between channels, and mixers, fusions, FFNs, stems, downsamplings, heads."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Literal

from sparx_dsl.language.base import KindOptions, Site
from sparx_dsl.language.defaults import DEFAULT_NORM, default_options
from sparx_dsl.language.models import InputOptions
from sparx_dsl.language.resolve import site_of_head, stage_reduction
from sparx_dsl.language.roles import HeadOptions, MixerOptions
from sparx_dsl.search.readings import Picks, Reading, Readings
from sparx_dsl.search.rules import Rule, has_layer, placed_layers, union

MAX_TRIED = 50_000
"""Combinations that are tried to see whether a rule has anything to say."""

Domains = Sequence[Sequence[int]]
Added = Callable[[int, int], tuple[int, ...]]
"""The choices of links that may add one to the layer of that stage and number."""
Receives = Callable[[int, int, Picks], bool]
"""Whether a link is added to that layer."""


def end_rules(readings: Readings, domains: Domains) -> Iterator[Rule]:
    """What the stem, the downsamplings and the head accept."""
    widths = [readings.stage(stage, "channels") for stage in range(1, readings.stages + 1)]
    given, stem = readings.at(("input",)), readings.at(("stem",))

    def stem_fits(picks: Picks) -> bool:
        options, images, width = stem(picks), given(picks), widths[0](picks)
        if not isinstance(images, InputOptions) or not isinstance(width, int):
            return False
        return _fits(options, Site(images.channels, width))

    if not _silent([stem], domains):
        yield Rule(union([stem, given, widths[0]]), stem_fits, "the stem")
    for index in range(1, readings.stages):
        levels = (readings.stage(index + 1, "downsample"), readings.at(("downsample",)))

        def downsample_fits(picks: Picks, index: int = index, levels: tuple[Reading, ...] = levels) -> bool:
            options, before, after = given_first(levels, picks), widths[index - 1](picks), widths[index](picks)
            if not isinstance(before, int) or not isinstance(after, int):
                return False
            return _fits(options, Site(before, after))

        if not _silent(levels, domains):
            yield Rule(union([*levels, *widths[index - 1 : index + 1]]), downsample_fits, f"downsampling {index + 1}")
    if not _silent([readings.at(("head",))], domains):
        yield _head_rule(readings, widths)


def _silent(levels: Sequence[Reading], domains: Domains) -> bool:
    """Whether nothing that can stand at these levels has a condition on its place; wrong values are no concern here."""
    return all(
        type(options).problems is KindOptions.problems
        for level in levels
        for row in itertools.product(*(domains[choice] for choice in level.scope))
        if isinstance(options := level(dict(zip(level.scope, row, strict=True))), KindOptions)
    )


def _head_rule(readings: Readings, widths: Sequence[Reading]) -> Rule:
    head, norm = readings.at(("head",)), readings.at(("layer", "norm"))

    def head_fits(picks: Picks) -> bool:
        options = head(picks)
        maps = tuple(width for reading in widths if isinstance(width := reading(picks), int))
        own: object = norm(picks) or DEFAULT_NORM
        if not isinstance(options, HeadOptions) or len(maps) < len(widths) or not isinstance(own, str):
            return False
        tapped = options.reads_all_stages
        return _fits(options, site_of_head(maps, own, reads_all_stages=tapped))  # pyright: ignore[reportArgumentType]

    return Rule(union([head, norm, *widths]), head_fits, "the head")


def layer_rules(readings: Readings, domains: Domains, added: Added, receives: Receives) -> Iterator[Rule]:
    """What the mixers, fusions and FFNs accept, layer by layer."""
    for stage in range(1, readings.stages + 1):
        for layer in range(1, readings.deepest(stage) + 1):
            for slot in ("mixer", "ffn"):
                yield from _layer_rule(readings, domains, stage, layer, slot, (), None)
            yield from _layer_rule(readings, domains, stage, layer, "fusion", added(stage, layer), receives)


def _layer_rule(
    readings: Readings,
    domains: Domains,
    stage: int,
    layer: int,
    slot: Literal["mixer", "fusion", "ffn"],
    links: tuple[int, ...],
    receives: Receives | None,
) -> Iterator[Rule]:
    """The rule of one slot of one layer, where it has anything to say."""
    levels, mixers = readings.slot(stage, layer, slot), readings.slot(stage, layer, "mixer")
    channels, depth = readings.stage(stage, "channels"), readings.stage(stage, "depth")

    def accepted(picks: Picks) -> bool:
        width, mixer = channels(picks), given_first(mixers, picks)
        if not isinstance(width, int) or not isinstance(mixer, MixerOptions):
            return False
        out = mixer.projected(width) if slot == "fusion" else width
        options = given_first(levels, picks)
        if options is None and slot != "mixer":
            options = default_options(slot, KindOptions)
        return _fits(options, Site(width, out, number=layer, reduction=stage_reduction(readings.stages, stage - 1)))

    core = union([*levels, *mixers, channels])
    if _always(core, domains, accepted):
        return

    def allows(picks: Picks) -> bool:
        if not has_layer(readings, stage, layer, picks):
            return True
        return not _reads(picks) or accepted(picks)

    def _reads(picks: Picks) -> bool:
        return receives is None or receives(stage, layer, picks) or layer in placed_layers(readings, stage, picks)

    parts = [readings.stage(stage, key) for key in ("S", "ganglion")]
    scope = union([depth, *(parts if receives is not None else [])], core, links)
    yield Rule(scope, allows, f"the {slot} of layer {layer} in stage {stage}")


def _always(scope: tuple[int, ...], domains: Domains, holds: Callable[[Picks], bool]) -> bool:
    """Whether a condition holds for all combinations; False also where there are too many to try."""
    if math.prod(len(domains[choice]) for choice in scope) > MAX_TRIED:
        return False
    rows = itertools.product(*(domains[choice] for choice in scope))
    return all(holds(dict(zip(scope, row, strict=True))) for row in rows)


def given_first(levels: Sequence[Reading], picks: Picks) -> object:
    """The value at the narrowest level that has one."""
    return next((value for level in levels if (value := level(picks)) is not None), None)


def _fits(options: object, site: Site) -> bool:
    """Whether these are options that have nothing to say against the site."""
    if not isinstance(options, KindOptions):
        return False
    if type(options).problems is KindOptions.problems:
        return True
    return next(options.problems(site), None) is None
