"""What notebooks show: markup that is well formed, without scripts, with the numbers that are so."""

from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Mapping
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

import sparx_dsl
from sparx_dsl.weights.report import LoadReport
from tests.support.dot import DEEP, FIGURE_2

SPEC = sparx_dsl.parse_spec(FIGURE_2)
VOID = {"br"}


class Reader(HTMLParser):
    """Elements as they open and close, and all text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.names: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element that opens."""
        self.names.add(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element that is empty."""
        self.names.add(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        """An element closes that opened last."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Gather text."""
        self.text += data


def read(html: str) -> Reader:
    """The elements and text of a piece of HTML in which everything closes, and nothing runs or is fetched."""
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == []
    assert not reader.names & {"script", "iframe", "link", "img", "object"}
    assert not [name for name, _ in reader.attributes if name.startswith("on") or name in ("href", "src")]
    return reader


def shown(value: Any) -> str:
    """What a notebook shows of a value."""
    return value._repr_html_()


def study() -> sparx_dsl.StudyResult:
    """Three trials of a space of the zoo by what they cost, one of which failed."""
    space = sparx_dsl.load_space("wide")
    points = [space.point(number) for number in range(3)]
    prices = [space.prices(point) for point in points]
    trials = [
        sparx_dsl.TrialRecord(number, "complete", point, (0.5 + number, float(price.macs)), prices=price,
                              choices=dict.fromkeys(point.picks, "<a>"))
        for number, (point, price) in enumerate(zip(points[:2], prices, strict=False))
    ]  # fmt: skip
    failed = sparx_dsl.TrialRecord(2, "failed", points[2])
    return sparx_dsl.StudyResult(space, ("accuracy", "macs"), ("maximize", "minimize"), (*trials, failed))


VALUES: Mapping[str, Callable[[], Any]] = {
    "spec": lambda: SPEC,
    "deep spec": lambda: sparx_dsl.parse_spec(DEEP),
    "schedule": lambda: sparx_dsl.plan(SPEC),
    "cost": lambda: sparx_dsl.cost(SPEC),
    "space": lambda: sparx_dsl.load_space("wide"),
    "comparison": lambda: sparx_dsl.compare([SPEC, "swin_t"]),
    "study": study,
    "difference": lambda: sparx_dsl.difference_listing(SPEC, "swin_t"),
}
"""What a notebook may be given to show, made when a test asks for it."""


@pytest.mark.parametrize("name", VALUES)
def test_html_is_whole_and_harmless(name: str) -> None:
    """Everything that opens closes, and the name of the backbone is there."""
    value = VALUES[name]()
    assert (SPEC.name in read(shown(value)).text) or value is not SPEC
    assert len(repr(value)) < 120
    assert "\n" not in repr(value)


def test_values_that_are_returned_have_a_short_repr() -> None:
    """One line, whatever they hold."""
    model = sparx_dsl.build(SPEC, device="meta")
    point = sparx_dsl.load_space("wide").point(0)
    trial = sparx_dsl.TrialRecord(3, "complete", point, (0.5, 2e9), choices=dict.fromkeys(point.picks, "a"))
    values = [
        sparx_dsl.zoo_listing(), *sparx_dsl.zoo_listing().tables, sparx_dsl.doctor(), *sparx_dsl.connect(SPEC).nodes,
        LoadReport("swin", matched=tuple(model.state_dict())), trial,
    ]  # fmt: skip
    assert [value for value in map(repr, values) if len(value) > 120 or "\n" in value] == []
    assert repr(values[0]) == f"Listing('sparx.list', Table('specs', {len(sparx_dsl.list_specs())} rows))"
    assert repr(trial) == "TrialRecord(3, complete, values 0.5, 2e+09)"


def test_a_listing_shows_its_tables() -> None:
    """Every row and every line that its text has."""
    listing = sparx_dsl.compare([SPEC, "swin_t"])
    assert shown(listing).count("<tr>") == 2 * (1 + 2)
    assert "Differences are to figure2." in read(shown(listing)).text


def test_a_schedule_shows_its_peak_and_every_step() -> None:
    """One row for each step that runs, and the peak of its listing."""
    schedule = sparx_dsl.plan(SPEC)
    found = read(shown(schedule))
    assert f"peak {schedule.peak_bytes:,} bytes" in found.text
    steps = [step for step in schedule.steps if type(step).__name__ != "Free"]
    assert shown(schedule).count("<tr>") == len(steps) + 1


def test_a_cost_shows_each_stage_and_the_whole() -> None:
    """A row for each stage and one for all."""
    cost = sparx_dsl.cost("sparx_mamba_t")
    table = shown(cost).split("</table>", maxsplit=1)[0]
    assert table.count("<tr>") == 1 + 4 + 1
    assert "27.1 M" in table


def test_a_space_shows_its_choices() -> None:
    """A row for each choice."""
    space = sparx_dsl.load_space("wide")
    assert shown(space).count("<tr>") == 1 + len(space.choices)


def test_a_study_shows_its_trials_and_its_winners() -> None:
    """A dot for each trial that has values, and the text of its table."""
    result = study()
    assert shown(result).count("<circle") == len(result.complete) == 2
    assert read(shown(result)).text.endswith(sparx_dsl.study_table(result))


def test_graphs_and_pictures_show_themselves_as_svg() -> None:
    """The SVG that ``draw`` writes."""
    graph: Any = sparx_dsl.connect(SPEC)
    picture: Any = sparx_dsl.draw(SPEC)
    assert graph._repr_svg_() == picture._repr_svg_() == picture.svg
    assert ElementTree.fromstring(picture.svg).tag.endswith("svg")  # noqa: S314
    assert repr(graph) == "ConnectionGraph('figure2', 9 nodes, 18 edges)"
    assert repr(picture).startswith("Picture('figure2', ")


def test_a_backbone_shows_its_spec_and_its_modules() -> None:
    """What its spec shows, and below what ``print(model)`` writes."""
    model = sparx_dsl.build(SPEC, device="meta")
    assert shown(model).startswith(shown(SPEC))
    assert f"Modules{model}" in read(shown(model)).text


def test_hostile_names_stay_text() -> None:
    """What a text holds is shown letter for letter."""
    hostile = SPEC.model_copy(update={"name": "<script>alert(1)</script>"})
    schedule = sparx_dsl.plan(SPEC)
    graph = replace(schedule.graph, spec=hostile)
    schedule = replace(schedule, graph=graph)
    assert "<script>alert(1)</script>" in read(shown(schedule)).text


def test_notebooks_show_without_torch() -> None:
    """What shows a cost imports no torch."""
    code = "import sys, sparx_dsl; sparx_dsl.cost('swin_t')._repr_html_(); assert 'torch' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
