"""A treemap: every part of a backbone as a rectangle whose area is its share, within its layer, within its stage.

Rectangles are kept near squares by the algorithm of Bruls, Huizing and van Wijk 2000.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sparx_dsl.html_report.cost_section import NodePrice, StagePrice
from sparx_dsl.pricing import CostRow

WIDTH, HEIGHT = 960.0, 420.0
HEADING = 16.0
"""Height of a stage's heading."""
GAP = 3.0
LETTER = 5.6
"""About the width of a letter of a label."""

Side = tuple[float, float, float, float]
"""A rectangle: left, top, width, height."""


@dataclass(frozen=True, slots=True)
class Tile:
    """A rectangle of the map; a stage's, a node's (``part`` is empty) or a part's, with its amount."""

    level: str
    node: str
    part: str
    amount: int
    x: float
    y: float
    width: float
    height: float
    label: str


@dataclass(frozen=True, slots=True)
class Treemap:
    """The tiles for one measure, and the sum of it."""

    name: str
    title: str
    unit: str
    total: int
    tiles: tuple[Tile, ...]


Amount = Callable[[CostRow], int]
MEASURES: tuple[tuple[str, str, str, Amount], ...] = (
    ("macs", "MACs", "count", lambda row: row.macs),
    ("params", "Parameters", "count", lambda row: row.params),
    ("saved", "Saved bytes", "bytes", lambda row: row.saved_bytes),
)


def treemaps(stages: Sequence[StagePrice]) -> tuple[Treemap, ...]:
    """A map for each measure: MACs, parameters, and the bytes that training saves."""
    return tuple(
        Treemap(name, title, unit, sum(amount(stage.total) for stage in stages), tuple(_stages(stages, amount)))
        for name, title, unit, amount in MEASURES
    )


def squarify(amounts: Sequence[float], side: Side) -> list[Side]:
    """A rectangle for each amount, in order, that fill the given one; amounts are positive and fall."""
    x, y, width, height = side
    scale = width * height / (sum(amounts) or 1.0)
    left, found = [amount * scale for amount in amounts], list[Side]()
    while left:
        short = min(width, height)
        count = 1
        while count < len(left) and _worst(left[: count + 1], short) <= _worst(left[:count], short):
            count += 1
        row, left = left[:count], left[count:]
        thick = sum(row) / short if short else 0.0
        along = y if width >= height else x
        for area in row:
            long = area / thick if thick else 0.0
            found.append((x, along, thick, long) if width >= height else (along, y, long, thick))
            along += long
        if width >= height:
            x, width = x + thick, max(0.0, width - thick)
        else:
            y, height = y + thick, max(0.0, height - thick)
    return found


def _worst(areas: Sequence[float], short: float) -> float:
    """The most that a rectangle of a row is longer than wide, where the row lies along a side of that length."""
    total = sum(areas)
    if not short or not total or not min(areas):
        return float("inf")
    return max(short**2 * max(areas) / total**2, total**2 / (short**2 * min(areas)))


def _stages(stages: Sequence[StagePrice], amount: Amount) -> Iterator[Tile]:
    present = sorted((stage for stage in stages if amount(stage.total)), key=lambda one: -amount(one.total))
    sides = squarify([amount(stage.total) for stage in present], (0.0, 0.0, WIDTH, HEIGHT))
    for stage, side in zip(present, sides, strict=True):
        inner = _inset(side, GAP, HEADING)
        yield _tile("stage", stage.heading, "", amount(stage.total), _inset(side, GAP / 2, 0.0), stage.heading)
        yield from _nodes(stage.nodes, amount, inner)


def _nodes(nodes: Sequence[NodePrice], amount: Amount, within: Side) -> Iterator[Tile]:
    present = sorted((node for node in nodes if amount(node.total)), key=lambda one: -amount(one.total))
    sides = squarify([amount(node.total) for node in present], within)
    for node, side in zip(present, sides, strict=True):
        inner = _inset(side, GAP / 3, 0.0)
        parts = sorted((row for row in node.parts if amount(row)), key=lambda row: -amount(row))
        short = node.name.rpartition(".")[2].removeprefix("layer")
        for number, (row, place) in enumerate(zip(parts, squarify([amount(row) for row in parts], inner), strict=True)):
            label = f"{short} {row.part}" if number == 0 and row.part != short else row.part
            yield _tile("part", node.name, row.part, amount(row), place, label)


def _inset(side: Side, gap: float, heading: float) -> Side:
    x, y, width, height = side
    return (x + gap, y + gap + heading, max(0.0, width - 2 * gap), max(0.0, height - 2 * gap - heading))


def _tile(level: str, node: str, part: str, amount: int, side: Side, label: str) -> Tile:
    """A tile, whose label is left out where there is no room for it."""
    x, y, width, height = (round(value, 1) for value in side)
    fits = width > LETTER * len(label) + 4 and height > 12
    return Tile(level, node, part, amount, x, y, width, height, label if fits else "")
