"""Reports of backbones: pages that stand alone, whose numbers are those of ``cost`` and ``plan``."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sparx_dsl
from sparx_dsl import SparxError
from sparx_dsl.html_report import backbone_page
from sparx_dsl.html_report.treemap import squarify
from sparx_dsl.html_report.words import GLOSSARY
from sparx_dsl.pricing import Cost, saved_parts
from sparx_dsl.schedule import Free
from tests.support.commands import sparx
from tests.support.golden_text import Golden
from tests.support.html_tree import Element, number_in, read_html
from tests.support.paths import DOCS
from tests.support.reports import OTHER, SMALL, check_alone
from tests.support.strategies import examples, specs

COST = sparx_dsl.cost(SMALL, batch=2)
AGAINST = sparx_dsl.cost(OTHER, batch=2)


@cache
def one_page() -> Element:
    """The page of one backbone, made when a test first asks for it."""
    return read_html(backbone_page(COST))


@cache
def pair_page() -> Element:
    """The page of two backbones."""
    return read_html(backbone_page(COST, AGAINST))


def numbers_of_rows(page: Element) -> dict[str, list[int]]:
    """The numbers of every node's row in the table of costs."""
    return {row.attributes["id"].removeprefix("price-"): numbers_of(row) for row in page.of_class("node")}


def numbers_of(row: Element) -> list[int]:
    """The exact numbers in the cells of a row."""
    return [number_in(cell) for cell in row.all("td") if "data-value" in cell.attributes]


@pytest.mark.parametrize("made", [one_page, pair_page], ids=["one", "pair"])
def test_a_page_stands_alone(made: Callable[[], Element]) -> None:
    """It is well-formed, each link leads somewhere in it, and it loads nothing."""
    page = made()
    check_alone(page)
    assert next(page.all("title")).text in ("small", "small and other")
    assert len(page.by_id("main").text) > 1000


def test_a_page_that_loads_something_is_seen() -> None:
    """The check fails for a picture from elsewhere, a handler in an attribute, and a style that has no digest."""
    text = backbone_page(COST)
    for wrong in ('<img src="x.png">', '<p onclick="f()">a</p>', '<p style="color: red">a</p>', "<style>a{}</style>",
                  '<p><a href="https://example.org">a</a></p>'):  # fmt: skip
        with pytest.raises((AssertionError, ValueError)):
            check_alone(read_html(text.replace("<footer>", f"{wrong}<footer>")))


@settings(max_examples=examples(0.2))
@given(specs(most_stages=3, deepest=4))
def test_the_numbers_are_those_of_the_cost_and_the_schedule(spec: sparx_dsl.Spec) -> None:
    """Totals, nodes, buffers with their lives, and the memory at each step."""
    cost = sparx_dsl.cost(spec)
    page = read_html(backbone_page(cost))
    check_alone(page)
    check_prices(page, cost)
    check_memory(page, cost)


def check_prices(page: Element, cost: Cost) -> None:
    """The figures at the top, and the rows of the nodes."""
    (figures,) = page.of_class("figures")
    top = [number_in(one) for one in figures.all("data")]
    assert top[:6] == [
        cost.params, cost.macs, cost.flops, cost.peak_bytes, cost.bound_bytes, cost.saved_bytes
    ]  # fmt: skip
    running = {row.node for row in cost.rows}
    found = numbers_of_rows(page)
    assert list(found) == [node.name for node in cost.schedule.graph.nodes if node.name in running]
    for name, numbers in found.items():
        row = cost.of_node(name)
        assert numbers == [row.params, row.macs, row.flops, row.held_bytes, row.traffic_bytes, row.saved_bytes]


def check_memory(page: Element, cost: Cost) -> None:
    """The table of lives, found again by walking the schedule; and the table of steps."""
    schedule = cost.schedule
    lives: dict[str, list[int]] = {"images": [1, 0]}
    number = 0
    for step in schedule.steps:
        if isinstance(step, Free):
            lives[step.buffer][1] = number
        else:
            number += 1
            lives[step.output] = [number, 0]
    for name in schedule.outputs:
        lives[name][1] = number
    (table,) = page.of_class("lives")
    rows = [[cell.text for cell in row.content if isinstance(cell, Element)] for row in table.all("tr")][1:]
    found = {name: [int(first), int(last)] for name, _, _, first, _, last, _ in rows}
    assert found == lives
    (steps,) = page.of_class("steps")
    held = [number_in(cell) for cell in steps.all("td") if "data-value" in cell.attributes]
    assert max(held) == schedule.peak_bytes
    assert len(held) == number
    at_peak = sum(schedule.buffers[row[0]].bytes for row in rows if row[-1] == "held")
    assert at_peak == schedule.peak_bytes


