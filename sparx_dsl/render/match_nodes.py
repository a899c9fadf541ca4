"""Which node of one graph is which of another, where stages were renamed or moved and layers renumbered."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sparx_dsl.graph import ConnectionGraph, Node
from sparx_dsl.language.models import Stage
from sparx_dsl.language.resolve import stage_name

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Renamed:
    """A stage, or a run of layers, that has another name now."""

    before: str
    after: str
    several: bool = False

    def __str__(self) -> str:
        return f"{self.before} {'are' if self.several else 'is'} {self.after} now"


@dataclass(frozen=True)
class Match:
    """The new name of every node that is in both graphs, and what has another name."""

    names: dict[str, str]
    renamed: tuple[Renamed, ...]


def match_nodes(before: ConnectionGraph, after: ConnectionGraph) -> Match:
    """Match stages by the names that specs give them, the others in order; and the layers of matched stages in order.

    Where one side has fewer, they are matched with those of the other in the way that leaves the fewest changes, and
    among several such ways with the first ones. As many layers on both sides are the same layers, one by one.
    """
    old, new = ({node.name: node for node in graph.nodes} for graph in (before, after))
    names = {name: name for name, node in old.items() if node.role in ("stem", "head") and name in new}
    renamed: list[Renamed] = []
    for one, other in _stages(before, after):
        prefixes = stage_name(before.spec, one), stage_name(after.spec, other)
        if prefixes[0] != prefixes[1]:
            renamed.append(Renamed(*prefixes))
        downsamples = (f"{prefixes[0]}.downsample", f"{prefixes[1]}.downsample")
        if downsamples[0] in old and downsamples[1] in new:
            names[downsamples[0]] = downsamples[1]
        layers = before.layers(one + 1), after.layers(other + 1)
        pairs = aligned(layers[0], layers[1], _same_layer)
        names |= {layers[0][i].name: layers[1][j].name for i, j in pairs}
        renamed += _renumbered(prefixes, pairs)
    return Match(names, tuple(renamed))


def _stages(before: ConnectionGraph, after: ConnectionGraph) -> list[tuple[int, int]]:
    """The 0-based places of the stages that are the same."""
    old, new = before.spec.stages, after.spec.stages
    named = {stage.name: place for place, stage in enumerate(new) if stage.name}
    pairs = [(place, named[stage.name]) for place, stage in enumerate(old) if stage.name in named]
    left = [place for place in range(len(old)) if place not in {one for one, _ in pairs}]
    right = [place for place in range(len(new)) if place not in {other for _, other in pairs}]
    rest = aligned([old[place] for place in left], [new[place] for place in right], _same_stage)
    return sorted([*pairs, *((left[i], right[j]) for i, j in rest)])


def aligned(before: Sequence[Item], after: Sequence[Item], same: Callable[[Item, Item], bool]) -> list[tuple[int, int]]:
    """The places in two sequences of the items that belong together, in order: all items of the shorter one."""
    if len(before) > len(after):
        return [(i, j) for j, i in aligned(after, before, lambda one, other: same(other, one))]
    most = len(after) - len(before)
    # The fewest changes from item ``i`` on where ``skipped`` items of the longer one were left out before it.
    fewest = [[0] * (most + 1) for _ in range(len(before) + 1)]
    for i in reversed(range(len(before))):
        for skipped in reversed(range(most + 1)):
            here = fewest[i + 1][skipped] + (not same(before[i], after[i + skipped]))
            later = fewest[i][skipped + 1] if skipped < most else here
            fewest[i][skipped] = min(here, later)
    pairs: list[tuple[int, int]] = []
    skipped = 0
    for i in range(len(before)):
        while fewest[i][skipped] < fewest[i + 1][skipped] + (not same(before[i], after[i + skipped])):
            skipped += 1
        pairs.append((i, i + skipped))
    return pairs


def _same_stage(old: Stage, new: Stage) -> bool:
    return old.model_dump(exclude={"name"}) == new.model_dump(exclude={"name"})


def _same_layer(old: Node, new: Node) -> bool:
    return old.ganglion == new.ganglion and old.settings == new.settings


def _renumbered(prefixes: tuple[str, str], pairs: Sequence[tuple[int, int]]) -> Iterator[Renamed]:
    """The runs of layers whose numbers moved by the same amount."""
    run: list[tuple[int, int]] = []
    for pair in [*pairs, (-1, -1)]:
        if run and (pair[0] != run[-1][0] + 1 or pair[1] != run[-1][1] + 1):
            yield Renamed(*(_span(prefix, run[0][side], run[-1][side]) for side, prefix in enumerate(prefixes)),
                          several=len(run) > 1)  # fmt: skip
            run = []
        if pair[0] != pair[1]:
            run.append(pair)


def _span(prefix: str, first: int, last: int) -> str:
    numbers = f"{first + 1}" if first == last else f"{first + 1}–{last + 1}"
    return f"{prefix}.layer{numbers}"
