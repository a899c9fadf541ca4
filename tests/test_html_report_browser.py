"""Reports in a browser without network: pointed at, clicked, used by keys, in light and dark, narrow and printed."""

from __future__ import annotations

import re
from collections.abc import Generator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

import sparx_dsl
from sparx_dsl import StudyResult, TrialRecord
from sparx_dsl.search.studies.outcome import Cause
from tests.support import studies
from tests.support.browser import Opened, chromium, opened
from tests.support.reports import OTHER, SMALL

GRAPH = sparx_dsl.connect(SMALL)
LAYER = "stage1.layer5"


@pytest.fixture(scope="module")
def browser() -> Generator[Browser]:
    """One Chromium for all tests here."""
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a small backbone beside another."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    sparx_dsl.write_report(SMALL, path, OTHER)
    return path


@pytest.fixture
def shown(browser: Browser, report: Path) -> Generator[Opened]:
    """That report in the browser; it asks for nothing but itself, and nothing goes wrong."""
    with opened(browser, report) as found:
        yield found
        assert {url.partition("#")[0] for url in found.requests} == {report.as_uri()}
        assert found.messages == []


def spot(page: Page, node: str) -> Locator:
    """The place of a node in the diagram."""
    return page.locator(f'.spot[data-nodes="{node}"]')


def view(page: Page) -> list[float]:
    """The part of the diagram that is seen: left, top, width, height."""
    return [float(number) for number in str(page.locator("svg.explore").get_attribute("viewBox")).split()]


def test_pointing_at_a_layer_shows_what_it_reads_and_why(shown: Opened) -> None:
    """In words, and by the arrows into it."""
    page = shown.page
    spot(page, LAYER).hover()
    inspect = page.locator(".inspect")
    expect(inspect.locator("h4")).to_have_text(LAYER)
    for edge in GRAPH.features(LAYER):
        expect(inspect).to_contain_text(edge.source)
        expect(inspect).to_contain_text(edge.reason)
    places = page.locator(".spot").evaluate_all(
        "all => Object.fromEntries(all.map(a => [a.dataset.place, a.dataset.nodes]))"
    )
    into = page.locator(".wire.into").evaluate_all("all => all.map(a => a.dataset.source)")
    assert sorted(places[one] for one in into) == sorted(edge.source for edge in GRAPH.edges if edge.target == LAYER)
    assert page.locator(".wire.into").first.evaluate("a => getComputedStyle(a).stroke") != "none"


def test_the_figure_is_saved_as_a_file_for_a_paper(shown: Opened) -> None:
    """A click saves the diagram as an SVG of 174 mm with its text, without network."""
    with shown.page.expect_download() as found:
        shown.page.locator(".explorer a[download]").click()
    assert found.value.suggested_filename == "small.svg"
    assert Path(found.value.path()).read_text(encoding="utf-8") == sparx_dsl.draw(SMALL, width=174).svg


def test_a_click_on_a_layer_leads_to_its_price(shown: Opened) -> None:
    """Its row is marked and in sight; the row's name leads on to its card, which opens."""
    page = shown.page
    spot(page, LAYER).click()
    row = page.locator(f'[id="price-{LAYER}"]')
    expect(row).to_be_in_viewport()
    assert page.url.endswith(f"#price-{LAYER}")
    assert row.evaluate("a => a.matches(':target')")
    expect(row.locator("td").nth(2)).to_have_text(f"{sparx_dsl.cost(SMALL).of_node(LAYER).macs:,}")
    row.locator("a").click()
    expect(page.locator(f'[id="node-{LAYER}"]')).to_be_in_viewport()


def test_every_layer_can_be_reached_by_keys(shown: Opened) -> None:
    """In the order in which they run; the focus is seen, and Enter does what a click does."""
    page = shown.page
    page.locator('[data-zoom="fit"]').focus()
    for node in GRAPH.nodes:
        page.keyboard.press("Tab")
        focused = page.locator(":focus")
        assert focused.get_attribute("data-nodes") == node.name
        assert node.name in str(focused.get_attribute("aria-label"))
        assert focused.locator("rect").evaluate("a => getComputedStyle(a).strokeWidth") == "3px"
        expect(page.locator(".inspect h4")).to_have_text(node.name)
    page.keyboard.press("Enter")
    expect(page.locator(f'[id="price-{GRAPH.nodes[-1].name}"]')).to_be_in_viewport()


def test_the_diagram_is_zoomed_and_moved(shown: Opened) -> None:
    """By buttons, by keys and by dragging, which is no click; never farther than the whole."""
    page = shown.page
    whole = view(page)
    page.locator('[data-zoom="in"]').click()
    near = view(page)
    assert near[2] == pytest.approx(whole[2] / 1.4)
    box = spot(page, LAYER).bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 5, box["y"] + 5)
    page.mouse.down()
    page.mouse.move(box["x"] + 65, box["y"] + 45, steps=4)
    page.mouse.up()
    moved = view(page)
    assert moved[0] < near[0]
    assert moved[1] < near[1]
    assert "#" not in page.url
    spot(page, LAYER).focus()
    page.keyboard.press("-")
    page.keyboard.press("-")
    assert view(page)[2] == whole[2]
    page.keyboard.press("+")
    page.keyboard.press("0")
    assert view(page) == whole