def test_what_a_layer_reads_is_said_with_the_reason() -> None:
    """Each layer's card has every feature of the graph with its slot, kind and reason, and the diagram its place."""
    graph = COST.schedule.graph
    for node in graph.nodes:
        card = one_page().by_id(f"node-{node.name}")
        rows = [[cell.text for cell in row.all("td")] for row in card.all("tr")]
        assert [[row[0], row[1], row[3]] for row in rows if row] == [
            [str(edge.slot), edge.source, edge.reason] for edge in graph.features(node.name)
        ]
    (picture,) = one_page().of_class("explore")
    spots = picture.of_class("spot")
    assert [spot.attributes["data-nodes"] for spot in spots] == [node.name for node in graph.nodes]
    places = {spot.attributes["data-place"]: spot.attributes["data-nodes"] for spot in spots}
    wires = [(places[one.attributes["data-source"]], places[one.attributes["data-target"]], one.classes[1])
             for one in picture.of_class("wire")]  # fmt: skip
    assert sorted(wires) == sorted((edge.source, edge.target, edge.kind) for edge in graph.edges)
    five = next(spot for spot in spots if spot.attributes["data-nodes"] == "stage1.layer5")
    assert five.attributes["href"] == "#price-stage1.layer5"
    assert five.attributes["aria-label"] == (
        "stage1.layer5, ganglion layer, reads stage1.layer4, stage1.layer1, stage1.layer3"
    )


def test_what_does_not_run_has_no_price() -> None:
    """With features of the first stage alone, the rest is drawn and leads nowhere."""
    page = read_html(backbone_page(sparx_dsl.cost(SMALL, features=(1,))))
    check_alone(page)
    linked = {spot.attributes["data-nodes"] for spot in page.of_class("spot") if "href" in spot.attributes}
    assert linked == numbers_of_rows(page).keys() == {"stem", *(f"stage1.layer{number}" for number in range(1, 6))}


def test_a_deep_backbone_is_drawn_with_repeats_once() -> None:
    """Every layer still has its card and its price."""
    light = {**SMALL["layer"], "dpe": False, "ffn": {"kind": "none"}}
    deep = {**SMALL, "layer": light, "stages": [{"channels": 8, "depth": 125, "S": 5, "M": 1}]}
    page = read_html(backbone_page(sparx_dsl.cost(deep)))
    (picture,) = page.of_class("explore")
    assert len(picture.of_class("spot")) < 20
    assert len(numbers_of_rows(page)) == 127


def test_the_difference_is_that_of_the_prices() -> None:
    """Figures of both, the difference, and each added, removed and changed thing that ``difference`` lists."""
    (table,) = pair_page().of_class("changes")
    rows = {next(row.all("th")).text: numbers_of(row) for row in table.all("tr")}
    for name, before, after in (
        ("Parameters", AGAINST.params, COST.params), ("MACs", AGAINST.macs, COST.macs),
        ("Saved bytes", AGAINST.saved_bytes, COST.saved_bytes),
        ("Peak memory, bytes", AGAINST.peak_bytes, COST.peak_bytes),
        ("inter-connections", AGAINST.schedule.graph.count("inter"), COST.schedule.graph.count("inter")),
    ):  # fmt: skip
        assert rows[name] == [before, after, after - before]
    (lines,) = pair_page().of_class("lines")
    words = {"+": "added", "-": "removed", "~": "changed", ">": "renamed"}
    text = sparx_dsl.difference(AGAINST.schedule.graph, COST.schedule.graph)
    wanted = [line for line in text.splitlines() if line[:2] in ("+ ", "- ", "~ ", "> ")]
    assert len(wanted) > 5
    assert [item.text for item in lines.all("li")] == [f"{words[line[0]]} {line[2:]}" for line in wanted]


def test_the_differences_of_the_stages_add_up() -> None:
    """To those of the whole, in parameters, MACs and saved bytes."""
    (table,) = pair_page().of_class("by-stage")
    rows = [numbers_of(row) for row in table.all("tr")][1:]
    assert len(rows) == 2
    assert [sum(column) for column in zip(*rows, strict=True)] == [
        COST.params - AGAINST.params, COST.macs - AGAINST.macs, COST.saved_bytes - AGAINST.saved_bytes,
    ]  # fmt: skip


