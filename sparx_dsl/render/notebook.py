"""What notebooks show of specs, graphs, schedules, costs, backbones: HTML without scripts, nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Protocol

from sparx_dsl.errors.escape import visible
from sparx_dsl.graph import ConnectionGraph, connect
from sparx_dsl.language.spec import Spec, dump_spec
from sparx_dsl.pricing import Cost, CostRow
from sparx_dsl.render.cost_tables import cost_table
from sparx_dsl.render.labels import stage_heading
from sparx_dsl.render.listing import Line, Listing, Table
from sparx_dsl.render.picture import make_picture
from sparx_dsl.render.units import binary_bytes, decimal_count, share
from sparx_dsl.schedule import Free, Schedule

BAR = "display:inline-block;height:0.7em;background:#0072b2;opacity:0.75"
"""The style of a bar whose length says how many bytes are held."""


@dataclass(frozen=True, slots=True)
class Markup:
    """HTML that stands in a cell as it is."""

    html: str


class CompiledModel(Protocol):
    """A module that was compiled from a spec, and whose ``repr`` lists its modules."""

    @property
    def spec(self) -> Spec:
        """The spec that it was compiled from."""
        ...


def spec_html(spec: Spec) -> str:
    """The connections of a spec, and its text to unfold."""
    return f"{graph_svg(connect(spec))}{details('YAML', dump_spec(spec))}"


def model_html(model: CompiledModel) -> str:
    """The connections of a backbone, its spec's text and its modules to unfold."""
    return f"{spec_html(model.spec)}{details('Modules', repr(model))}"


def graph_svg(graph: ConnectionGraph) -> str:
    """The picture of a graph."""
    return make_picture(graph).svg


def schedule_html(schedule: Schedule) -> str:
    """The bytes that are held at each step as bars, the peak and its bound, and the whole listing to unfold."""
    height, width = schedule.size
    heading = f"{schedule.graph.spec.name}: {height}×{width}, batch {schedule.batch}, {schedule.dtype}"
    at = f"peak {binary_bytes(schedule.peak_bytes)} at {schedule.peak_step.output}"
    found = f"{at}, bound {binary_bytes(schedule.bound_bytes)}"
    rows = [
        [step.output, binary_bytes(live), _bar(live, schedule.peak_bytes)]
        for step, live in zip(schedule.steps, schedule.live_bytes, strict=True)
        if not isinstance(step, Free)
    ]
    table = html_table(("Step", "Held while it runs", ""), rows)
    return (
        f"<p><b>{safe(heading)}</b><br>{safe(found)}</p>{unfolded('Steps', table)}{details('Listing', str(schedule))}"
    )


def cost_html(cost: Cost) -> str:
    """What each stage costs, the whole, and the table of nodes to unfold."""
    graph = cost.schedule.graph
    stages = dict.fromkeys(row.stage for row in cost.rows)
    rows = [_priced(stage_heading(graph, stage), cost.of_stage(stage), cost) for stage in stages]
    rows.append(_priced("total", cost.whole, cost))
    table = html_table(("", "Params", "", "MACs", "", "FLOPs", "Saved for backward"), rows)
    peak = f"<p>Peak feature memory: {binary_bytes(cost.peak_bytes)}</p>"
    return f"<p><b>{safe(graph.spec.name)}</b></p>{table}{peak}{details('Node by node', cost_table(cost))}"


def listing_html(listing: Listing) -> str:
    """The tables and lines that a listing shows, in their order."""
    return "".join(
        f"<div>{safe(part.text)}</div>" if isinstance(part, Line) else _table_html(part) for part in listing.shown
    )


def _table_html(table: Table) -> str:
    total = table.total_cells()
    rows = [*table.cells(), *([total] if total is not None else [])]
    return html_table([one.heading for one in table.fields], rows)


def html_table(headings: Sequence[str], rows: Iterable[Sequence[str | Markup]]) -> str:
    """A table whose cells are texts, shown letter for letter, or markup."""
    head = "".join(f"<th>{safe(heading)}</th>" for heading in headings)
    body = "".join(f"<tr>{''.join(f'<td>{_cell(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def details(title: str, text: str) -> str:
    """A text to unfold, in type of one width."""
    return unfolded(title, f"<pre>{chr(10).join(map(safe, text.splitlines()))}</pre>")


def unfolded(title: str, html: str) -> str:
    """HTML that is shown when its title is clicked."""
    return f"<details><summary>{safe(title)}</summary>{html}</details>"


def safe(text: str) -> str:
    """A text of one line as HTML that shows it letter for letter."""
    return escape(visible(text))


def _cell(cell: str | Markup) -> str:
    return cell.html if isinstance(cell, Markup) else safe(cell)


def _bar(part: int, whole: int) -> Markup:
    return Markup(f'<span style="{BAR};width:{12 * part / max(1, whole):.2f}em"></span>')


def _priced(name: str, row: CostRow, cost: Cost) -> list[str]:
    return [
        name, decimal_count(row.params), share(row.params, cost.params), decimal_count(row.macs),
        share(row.macs, cost.macs), decimal_count(row.flops), binary_bytes(row.saved_bytes),
    ]  # fmt: skip
