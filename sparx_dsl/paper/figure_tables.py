"""A paper's figures beside our counts as tables: what programs read, and what people do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from sparx_dsl.paper.backbone_figures import Comparison
from sparx_dsl.paper.resolution_figures import ResolutionComparison
from sparx_dsl.paper.throughput_figures import REFERENCES, Throughput
from sparx_dsl.render.listing import Field, Table, Value


@dataclass(frozen=True, slots=True)
class Group:
    """Models of one table: what it is called in JSON, the size of the images (height, width), decimals of MACs."""

    name: str
    size: tuple[int, int]
    decimals: int
    rows: tuple[Comparison, ...]


def _millions(params: int) -> str:
    return f"{params / 1e6:.2f} M"


def _billions(decimals: int) -> Callable[[int], str]:
    return lambda macs: f"{macs / 1e9:.{decimals}f} G"


def _percent(part: float) -> str:
    return f"{part:+.2%}"


def _size(size: tuple[int, int]) -> str:
    return " × ".join(map(str, size))


def _digit(counts: tuple[str, ...]) -> str:
    return ", ".join(counts) or "no"


def _yes(matches: bool) -> str:
    return "yes" if matches else "no"


PRINTED_PARAMS: Final = Field("params_printed", "params, printed", "{} M".format, True)
PRINTED_MACS: Final = Field("macs_printed", "MACs, printed", "{} G".format, True)
PARAMS: Final = Field("params", "params, ours", _millions, True)
PARAMS_DIFFERENCE: Final = Field("params_difference", "difference", _percent, True)
SOURCE: Final = Field("source", "source")
NOTE: Final = Field("note", "note")


def model_fields(decimals: int) -> tuple[Field, ...]:
    """The columns of models, billions of MACs with so many decimals."""
    return (
        Field("group", "group"), Field("name", "model"), Field("table", "table"), Field("size", "image", _size),
        PRINTED_PARAMS, PARAMS, PARAMS_DIFFERENCE,
        PRINTED_MACS, Field("macs", "MACs, ours", _billions(decimals), True),
        Field("macs_difference", "difference", _percent, True),
        Field("fvcore_macs", "MACs, fvcore", _billions(decimals), True),
        Field("digits", "to the digit", _digit), Field("matches", "matches", _yes), SOURCE, NOTE,
    )  # fmt: skip


RESOLUTION_FIELDS: Final = (
    Field("name", "model"), Field("size", "image", _size, True), Field("window", "window", number=True, absent=""),
    PRINTED_MACS, Field("fvcore_macs", "MACs, fvcore", _billions(2), True),
    Field("macs", "MACs, ours", _billions(2), True), Field("matches", "to the digit", _yes),
    PRINTED_PARAMS, PARAMS, PARAMS_DIFFERENCE, SOURCE, NOTE,
)  # fmt: skip


THROUGHPUT_FIELDS: Final = (
    Field("name", "model"), Field("table", "table"), Field("size", "image", _size, True),
    Field("batch", "batch", number=True), Field("images_printed", "images/s", number=True),
    *(Field(f"over_{name}", f"over {name}", "{:.2f}".format, True, "") for name in REFERENCES),
    Field("memory_printed", "memory, MB", number=True, absent=""),
)  # fmt: skip

APART: Final = ("group", "size", "source", "note")
"""What is said beside the tables that people read."""
PARAMS_KEYS: Final = ("name", "params_printed", "params", "params_difference")


def models_table(groups: Iterable[Group], decimals: int = 3) -> Table:
    """A row for each model of each group."""
    return Table("models", model_fields(decimals), tuple(row for group in groups for row in _models(group)))


def shown_models(group: Group) -> Table:
    """The table of one group as people read it."""
    return models_table([group], group.decimals).without(*APART)


def resolutions_table(rows: Iterable[ResolutionComparison]) -> Table:
    """A row for each backbone at each size."""
    return Table("resolutions", RESOLUTION_FIELDS, tuple(map(_resolution, rows)))


def shown_resolutions(table: Table) -> Table:
    """The MACs at all sizes as people read them."""
    return table.without(*PARAMS_KEYS[1:], "source", "note")


def shown_params(table: Table) -> Table:
    """The parameters of each backbone, once."""
    params = table.only(*PARAMS_KEYS)
    return replace(params, rows=tuple(dict.fromkeys(params.rows)))


def throughput_table(figures: Iterable[Throughput]) -> Table:
    """A row for each backbone of each table and size: printed images a second, and their ratios to the references."""
    rows = [
        (name, one.table, (one.size, one.size), one.batch, speed.images,
         *(_ratio(speed.images, each.printed(reference, one.size)) for reference in REFERENCES), speed.memory)
        for each in figures for one in each.measurements for name, speed in one.models.items()
    ]  # fmt: skip
    return Table("throughput", THROUGHPUT_FIELDS, tuple(rows))


def _ratio(images: int, reference: int | None) -> float | None:
    return None if reference is None else images / reference


def _models(group: Group) -> Iterator[tuple[Value, ...]]:
    for row in group.rows:
        printed = row.row
        yield (
            group.name, row.name, printed.table, group.size, printed.params, row.params, row.params_difference,
            printed.macs, row.macs, row.macs_difference, row.fvcore_macs, row.rounding,
            row.params_match and row.macs_match, printed.source, printed.note,
        )  # fmt: skip


def _resolution(row: ResolutionComparison) -> tuple[Value, ...]:
    difference = row.params / (float(row.printed_params) * 1e6) - 1
    return (
        row.name, (row.side, row.side), row.window, row.printed, row.fvcore_macs, row.macs, row.matches,
        row.printed_params, row.params, difference, row.source, row.note,
    )  # fmt: skip
