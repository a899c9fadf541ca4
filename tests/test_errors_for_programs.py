"""Errors as SARIF and as GitHub's workflow commands: each at its place, with nothing that ends a line early."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import unquote

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sparx_dsl
from sparx_dsl.errors import SourceText, Span, Where
from tests.support.commands import sparx

WRONG = "sparx: 1\nname: wrong\nstem: {kind: cnv}\nstages: [{channels: 8, depth: 1}]\nlayer: {mixer: {kind: ss2}}\n"


def closed(required: dict[str, object], **optional: object) -> dict[str, object]:
    """An object with these properties and no others, as every object of SARIF is."""
    properties = required | optional
    return {"type": "object", "required": list(required), "properties": properties, "additionalProperties": False}


NUMBER = {"type": "integer", "minimum": 1}
MESSAGE = closed({"text": {"type": "string", "minLength": 1}})
REGION = closed(dict.fromkeys(("startLine", "startColumn", "endLine", "endColumn"), NUMBER))
ARTIFACT = closed({"uri": {"type": "string", "pattern": "^[!-~]+$"}})
PHYSICAL = closed({"artifactLocation": ARTIFACT}, region=REGION)
LOCATIONS = {"type": "array", "items": closed({"physicalLocation": PHYSICAL}, message=MESSAGE)}
RESULT = closed(
    {"ruleId": {"type": "string"}, "level": {"const": "error"}, "message": MESSAGE, "locations": LOCATIONS},
    relatedLocations=LOCATIONS,
)
RULES = {"type": "array", "uniqueItems": True, "items": closed({"id": {"type": "string"}})}
RUN = closed({
    "tool": closed({"driver": closed({"name": {"type": "string"}, "rules": RULES})}),
    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
    "results": {"type": "array", "items": RESULT},
})  # fmt: skip
SARIF = closed({
    "$schema": {"type": "string"}, "version": {"const": "2.1.0"},
    "runs": {"type": "array", "minItems": 1, "items": RUN},
})  # fmt: skip
"""What SARIF 2.1.0 (OASIS, 2020; sections 3.13, 3.14, 3.18, 3.27 to 3.30, 3.49) asks of what is written here; no
package that is kept up carries its schema."""


@pytest.fixture
def wrong(tmp_path: Path) -> Path:
    """A spec with two errors, in a file whose name has a space."""
    path = tmp_path / "my spec.yaml"
    path.write_text(WRONG, encoding="utf-8")
    return path


def test_none_is_a_document_too() -> None:
    """Programs that read the mistakes of a check find that there are none."""
    assert json.loads(sparx("check", "swin_t", "--errors", "json").stderr) == []
    assert json.loads(sparx("check", "swin_t", "--errors", "sarif").stderr)["runs"][0]["results"] == []
    assert sparx("check", "swin_t", "--errors", "concise").stderr == ""


def test_sarif_has_every_error_at_its_place(wrong: Path) -> None:
    """The same codes, files, lines and columns as ``--errors json``, each under the rule of its code."""
    log = json.loads(sparx("check", wrong, "--errors", "sarif").stderr)
    jsonschema.Draft202012Validator(SARIF).validate(log)  # pyright: ignore[reportUnknownMemberType]
    (run,) = log["runs"]
    expected = json.loads(sparx("check", wrong, "--errors", "json").stderr)
    found = [(result["ruleId"], *place(result)) for result in run["results"]]
    assert found == [(one["code"], one["file"], one["line"], one["column"]) for one in expected]
    assert len(found) == 2
    assert {rule["id"] for rule in run["tool"]["driver"]["rules"]} == {one["code"] for one in expected}


def place(result: dict[str, list[dict[str, dict[str, dict[str, str]]]]]) -> tuple[str, str, str]:
    """The file, line and column of a result."""
    where = result["locations"][0]["physicalLocation"]
    file = unquote(where["artifactLocation"]["uri"].removeprefix("file://"))
    return file, where["region"]["startLine"], where["region"]["startColumn"]


def test_github_has_a_line_for_each_error(wrong: Path) -> None:
    """With file, line and code, as workflows on GitHub read them."""
    lines = sparx("check", wrong, "--errors", "github").stderr.splitlines()
    assert [line.partition(",col=")[0] for line in lines] == [
        f"::error file={wrong},line={number},endLine={number}" for number in (3, 5)
    ]
    assert all(re.search(r",title=SPX106::unknown (stem|mixer) kind .*%0Ahelp: ", line) for line in lines)


@given(st.text(), st.text(), st.text())
def test_no_text_ends_a_command_early(message: str, name: str, help: str) -> None:
    """Whatever a message, a file's name and advice have, one error is one line, and its properties are those given."""
    where = Where("", SourceText(name, ""), Span(1, 2, 1, 3))
    error = sparx_dsl.Diagnostic("SPX106", message, where, help=help)
    text = sparx_dsl.render_diagnostics([error], "github")
    assert text.count("\n") == 1
    assert text.endswith("\n")
    properties = text.removeprefix("::error ").split("::")[0].split(",")
    assert [one.partition("=")[0] for one in properties] == ["file", "line", "endLine", "col", "endColumn", "title"]
    assert json.loads(sparx_dsl.render_diagnostics([error], "sarif"))["runs"][0]["results"][0]["ruleId"] == "SPX106"


def test_an_error_without_a_place_has_none() -> None:
    """One about the command line itself."""
    assert sparx("cost", "swin_t", "--size", "0", "--errors", "github").stderr.startswith("::error title=SPX520::")
    log = json.loads(sparx("cost", "swin_t", "--size", "0", "--errors", "sarif").stderr)
    assert log["runs"][0]["results"][0]["locations"] == []