def test_the_treemap_and_the_parts_follow_their_switches(shown: Opened) -> None:
    """One map at a time; the parts of layers are rows that can be shown."""
    page = shown.page
    for name in ("params", "saved", "macs"):
        page.locator(f"#by-{name}").check()
        assert page.locator("figure.treemap:visible").evaluate_all("all => all.map(a => a.classList[1])") == [name]
    expect(page.locator("tr.part").first).to_be_hidden()
    page.locator("#show-parts").check()
    expect(page.locator("tr.part").first).to_be_visible()


@pytest.mark.parametrize(
    ("kind", "chart", "reading"),
    [(".life", ".gantt", "lives"), (".moment", ".gantt", "lives"), (".tile", ".treemap.macs svg", "macs"),
     (".bar", "svg.saved", "training")],
)  # fmt: skip
def test_marks_of_charts_are_reached_by_keys(shown: Opened, kind: str, chart: str, reading: str) -> None:
    """Each kind of mark is one stop of the Tab key; arrows move from mark to mark, and each is read out below."""
    marks = shown.page.locator(f"{chart} {kind}")
    assert shown.page.locator(f"{chart} {kind}[tabindex='0']").count() == 1
    marks.first.focus()
    said = [shown.page.locator(f"#reading-{reading}").inner_text()]
    for key in ("ArrowRight", "ArrowDown", "ArrowLeft", "End"):
        shown.page.keyboard.press(key)
        said.append(shown.page.locator(f"#reading-{reading}").inner_text())
    texts = marks.locator("title").all_text_contents()
    assert said == [texts[0], texts[1], texts[2], texts[1], texts[-1]]
    marks.first.locator("xpath=descendant-or-self::*[name()='rect']").first.hover(force=True)
    assert shown.page.locator(f"#reading-{reading}").inner_text() == texts[0]


def test_a_part_of_the_treemap_leads_to_its_price(shown: Opened) -> None:
    """By Enter, as by a click."""
    shown.page.locator(".treemap.macs .tile").first.focus()
    shown.page.keyboard.press("Enter")
    assert "#price-" in shown.page.url
    assert shown.page.locator("tr:target").is_visible()


def test_the_connections_are_shown_as_a_matrix(shown: Opened) -> None:
    """It is folded, and opens."""
    matrix = shown.page.locator("details.matrix svg")
    assert not matrix.is_visible()
    shown.page.locator("details.matrix summary").click()
    assert matrix.is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_can_be_read_in_light_and_dark(browser: Browser, report: Path, scheme: Literal["light", "dark"]) -> None:
    """WCAG 2 asks for a contrast of 4.5 between texts and what is behind them."""
    with opened(browser, report, scheme=scheme) as found:
        page = found.page
        pairs = [("body", "body"), (".note", "body"), ("nav a", "body"), (".figures dt", ".figures div"),
                 (".changes tr.less td:last-child", "body"), (".changes tr.more td:last-child", "body"),
                 ("pre", "pre"), ("thead th", "body")]  # fmt: skip
        for text, behind in pairs:
            front = luminance(str(page.locator(text).first.evaluate("a => getComputedStyle(a).color")))
            back = luminance(str(page.locator(behind).first.evaluate("a => getComputedStyle(a).backgroundColor")))
            assert (max(front, back) + 0.05) / (min(front, back) + 0.05) >= 4.5, (text, scheme)
        label = luminance(str(page.locator(".tile text").first.evaluate("a => getComputedStyle(a).fill")))
        for tile in page.locator("figure.macs .tile rect").all():
            back = luminance(str(tile.evaluate("a => getComputedStyle(a).fill")))
            assert (max(label, back) + 0.05) / (min(label, back) + 0.05) >= 4.5, scheme
        assert (luminance(str(page.locator("body").evaluate("a => getComputedStyle(a).backgroundColor"))) < 0.2) == (
            scheme == "dark"
        )


def luminance(colour: str) -> float:
    """The relative luminance of a colour such as ``rgb(1, 2, 3)``, by WCAG 2."""
    parts = [int(number) / 255 for number in re.findall(r"\d+", colour)[:3]]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_a_narrow_window_has_nothing_beside_it(browser: Browser, report: Path) -> None:
    """Wide tables and charts scroll within themselves."""
    with opened(browser, report, width=390) as found:
        assert found.page.evaluate("document.documentElement.scrollWidth") <= 390


def test_print_has_all_and_no_controls(shown: Opened) -> None:
    """What is folded is open, and buttons are gone."""
    page = shown.page
    page.emulate_media(media="print")
    expect(page.locator(".tools")).to_be_hidden()
    expect(page.locator("figure.treemap.params")).to_be_visible()
    assert page.locator(f'[id="node-{LAYER}"]').evaluate("a => a.checkVisibility({contentVisibilityAuto: true})")
    assert page.pdf().startswith(b"%PDF")


def test_hostile_texts_run_nothing(browser: Browser, tmp_path: Path) -> None:
    """Markup in the names of a study's values and in its failures is shown, and does nothing."""
    hostile = "<img src=x onerror=alert(1)><script>alert(2)</script>"
    space = studies.small_space()
    trials = (
        TrialRecord(0, "complete", space.sample(1), (0.5,), choices={"stages.1.S": hostile}),
        TrialRecord(1, "failed", space.sample(2), cause=Cause("Error", hostile)),
    )
    sparx_dsl.write_study_report(StudyResult(space, (hostile,), ("maximize",), trials), tmp_path / "study.html")
    with opened(browser, tmp_path / "study.html") as found:
        expect(found.page.locator(".trials")).to_contain_text(hostile)
        assert found.page.locator("img").count() == 0
        assert len(found.requests) == 1
        assert found.messages == []
