"""Reports of studies: pages that stand alone, in which names and causes stay text."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sparx_dsl
from sparx_dsl import StudyResult, TrialRecord
from sparx_dsl.html_report.study_report import study_page
from sparx_dsl.search.space.bounds import price_spec
from sparx_dsl.search.studies.outcome import Cause
from tests.support import studies
from tests.support.commands import sparx
from tests.support.html_tree import Element, read_html
from tests.support.reports import check_alone
from tests.support.strategies import examples

SMALL = studies.small_space()
WRITTEN = {
    "{kind: mlp, ratio: 2}": "{'kind': 'mlp', 'ratio': 2}",
    "{kind: conv, ratio: 1}": "{'kind': 'conv', 'ratio': 1}",
    "none": "{'kind': 'none'}",
}
"""What the page calls a value that is a mapping, and what Python calls it."""
HOSTILE = "<script>alert('a')</script>\"'&amp; \u202e\u200b\u3164\U000e0020\x1b[31m{{ 7 * 7 }}</table>"


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> StudyResult:
    """A study of two values, of whose trials a third fails."""
    file = tmp_path_factory.mktemp("study") / "small.journal"
    objectives = [studies.some_fail, "macs"]
    return sparx_dsl.run_study(SMALL, objectives, trials=24, study=file, sampler="random")


def rows_of(page: Element, name: str) -> list[list[str]]:
    """The texts of the cells of a table, without its head."""
    (table,) = page.of_class(name)
    rows = [[cell.text for cell in row.content if isinstance(cell, Element)] for row in table.all("tr")]
    return rows if name == "importances" else rows[1:]


def test_every_trial_is_in_the_table(result: StudyResult) -> None:
    """With its state, its values, its choices and the cause of its failure; the front is marked."""
    page = read_html(study_page(result))
    check_alone(page)
    rows = {int(row[0]): row for row in rows_of(page, "trials")}
    assert list(rows) == [trial.number for trial in result.trials]
    for trial in result.trials:
        row = rows[trial.number]
        assert row[1] == {"complete": "with values", "failed": "failed"}[trial.state]
        assert row[-1] == ("" if trial.cause is None else str(trial.cause))
        assert str(trial.choices["stages.1.channels"]) in row
    marked = [row.attributes["id"] for row in page.of_class("winner")]
    assert marked == [f"trial-{number}" for number in sorted(trial.number for trial in result.front)]


def test_every_trial_with_values_is_a_dot_and_the_best_can_be_reached_by_keys(result: StudyResult) -> None:
    """In the front's plane and in each value's history."""
    page = read_html(study_page(result))
    charts = page.of_class("chart")
    assert len(charts) == 3
    for chart in charts:
        dots = {one.attributes["href"]: one for one in chart.of_class("dot")}
        assert dots.keys() == {f"#trial-{trial.number}" for trial in result.complete}
        reached = {name for name, one in dots.items() if "tabindex" not in one.attributes}
        assert reached == {f"#trial-{trial.number}" for trial in result.front}


def test_the_line_of_a_history_is_the_best_so_far(result: StudyResult) -> None:
    """It only rises for what is maximised and falls for what is minimised, and ends at the best of all."""
    _, most, least = read_html(study_page(result)).of_class("chart")
    for chart, best in ((most, min), (least, max)):
        (line,) = chart.of_class("front")
        heights = [float(point.split(",")[1]) for point in line.attributes["points"].split()]
        dots = [float(next(dot.all("circle")).attributes["cy"]) for dot in chart.of_class("dot")]
        assert heights == sorted(heights, reverse=best is min)
        assert heights[-1] == best(dots)


def test_importances_are_optunas_and_add_up(result: StudyResult) -> None:
    """For each value every choice that has several values, falling; what a choice's value gave is of its trials."""
    page = read_html(study_page(result))
    tables = page.of_class("importances")
    assert [next(table.all("caption")).text for table in tables] == ["some_fail", "MACs"]
    for table in tables:
        shares = [float(next(row.all("td")).text.removesuffix(" %")) for row in table.all("tr")]
        assert len(shares) == len(SMALL.choices)
        assert sum(shares) == pytest.approx(100, abs=0.5)
        assert shares == sorted(shares, reverse=True)
    for choice, value, trials, best, _ in rows_of(page, "choices"):
        had = [one for one in result.complete if WRITTEN.get(value, value) == str(one.choices.get(choice))]
        assert int(trials) == len(had)
        assert best == (f"{max(one.values[0] for one in had):.5g}" if had else "–")


