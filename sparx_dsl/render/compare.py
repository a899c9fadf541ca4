"""Backbones side by side: what each costs and how it is connected, with the difference to the first."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sparx_dsl.errors import Code, Diagnostic, SparxError, did_you_mean, quoted
from sparx_dsl.graph import ConnectionGraph
from sparx_dsl.language.dtypes import DType
from sparx_dsl.reader.quantities import read_quantity
from sparx_dsl.render.compared_prices import MEASURES, ratio, shown_amount, totals
from sparx_dsl.render.listing import Field, Line, Listing, Table, Value
from sparx_dsl.render.scatter import Panel, scatter
from sparx_dsl.render.tables import LINK_KINDS
from sparx_dsl.render.units import signed_percent

STRUCTURE: Final = {"layers": "Layers", "ganglion_layers": "Ganglion layers", **LINK_KINDS}
"""What is counted of a connection graph, and the headings."""
AMOUNTS: Final = (*MEASURES, *STRUCTURE)
SHORT: Final = {"peak": "peak_bytes", "saved": "saved_bytes", "ganglion": "ganglion_layers"}
"""Other names of amounts, which tables and budgets have."""
RELATIONS: Final[Mapping[str, Callable[[int, int], bool]]] = {
    "<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt, "=": operator.eq
}  # fmt: skip
CONDITION: Final = re.compile(r"\s*(\w+)\s*(<=|>=|<|>|=)\s*(.+?)\s*")


@dataclass(frozen=True, slots=True)
class Backbone:
    """A backbone that is compared: its name, where it was read from, and its amounts by ``AMOUNTS``."""

    name: str
    source: str | None
    amounts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Condition:
    """What an amount must satisfy for a backbone to be listed."""

    amount: str
    relation: str
    value: int

    def holds(self, backbone: Backbone) -> bool:
        """Whether a backbone is listed."""
        return RELATIONS[self.relation](backbone.amounts[self.amount], self.value)


def measured(
    graph: ConnectionGraph,
    source: str | None = None,
    size: tuple[int, int] | None = None,
    batch: int = 1,
    dtype: DType = "float32",
) -> Backbone:
    """A backbone with its amounts: counts for one image, bytes for the batch; raises what ``cost`` raises."""
    layers = graph.layers()
    counted = {"layers": len(layers), "ganglion_layers": sum(layer.ganglion for layer in layers)}
    links = {kind: graph.count(kind) for kind in LINK_KINDS}
    return Backbone(graph.spec.name, source, {**totals(graph, size, batch, dtype), **counted, **links})


def amount_name(text: str, code: str) -> str:
    """The amount that a word names; raises ``SparxError`` with that code for any other word."""
    name = SHORT.get(text, text)
    if name not in AMOUNTS:
        known = ", ".join(AMOUNTS)
        guess = did_you_mean(text, [*AMOUNTS, *SHORT])
        raise SparxError(Diagnostic(code, f"unknown amount {quoted(text)}", help=guess or f"the amounts are {known}"))
    return name


def read_condition(text: str) -> Condition:
    """The condition that a text such as ``macs<5G`` states; raises ``SparxError`` (SPX525)."""
    found = CONDITION.fullmatch(text)
    if found is None:
        advice = "write an amount, a relation and a value, as in macs<5G or peak<=2MiB"
        raise SparxError(Diagnostic(Code.INVALID_CONDITION, f"invalid condition {quoted(text)}", help=advice))
    name = amount_name(found[1], Code.INVALID_CONDITION)
    value = read_quantity(found[3], of_bytes=name.endswith("bytes"))
    if value is None:
        advice = "write bytes such as 2MiB" if name.endswith("bytes") else "write a number such as 5.2G"
        message = f"invalid amount {quoted(found[3])} in the condition {quoted(text)}"
        raise SparxError(Diagnostic(Code.INVALID_CONDITION, message, help=advice))
    return Condition(name, found[2], value)


def compare_listing(
    backbones: Sequence[Backbone], sort: str | None = None, conditions: Sequence[Condition] = ()
) -> Listing:
    """A row for each backbone that satisfies all conditions, with the difference of its prices to the first's.

    ``sort`` names an amount, least first, or with a hyphen before it most first. Text has three decimals; JSON and CSV
    have exact integers. Raises ``SparxError`` (SPX524) for an unknown amount, and where nothing satisfies the
    conditions (SPX525).
    """
    first = backbones[0]
    listed = [one for one in backbones if all(condition.holds(one) for condition in conditions)]
    if not listed:
        closest = ", ".join(f"{condition.amount} {condition.relation} {condition.value}" for condition in conditions)
        message = f"none of {len(backbones)} backbones satisfies {closest}"
        raise SparxError(Diagnostic(Code.INVALID_CONDITION, message, help="write a wider condition"))
    if sort is not None:
        name = amount_name(sort.removeprefix("-"), Code.UNKNOWN_AMOUNT)
        listed.sort(key=lambda one: one.amounts[name], reverse=sort.startswith("-"))
    several = len({one.name for one in backbones}) < len(backbones)
    label = Field("name", "Name")
    rows = [(one.name, one.source, *_prices(one, first), *(one.amounts[key] for key in STRUCTURE)) for one in listed]
    table = Table("backbones", (label, Field("source", "File", absent=""), *_price_fields(), *_counts()), tuple(rows))
    names = ("name", "source") if several else ("name",)
    *short, last = ((measure, f"{measure}_ratio") for measure in MEASURES)
    # In two tables, each of which fits the terminal.
    prices = table.only(*names, *(key for pair in short for key in pair))
    structure = table.only(*names, *last, *STRUCTURE)
    sentence = Line(f"Differences are to {first.name}.")
    return Listing("sparx.compare", {"first": first.name}, (table,), (prices, structure, sentence))


def _price_fields() -> tuple[Field, ...]:
    fields: list[Field] = []
    for measure, heading in MEASURES.items():
        title = heading if heading[0].isupper() else heading.capitalize()
        show = _bytes if measure.endswith("bytes") else _count
        fields += [Field(measure, title, show, True), Field(f"{measure}_ratio", "", signed_percent, True)]
    return tuple(fields)


def _count(amount: int) -> str:
    return shown_amount("params", amount)


def _bytes(amount: int) -> str:
    return shown_amount("peak_bytes", amount)


def _counts() -> tuple[Field, ...]:
    return tuple(Field(key, heading, number=True) for key, heading in STRUCTURE.items())


def _prices(one: Backbone, first: Backbone) -> list[Value]:
    found: list[Value] = []
    for measure in MEASURES:
        found += [one.amounts[measure], ratio(one.amounts[measure], first.amounts[measure])]
    return found


def front_picture(backbones: Sequence[Backbone], across: str, upward: str) -> str:
    """An SVG text: two amounts of every backbone, less of both being better, and the Pareto front.

    Raises ``SparxError`` (SPX524) for an unknown amount.
    """
    keys = [amount_name(text, Code.UNKNOWN_AMOUNT) for text in (across, upward)]
    dots = [(float(one.amounts[keys[0]]), float(one.amounts[keys[1]])) for one in backbones]
    front = [place for place, dot in enumerate(dots) if not any(_beats(other, dot) for other in dots)]
    titles = {**MEASURES, **STRUCTURE}
    of_bytes = [key.endswith("bytes") for key in keys]
    panel = Panel(
        titles[keys[0]], titles[keys[1]], tuple(dots), frozenset(front), frozenset(range(len(dots))),
        more_across=False, more_upward=False, bytes_across=of_bytes[0], bytes_upward=of_bytes[1],
        names=tuple(one.name for one in backbones),
    )  # fmt: skip
    return scatter([panel], f"{len(backbones)} backbones")


def _beats(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return one != other and one[0] <= other[0] and one[1] <= other[1]
