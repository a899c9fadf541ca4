"""Which widths the kinds accept, by their own word: stems, downsamplings and heads, mixers, FFNs and fusions."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sparx_dsl.language.base import KindOptions, NormName, Site
from sparx_dsl.language.kind_options import problems_of
from sparx_dsl.language.models import InputOptions
from sparx_dsl.language.resolve import Chosen, KindSlot, rule_of, site_of_head
from sparx_dsl.language.roles import HeadOptions, Role
from sparx_dsl.registry import default_registry
from sparx_dsl.search.constraints.constraint import Constraint, Domains, scope_of
from sparx_dsl.search.constraints.effort import Effort
from sparx_dsl.search.constraints.link_constraints import LinkConstraints
from sparx_dsl.search.space.choices import Assignment
from sparx_dsl.search.space.spec_keys import INVALID, SpecKey, SpecKeys, given_first

MAX_TRIED = 50_000
"""Combinations that are tried to see whether a constraint refuses any."""
SITE_STEPS = 5
"""To ask a kind about one place."""
FIRST_STEPS = 16
"""To look at a kind for the first time, for which its options are laid over the base and checked."""


def end_constraints(keys: SpecKeys, domains: Domains) -> Iterator[Constraint]:
    """What the stem, the downsamplings and the head accept."""
    widths = [keys.stage(stage, "channels") for stage in range(1, keys.stages + 1)]
    images, norm = keys.at(("input",)), keys.at(("layer", "norm"))
    yield from _end_constraint("stem", [keys.at(("stem",))], [images, widths[0]], _stem_site, domains)
    for stage, around in enumerate(itertools.pairwise(widths), start=2):
        yield from _end_constraint("downsample", keys.downsamples(stage), around, _downsample_site, domains)
    yield from _end_constraint("head", [keys.at(("head",))], [norm, *widths], _head_site, domains)


def _stem_site(stem: KindOptions, images: InputOptions, width: int) -> Site:
    return Site(images.channels, width, image=images.size)


def _downsample_site(downsample: KindOptions, before: int, after: int) -> Site:
    return Site(before, after)


def _head_site(head: HeadOptions, norm: NormName | None, *widths: int) -> Site:
    return site_of_head(widths, norm, reads_all_stages=head.reads_all_stages)


def _end_constraint(
    role: Role, levels: Sequence[SpecKey], around: Sequence[SpecKey], site: Callable[..., Site], domains: Domains
) -> Iterator[Constraint]:
    """That of the kind which the narrowest of these levels gives, where one that can stand there has conditions.

    ``site`` makes the kind's place of its options and of the values of the keys around it.
    """

    def holds(assignment: Assignment) -> bool:
        options, values = given_first(levels, assignment), [key(assignment) for key in around]
        if options is None or INVALID in (options, *values):
            return False
        return not any(problems_of(role, options, site(options, *values)))

    if any(_has_conditions(level, domains) for level in levels):
        yield Constraint(scope_of([*levels, *around]), holds, SITE_STEPS)


def _has_conditions(level: SpecKey, domains: Domains) -> bool:
    """Whether a kind at that level may have conditions; True also where there are too many to look at."""
    if math.prod(len(domains[choice]) for choice in level.scope) > MAX_TRIED:
        return True
    found = (level.at_row(row) for row in _rows(level.scope, domains))
    return any(isinstance(options, KindOptions) and options.has_conditions() for options in found)


def layer_constraints(keys: SpecKeys, domains: Domains, links: LinkConstraints, effort: Effort) -> Iterator[Constraint]:
    """What the mixers, FFNs and fusions accept, layer by layer."""
    fits = _FitsAlways(domains, effort)
    for stage in range(1, keys.stages + 1):
        for layer in range(1, keys.deepest(stage) + 1):
            yield from _layer_constraint(keys, fits, stage, layer, "mixer")
            yield from _layer_constraint(keys, fits, stage, layer, "ffn")
            yield from _layer_constraint(keys, fits, stage, layer, "fusion", links)


def _layer_constraint(
    keys: SpecKeys, fits: _FitsAlways, stage: int, layer: int, slot: KindSlot, links: LinkConstraints | None = None
) -> Iterator[Constraint]:
    """That of one slot of one layer, where it refuses anything.

    With ``links`` it is asked only where the layer reads features.
    """
    kind = _LayerKind(
        slot, keys.slot(stage, layer, slot), keys.slot(stage, layer, "mixer"), keys.stage(stage, "channels"),
        keys.reduction(stage), layer,
    )  # fmt: skip
    if fits.always(kind):
        return
    depth, stride, named = (keys.stage(stage, key) for key in ("depth", "S", "ganglion"))
    linking = () if links is None else links.choices_to(stage, layer)

    def is_asked(assignment: Assignment) -> bool:
        if not keys.has_layer(stage, layer, assignment):
            return False
        if links is None:
            return True
        placement = depth(assignment), stride(assignment), None, named(assignment)
        placed = INVALID not in placement and layer in rule_of(*placement).ganglion
        return placed or links.adds_to(stage, layer, linking, assignment)

    def holds(assignment: Assignment) -> bool:
        return not is_asked(assignment) or kind.fits(assignment)

    around = [depth] if links is None else [depth, stride, named, links.written]
    yield Constraint(scope_of(around, kind.scope, linking), holds, SITE_STEPS)


@dataclass(frozen=True, slots=True)
class _LayerKind:
    """What can stand in one slot of one layer, and what its place depends on."""

    slot: KindSlot
    levels: tuple[SpecKey, ...]
    mixers: tuple[SpecKey, ...]
    width: SpecKey
    reduction: SpecKey
    layer: int

    @property
    def scope(self) -> tuple[int, ...]:
        """The choices that decide whether the kind fits."""
        return scope_of([*self.levels, *self.mixers, self.width, self.reduction])

    def alike(self, *, numbered: bool) -> tuple[object, ...]:
        """Equal for layers in which the same is tried: what no choice decides counts by its value.

        The layer's number counts where kinds are ``numbered``.
        """
        levels = (self.levels, self.mixers, (self.width, self.reduction))
        found = tuple(tuple(key.at_row(()) if not key.scope else id(key) for key in one) for one in levels)
        return self.slot, self.layer if numbered else None, found

    def fits(self, assignment: Assignment) -> bool:
        """Whether the kind has nothing against its place."""
        values = {"mixer": given_first(self.mixers, assignment), self.slot: given_first(self.levels, assignment)}
        width, reduction, chosen = self.width(assignment), self.reduction(assignment), Chosen(values)
        options = chosen.kind_options(self.slot)
        if options is None or chosen.mixer is None or INVALID in (width, reduction, *values.values()):
            return False
        return not any(problems_of(self.slot, options, chosen.site(self.slot, width, self.layer, reduction)))


class _FitsAlways:
    """Whether kinds fit whatever is chosen, tried once for all layers that have the same levels."""

    def __init__(self, domains: Domains, effort: Effort) -> None:
        self._domains, self._effort = domains, effort
        self._known: dict[tuple[object, ...], bool] = {}
        self._numbered: dict[tuple[object, ...], bool] = {}

    def always(self, kind: _LayerKind) -> bool:
        """Whether it fits for all combinations; False also where there are too many to try."""
        alike = kind.alike(numbered=self._is_numbered(kind))
        if alike not in self._known:
            count = math.prod(len(self._domains[choice]) for choice in kind.scope)
            tried = count <= MAX_TRIED and self._effort.allows(count * SITE_STEPS)
            self._known[alike] = tried and self._tries(kind)
        return self._known[alike]

    def _is_numbered(self, kind: _LayerKind) -> bool:
        """Whether what a kind has against its place may depend on the layer's number; True where there are many."""
        levels = (kind.slot, *map(id, kind.levels))
        if levels not in self._numbered:
            count = sum(math.prod(len(self._domains[choice]) for choice in level.scope) for level in kind.levels)
            tried = count <= MAX_TRIED and self._effort.allows(count * FIRST_STEPS)
            self._numbered[levels] = not tried or self._may_be_numbered(kind)
        return self._numbered[levels]

    def _may_be_numbered(self, kind: _LayerKind) -> bool:
        found = (level.at_row(row) for level in kind.levels for row in _rows(level.scope, self._domains))
        kinds = default_registry()
        return any(isinstance(options, KindOptions) and kinds.of(kind.slot, options).numbered for options in found)

    def _tries(self, kind: _LayerKind) -> bool:
        return all(kind.fits(dict(zip(kind.scope, row, strict=True))) for row in _rows(kind.scope, self._domains))


def _rows(scope: tuple[int, ...], domains: Domains) -> Iterator[tuple[int, ...]]:
    return itertools.product(*(domains[choice] for choice in scope))
