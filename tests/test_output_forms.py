"""Tables as JSON, CSV, Markdown and text: schemas hold, forms agree, every width fits, statuses say what they mean."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Final, cast

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sparx_dsl
from sparx_dsl.render.listing import Field, Line, Listing, Table
from sparx_dsl.render.text_table import Column, text_table
from tests.support.commands import sparx
from tests.support.paths import DOCS, SPECS
from tests.support.schemas import check_stated, stated_schema
from tests.support.studies import space_file

TABLES: Final[dict[str, tuple[str, ...]]] = {
    "cost": ("cost", "sparx_mamba_t", "--size", "64"),
    "compile": ("compile", "swin_t", "--size", "64"),
    "list": ("list", "swin_*"),
    "check": ("check", "swin_t"),
    "compare": ("compare", "swin_t", "sparx_swin_t", "--size", "64"),
    "diff": ("diff", "sparx_mamba_t", "ablations/window_2"),
    "doctor": ("doctor",),
    "paper": ("paper", str(SPECS / "paper" / "resolutions.yaml")),
    "search": ("search", "small.yaml", "--objective", "params", "--objective", "macs", "--trials", "4", "--seed", "1"),
    "report": ("report", "swin_t", "--against", "swin_s", "-o", "report.html"),
}
"""A command line for each schema in docs/schemas, in a folder with what it reads."""
ELSEWHERE: Final = {"bench", "export", "tune", "analyze_erf", "analyze_cka", "paper_throughput"}
"""The schemas of commands that other tests run."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with a search space in it."""
    space_file(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_schema_has_a_command() -> None:
    """And is itself a valid JSON Schema, which new keys do not break, as docs/commands.md says; tests forbid them."""
    names = {path.stem for path in (DOCS / "schemas").glob("*.json")}
    assert names == {*TABLES, *ELSEWHERE}
    for name in names:
        jsonschema.Draft202012Validator.check_schema(stated_schema(name))
        assert "additionalProperties" not in json.dumps(stated_schema(name))
    found = sparx_dsl.zoo_listing("swin_t").as_json()
    check_stated("list", found)
    for more in ({**found, "new": 1}, {**found, "specs": [{**found["specs"][0], "new": 1}]}):
        jsonschema.Draft202012Validator(stated_schema("list")).validate(more)  # pyright: ignore[reportUnknownMemberType]
        with pytest.raises(jsonschema.ValidationError, match="new"):
            check_stated("list", more)


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.usefixtures("folder")
def test_json_satisfies_its_schema_and_csv_has_the_same_rows(name: str) -> None:
    """What ``--json`` prints validates; ``--csv`` has the first list of it, value by value."""
    words = TABLES[name]
    found = json.loads(sparx(*words, "--json").stdout)
    check_stated(name, found)
    assert found["schema"] == f"sparx.{name}"
    amounts = [value for row in found.get("trials", []) for key, value in row.items() if key.startswith("values.")]
    assert all(type(value) is int for value in amounts)  # the objectives are prices
    if name == "doctor":  # errors are measured each time
        return
    rows = list(csv.DictReader(io.StringIO(sparx(*words, "--csv").stdout)))
    lists = [
        key for key, one in stated_schema(name)["properties"].items() if one.get("items", {}).get("type") == "object"
    ]
    first = next(key for key in lists if found[key])
    assert rows == [{key: written(value) for key, value in row.items()} for row in found[first]]


def written(value: object) -> str:
    """A JSON value as a cell of a CSV file has it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return " ".join(map(str, cast("list[object]", value))) if isinstance(value, list) else str(value)


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.usefixtures("folder")
def test_markdown_is_tables(name: str) -> None:
    """Every row of a table in ``--markdown`` has as many cells as its heading."""
    lines = sparx(*TABLES[name], "--markdown").stdout.splitlines()
    rows = [line.replace("\\|", "").count("|") for line in lines if line.startswith("| ")]
    assert rows or name in ("check", "report")
    assert all(count > 2 for count in rows)


@pytest.mark.parametrize("width", [20, 40, 80, 400])
@pytest.mark.parametrize("name", ["cost", "compare", "list", "diff", "paper", "search"])
@pytest.mark.usefixtures("folder")
def test_tables_fit_the_terminal(name: str, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """No line of a table is wider than the terminal, or than 100 columns, and no number is cut."""
    monkeypatch.setenv("COLUMNS", str(width))
    shown = sparx(*TABLES[name], "--errors", "concise").stdout
    tables = [line for line in shown.splitlines() if line.startswith(" ")]
    most = max(width, 24)  # a table has at least its first column and one of numbers
    assert max(map(len, tables)) <= min(100, most)
    assert "…" not in "".join(tables)


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=12), st.integers(20, 120))
def test_no_number_is_cut_at_any_width(numbers: list[int], width: int) -> None:
    """Every number of a row stands whole in one of the tables."""
    columns = [Column("Name"), *(Column(f"n{place}", True) for place in range(len(numbers)))]
    text = text_table(columns, [["row", *map(str, numbers)]], width=width)
    assert sorted(word for word in text.split() if word.isdecimal()) == sorted(map(str, numbers))
    assert max(map(len, text.splitlines())) <= width


def test_colour_only_where_it_is_wanted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Not in a pipe, not in a file, not in JSON; with FORCE_COLOR in text, and never with NO_COLOR."""
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    assert "\x1b" not in sparx(*TABLES["diff"]).stdout
    monkeypatch.setenv("FORCE_COLOR", "1")
    coloured = sparx(*TABLES["diff"]).stdout
    assert "\x1b[31m- stage3.layer1" in coloured
    sparx(*TABLES["diff"], "-o", tmp_path / "diff.txt")
    assert "\x1b" not in (tmp_path / "diff.txt").read_text(encoding="utf-8")
    assert "\x1b" not in sparx(*TABLES["diff"], "--json").stdout
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in sparx(*TABLES["diff"]).stdout


def test_forms_exclude_each_other() -> None:
    """Two forms at once, or a form beside another output of ``compile``, are SPX523."""
    for words in (("cost", "swin_t", "--json", "--csv"), ("compile", "swin_t", "--emit", "graph", "--json")):
        done = sparx(*words, "--errors", "concise")
        assert (done.status, done.stdout) == (2, "")
        assert "SPX523" in done.stderr


def test_statuses(tmp_path: Path) -> None:
    """0 where specs are equal, 1 where they differ or a budget is exceeded, 2 for a mistake."""
    assert sparx("diff", "swin_t", "swin_t").status == 0
    assert sparx("diff", "swin_t", "swin_s").status == 1
    path = tmp_path / "over.yaml"
    path.write_text("extends: swin_t.yaml\nname: over\nbudget: {params: 1M}\n", encoding="utf-8")
    assert sparx("check", path).status == 1
    assert sparx("check", path, tmp_path / "absent.yaml").status == 2


def test_the_first_table_is_exact_where_text_is_rounded() -> None:
    """MACs in JSON are those of the library; text of ``compare`` has three decimals."""
    found = json.loads(sparx(*TABLES["compare"], "--json").stdout)["backbones"]
    price = sparx_dsl.cost("sparx_swin_t", (64, 64))
    assert (found[1]["macs"], found[1]["peak_bytes"]) == (price.macs, price.peak_bytes)
    assert f"{price.params / 1e6:.3f} M" in sparx(*TABLES["compare"]).stdout


@given(st.text(max_size=20))
def test_no_text_is_taken_for_markup(text: str) -> None:
    """A cell comes back from CSV and JSON, and Markdown has one line for each row."""
    table = Table("rows", (Field("name", "Name"),), ((text,),))
    listing = Listing("sparx.test", {}, (table,), (table, Line(text)))
    assert json.loads(listing.render("json"))["rows"] == [{"name": text}]
    assert len(listing.as_markdown().split("\n\n")[0].splitlines()) == 3
    for form in ("csv", "markdown", "text"):
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\ud800-\udfff]", listing.render(form))
