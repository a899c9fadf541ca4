"""The report of one backbone, or of one beside another, as a page."""

from __future__ import annotations

import os

from sparx_dsl.html_report.comparison import compare
from sparx_dsl.html_report.cost_section import stage_prices
from sparx_dsl.html_report.diagram import connection_matrix, diagram
from sparx_dsl.html_report.lifetimes import lifetimes
from sparx_dsl.html_report.overview import amounts, sentences
from sparx_dsl.html_report.page import render_page, write_page
from sparx_dsl.html_report.spec_section import resolved_rows
from sparx_dsl.html_report.training import training
from sparx_dsl.html_report.treemap import treemaps
from sparx_dsl.html_report.words import GLOSSARY
from sparx_dsl.language.spec import dump_spec
from sparx_dsl.pricing import Cost


def write_report(cost: Cost, path: str | os.PathLike[str], against: Cost | None = None) -> None:
    """Write the page of a priced backbone, complete or not at all; raises ``SparxError`` (SPX580, SPX502)."""
    write_page(path, backbone_page(cost, against))


def backbone_page(cost: Cost, against: Cost | None = None) -> str:
    """The page as text: HTML that refers to nothing outside itself."""
    schedule = cost.schedule
    graph = schedule.graph
    stages = stage_prices(cost)
    title = graph.spec.name if against is None else f"{graph.spec.name} and {against.schedule.graph.spec.name}"
    return render_page("backbone.html", title, {
        "name": graph.spec.name,
        "schedule": schedule,
        "sentences": sentences(cost),
        "amounts": amounts(cost),
        "comparison": None if against is None else compare(against, cost),
        "diagram": diagram(graph),
        "matrix": connection_matrix(graph),
        "running": {row.node for row in cost.rows},
        "other_diagram": None if against is None else diagram(against.schedule.graph),
        "stages": stages,
        "whole": cost.whole,
        "treemaps": treemaps(stages),
        "lifetimes": lifetimes(schedule),
        "training": training(cost),
        "spec_text": dump_spec(graph.spec),
        "resolved": resolved_rows(graph, schedule.size),
        "glossary": GLOSSARY,
    })  # fmt: skip
