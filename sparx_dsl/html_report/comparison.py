"""An ablation explained: what differs between two backbones, and what that costs or saves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from sparx_dsl.graph import ConnectionGraph
from sparx_dsl.html_report.overview import KIND_WORDS, Unit, amounts, listed, plural
from sparx_dsl.html_report.spec_section import ResolvedRow, resolved_rows
from sparx_dsl.pricing import Cost
from sparx_dsl.render import difference_listing
from sparx_dsl.render.labels import stage_heading


@dataclass(frozen=True, slots=True)
class Change:
    """A figure of both backbones, and the difference: the second less the first."""

    name: str
    unit: Unit
    before: int
    after: int

    @property
    def difference(self) -> int:
        """How much more the second has."""
        return self.after - self.before

    @property
    def percent(self) -> str:
        """The difference in percent of the first, with its sign; a dash where that is nothing."""
        if not self.before or not self.difference:
            return "–"
        percent = 100 * self.difference / self.before
        return f"{'+' if percent > 0 else '−'}{abs(percent):.2f} %"


@dataclass(frozen=True, slots=True)
class StagePrices:
    """How the parameters, MACs and saved bytes of a stage differ; of one that only one backbone has, from nothing."""

    heading: str
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that differs: added, removed, changed or renamed."""

    change: str
    text: str