def test_values_that_fit_no_backbone_are_not_listed() -> None:
    """No trial can have them."""
    space = sparx_dsl.make_space(SMALL.base, {"stages.*.S": [1, 2, 3, 4]}, name="wild")
    assert space.left_out
    rows = rows_of(read_html(study_page(StudyResult(space, ("params",), ("minimize",), ()))), "choices")
    supported = space.compiled.buckets.supported()
    fits = [(choice.name, str(value)) for place, choice in enumerate(space.choices)
            for number, value in enumerate(choice.values) if number in supported[place]]  # fmt: skip
    assert [(choice, value) for choice, value, *_ in rows] == fits


def test_few_trials_have_no_importances_and_none_no_dots() -> None:
    """A study that has just begun is reported as it stands."""
    page = read_html(study_page(StudyResult(SMALL, ("params",), ("minimize",), ())))
    check_alone(page)
    assert "It has no trials yet." in page.text
    assert "No trial has values yet." in page.text
    assert "too few trials" in page.text


@settings(max_examples=examples(0.3))
@given(st.text(min_size=1), st.text())
def test_any_text_stays_text(name: str, cause: str) -> None:
    """Names of values and spaces, and messages of exceptions, make no element."""
    check_text(name, cause)


def test_markup_stays_text() -> None:
    """What would run where it were markup; and characters that hide or turn text are escaped."""
    text = check_text(HOSTILE, HOSTILE)
    assert "{{ 7 * 7 }}" in text
    assert not {*"\u202e\u200b\u3164\U000e0020\x1b"} & set(text)
    assert r"\u202e\u200b\u3164\U000e0020\x1b[31m" in text


def check_text(name: str, cause: str) -> str:
    """The page of a study with these texts has the elements that it has with others, and stands alone."""
    pages: list[str] = []
    for value, message in ((name, cause), ("accuracy", "no memory")):
        point = SMALL.sample(3)
        trials = (
            TrialRecord(0, "complete", point, (0.5,), prices=price_spec(SMALL.spec(point)), choices={"a": value}),
            TrialRecord(1, "failed", point, cause=Cause("RuntimeError", message)),
        )
        space = replace(SMALL, name=value)
        pages.append(study_page(StudyResult(space, (value,), ("maximize",), trials)))
    found, wanted = map(read_html, pages)
    check_alone(found)
    assert [one.tag for one in found.all()] == [one.tag for one in wanted.all()]
    return pages[0]


def test_the_command_reports_a_study(result: StudyResult, tmp_path: Path) -> None:
    """By its space and its file; what does not go with a study is refused, with what to write."""
    space, file, output = studies.space_file(tmp_path), tmp_path / "a.journal", tmp_path / "a.html"
    sparx_dsl.run_study(space, "params", trials=3, study=file, sampler="random")
    done = sparx("report", space, "--study", file, "-o", output)
    assert (done.status, done.stderr) == (0, "")
    assert f"{output}: small, " in done.stdout
    assert len(rows_of(read_html(output.read_text(encoding="utf-8")), "trials")) == 3
    output.unlink()
    for words in ((space, "--study", file, "--batch", 2), (space, "--study", file, "--against", space), (file,)):
        done = sparx("report", *words, "-o", output)
        assert (done.status, done.stdout) == (2, "")
        assert "SPX580" in done.stderr
        assert "sparx report" in done.stderr
    assert not output.exists()