def test_budgets_are_kept_by_what_is_run_again() -> None:
    """From nothing to all that helps: what is held while each part is differentiated fits, and the MACs are its own."""
    (table,) = one_page().of_class("budgets")
    rows = list(table.all("tr"))[1:]
    budgets = [number_in(next(row.all("th"))) for row in rows]
    assert budgets[0] >= COST.saved_bytes
    assert budgets == sorted(set(budgets), reverse=True)
    # A stem, a downsampling and a head are modules of their own names.
    macs = {name: row.macs for row in COST.rows for name in (row.node, f"{row.node}.{row.part}")}
    for budget, row in zip(budgets, rows, strict=True):
        again = next(row.all("td")).attributes["title"].split()
        assert numbers_of(row) == [sum(macs[module] for module in again)]
        assert bool(again) == (budget < budgets[0])
        held = 0
        for part in saved_parts(COST.schedule):
            held += part.between
            assert held + part.inner <= budget
            held += 0 if part.module in again else part.inner
            held -= part.gathered if f"{part.module.rpartition('.')[0]}.gather" in again else 0


def test_what_a_reader_sees_first(golden: Golden) -> None:
    """The sentences and the tables of a comparison, as text."""
    leads = [one.text for one in pair_page().of_class("lead")]
    tables = [
        *pair_page().of_class("changes"),
        *pair_page().of_class("stage-changes"),
        *pair_page().of_class("resolved"),
    ]
    rows = [" | ".join(cell.text for cell in row.content if isinstance(cell, Element)) for table in tables
            for row in table.all("tr")]  # fmt: skip
    figures = [f"{one.text}" for one in pair_page().of_class("figures")[0].all("div")]
    golden.check("\n".join([*leads, "", *figures, "", *rows]))


def test_the_words_are_those_of_the_glossary() -> None:
    """The page explains its words as docs/glossary.md does."""
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \|", (DOCS / "glossary.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert GLOSSARY.items() <= dict(rows).items()
    assert [term.text for term in one_page().of_class("words")[0].all("dt")] == list(GLOSSARY)


AMOUNTS = st.lists(st.integers(1, 10_000), min_size=1, max_size=30).map(lambda found: sorted(found, reverse=True))


@given(AMOUNTS)
def test_a_treemap_fills_its_place_by_the_amounts(amounts: list[int]) -> None:
    """Areas are as the amounts, each rectangle lies inside, and no two overlap."""
    width, height = 300.0, 200.0
    found = squarify(amounts, (0.0, 0.0, width, height))
    for amount, (_, _, w, h) in zip(amounts, found, strict=True):
        assert w * h == pytest.approx(width * height * amount / sum(amounts))
    for place, (x, y, w, h) in enumerate(found):
        assert min(x, y) >= -1e-6
        assert x + w <= width + 1e-6
        assert y + h <= height + 1e-6
        for a, b, c, d in found[:place]:
            assert min(x + w, a + c) - max(x, a) < 1e-6 or min(y + h, b + d) - max(y, b) < 1e-6


def test_the_page_of_the_largest_backbone_is_small(tmp_path: Path) -> None:
    """Under 1 MB for SparX-Mamba-B."""
    sparx_dsl.write_report("sparx_mamba_b", tmp_path / "b.html")
    assert (tmp_path / "b.html").stat().st_size < 1_000_000


def test_the_command_writes_what_the_call_writes(tmp_path: Path) -> None:
    """For a spec and one to compare with, at another size, batch and dtype."""
    small, other = (sparx_dsl.parse_spec(one) for one in (SMALL, OTHER))
    (tmp_path / "small.yaml").write_text(sparx_dsl.dump_spec(small), encoding="utf-8")
    (tmp_path / "other.yaml").write_text(sparx_dsl.dump_spec(other), encoding="utf-8")
    words = ("--against", tmp_path / "other.yaml", "--size", "64x32", "--batch", 3, "--dtype", "bf16")
    done = sparx("report", tmp_path / "small.yaml", *words, "-o", tmp_path / "a.html")
    assert (done.status, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{tmp_path / 'a.html'}: {small.name} against {other.name}, ")
    sparx_dsl.write_report(small, tmp_path / "b.html", other, size=(64, 32), batch=3, dtype="bfloat16")
    assert (tmp_path / "a.html").read_text(encoding="utf-8") == (tmp_path / "b.html").read_text(encoding="utf-8")
    assert "64×32 pixels; bytes for a batch of 3 in bfloat16" in read_html((tmp_path / "a.html").read_text()).text


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    """Another extension, and a folder that is not there."""
    for path, code in ((tmp_path / "a.pdf", "SPX580"), (tmp_path / "none" / "a.html", "SPX502")):
        with pytest.raises(SparxError) as caught:
            sparx_dsl.write_report(SMALL, path)
        assert [one.code for one in caught.value.diagnostics] == [code]
    done = sparx("report", tmp_path / "missing.yaml", "-o", tmp_path / "a.html")
    assert (done.status, done.stdout) == (2, "")
    assert "SPX503" in done.stderr or "SPX501" in done.stderr
    assert list(tmp_path.iterdir()) == []