@dataclass(frozen=True, slots=True)
class StageChange:
    """A resolved value of a stage in both backbones, as text."""

    stage: str
    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs, in sentences, in figures, stage by stage, and one by one."""

    before: str
    after: str
    sentences: tuple[str, ...]
    stages: tuple[StageChange, ...]
    by_stage: tuple[StagePrices, ...]
    changes: tuple[Change, ...]
    connections: tuple[Change, ...]
    lines: tuple[Line, ...]


MEANINGS: Final[Mapping[str, str]] = {
    "S": "every S-th layer is a ganglion layer",
    "M": "how many of the closest preceding ganglion layers a ganglion layer reads",
    "cross-stage": "whether ganglion layers read the feature of the stage before",
    "intra": "which normal layers a ganglion layer reads",
    "depth": "the number of layers", "channels": "the width of maps",
}  # fmt: skip
"""What the values of a stage are, of which a sentence says how they differ."""
MOST_SAID = 4
"""Values of stages of which sentences say how they differ."""
COMPARED = (
    ("Parameters", "parameters", ("more", "fewer", "as many")),
    ("MACs", "MACs", ("more", "fewer", "as many")),
    ("Peak memory", "peak memory", ("more", "less", "the same")),
    ("Saved bytes", "saved bytes in training", ("more", "fewer", "as many")),
)
"""The figures that a sentence compares: the name, what the sentence calls it, its words for more, less and equal."""


def compare(before: Cost, after: Cost) -> Comparison:
    """What differs between two backbones, the second seen from the first.

    Parameters, MACs and FLOPs are for one image, bytes for the batches of their schedules.
    """
    old, new = before.schedule.graph, after.schedule.graph
    pairs = zip(amounts(before), amounts(after), strict=True)
    changes = tuple(Change(first.name, first.unit, first.value, second.value) for first, second in pairs)
    kinds = tuple(Change(f"{word}s", "count", old.count(kind), new.count(kind)) for kind, word in KIND_WORDS.items())
    rows = difference_listing(old, new).as_json()["changes"]
    lines = tuple(Line(row["change"], f"{row['what']}: {row['how']}" if row["how"] else row["what"]) for row in rows)
    stages = tuple(_stages(before, after))
    return Comparison(
        old.spec.name,
        new.spec.name,
        sentences=(*_causes(old.spec.name, new.spec.name, stages), *_sentences(old, new, changes)),
        stages=stages,
        by_stage=tuple(_by_stage(before, after)),
        changes=changes,
        connections=tuple(kind for kind in kinds if kind.before or kind.after),
        lines=lines,
    )


def _causes(before: str, after: str, stages: tuple[StageChange, ...]) -> Iterator[str]:
    """What was changed in the stages, and what that means."""
    said = [change for change in stages if change.name in MEANINGS]
    for change in said[:MOST_SAID]:
        yield (
            f"In {change.stage}, {change.name} ({MEANINGS[change.name]}) is {change.after} in {after} "
            f"and {change.before} in {before}."
        )
    if len(said) > MOST_SAID:
        yield f"{plural(len(said) - MOST_SAID, 'more value')} of stages differ; the table below has all."
    if any(change.name == "layers" for change in stages):
        yield (
            "What layers are made of differs too, as the table below says."
            if said
            else ("They differ in what layers are made of, as the table below says.")
        )


def _sentences(old: ConnectionGraph, new: ConnectionGraph, changes: tuple[Change, ...]) -> Iterator[str]:
    found = {change.name: change for change in changes}
    layers = len(old.layers()), len(new.layers())
    names = new.spec.name, old.spec.name
    if layers[0] == layers[1]:
        yield f"Both {names[0]} and {names[1]} have {plural(layers[0], 'layer')}."
    else:
        yield f"{names[0]} has {plural(layers[1], 'layer')}, {names[1]} has {layers[0]}."
    ganglion, read = found["Ganglion layers"], found["Connections"]
    yield (
        f"In {names[0]}, {plural(ganglion.after, 'ganglion layer')} read {plural(read.after, 'feature')}; "
        f"in {names[1]}, {plural(ganglion.before, 'ganglion layer')} read {plural(read.before, 'feature')}."
    )
    compared = [_compared(found[name], noun, words) for name, noun, words in COMPARED]
    yield f"Compared with {names[1]}, {names[0]} has {listed(compared)}."


def _compared(change: Change, noun: str, words: tuple[str, str, str]) -> str:
    more, less, same = words
    if not change.difference:
        return f"{same} {noun}"
    word = more if change.difference > 0 else less
    return f"{change.percent.lstrip('+−')} {word} {noun}" if change.before else f"{word} {noun}"


def _stages(before: Cost, after: Cost) -> Iterator[StageChange]:
    """The resolved values of each stage that both have and that differ, those of layers too."""
    rows = [resolved_rows(cost.schedule.graph, cost.schedule.size) for cost in (before, after)]
    for old, new in zip(*rows, strict=False):
        fields = (
            ("channels", str(old.channels), str(new.channels)), ("map", old.map_size, new.map_size),
            ("depth", str(old.depth), str(new.depth)), ("S", old.stride, new.stride),
            ("ganglion layers", old.ganglion, new.ganglion),
            ("M", old.window, new.window), ("cross-stage", old.cross_stage, new.cross_stage),
            ("intra", old.intra, new.intra), ("layers", _layers(old), _layers(new)),
        )  # fmt: skip
        yield from (StageChange(new.heading, name, was, now) for name, was, now in fields if was != now)


def _by_stage(before: Cost, after: Cost) -> Iterator[StagePrices]:
    """The differences of prices by stage, the stem with the first and the head with the last."""
    headings = dict[int, str]()
    for cost in (before, after):
        headings |= {row.stage: stage_heading(cost.schedule.graph, row.stage) for row in cost.rows}
    for stage in sorted(headings):
        old, new = (_prices(cost, stage) for cost in (before, after))
        changes = tuple(Change(name, unit, was, now) for (name, unit, was), (_, _, now) in zip(old, new, strict=True))
        yield StagePrices(headings[stage], changes)


def _prices(cost: Cost, stage: int) -> tuple[tuple[str, Unit, int], ...]:
    rows = [row for row in cost.rows if row.stage == stage]
    return (
        ("Parameters", "count", sum(row.params for row in rows)),
        ("MACs", "count", sum(row.macs for row in rows)),
        ("Saved bytes", "bytes", sum(row.saved_bytes for row in rows)),
    )


def _layers(row: ResolvedRow) -> str:
    return " | ".join(f"{layers}: {text}" for layers, text in row.layers)
