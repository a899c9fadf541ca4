"""The catalogue of codes: complete, its snippets true, its page up to date."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

import sparx_dsl
from sparx_dsl.codes import builtin_codes, explain_code
from sparx_dsl.errors import Code, CodeEntry
from tests.support.errors_page import FAMILIES, catalogue_page
from tests.support.paths import DOCS, ROOT

CODE = re.compile(r"\bSPX\d{3}\b")
CODES = builtin_codes()
PACKAGE = ROOT / "sparx_dsl"
NAMES = PACKAGE / "errors" / "code_names.py"
EXPLAINING = {*PACKAGE.glob("errors/catalogue/*.py"), *PACKAGE.glob("kinds/**/codes.py")}
"""The files that explain codes and raise none."""

BASE: Mapping[str, Any] = {
    "sparx": 1,
    "name": "base",
    "stem": {"kind": "conv"},
    "layer": {"mixer": {"kind": "ss2d"}},
    "stages": [{"channels": 16, "depth": 2}, {"channels": 32, "depth": 4, "S": 2}],
}
"""A sound spec; a snippet's keys take the place of its own."""

SNIPPETS = [entry for code, entry in CODES.items() if entry.wrong and not code.startswith("SPX0")]


@pytest.fixture(scope="module")
def trees() -> Mapping[Path, ast.Module]:
    """What every file of the package parses to."""
    return {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(PACKAGE.rglob("*.py"))}


def codes_of(snippet: str, folder: Path) -> set[str]:
    """What a snippet is charged with, once it is made a spec; one that extends lies beside base.yaml."""
    keys = yaml.safe_load(snippet)
    whole = keys if "extends" in keys else {**BASE, **keys}
    (folder / "base.yaml").write_text(yaml.safe_dump(dict(BASE)), encoding="utf-8")
    (folder / "spec.yaml").write_text(yaml.safe_dump(whole, sort_keys=False), encoding="utf-8")
    try:
        sparx_dsl.connect(sparx_dsl.load_spec(folder / "spec.yaml"))
    except sparx_dsl.SparxError as error:
        return {mistake.code for mistake in error.diagnostics}
    return set()


@pytest.mark.parametrize("entry", SNIPPETS, ids=lambda entry: entry.code)
def test_the_wrong_snippet_earns_the_code_and_the_right_one_none(entry: CodeEntry, tmp_path: Path) -> None:
    """Each snippet does what the catalogue says of it."""
    assert codes_of(entry.wrong, tmp_path) == {entry.code}
    assert codes_of(entry.right, tmp_path) == set()


def test_the_base_of_the_snippets_is_sound(tmp_path: Path) -> None:
    """What the snippets are laid over has no mistake of its own."""
    assert codes_of("{name: other}", tmp_path) == set()


def numbers(tree: ast.AST) -> list[str]:
    """The numbers that a file writes as values, in docstrings none."""
    values = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    return [value for value in values if isinstance(value, str) and CODE.fullmatch(value)]


def raised(tree: ast.AST) -> Iterator[str]:
    """The numbers of the diagnostics that a file raises by name: ``Code.UNKNOWN_KEY``, or a name of a kind's codes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and re.fullmatch(r"(sparx_dsl\.)?Code", ast.unparse(node.value)):
            yield Code[node.attr].value
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.endswith(".codes"):
            module = importlib.import_module(node.module)
            yield from (str(vars(module)[alias.name]) for alias in node.names if alias.name.isupper())


def test_every_code_is_raised_and_explained(trees: Mapping[Path, ast.Module]) -> None:
    """The package raises no code without an entry, and no entry explains a code that nothing raises."""
    others = [tree for path, tree in trees.items() if path not in {NAMES, *EXPLAINING}]
    assert {code for tree in others for code in raised(tree)} == set(CODES)
    assert {*Code} <= set(CODES)
    texts = [path.read_text(encoding="utf-8") for path in trees]
    assert {code for text in texts for code in CODE.findall(text)} == set(CODES)


def test_diagnostics_are_raised_by_name(trees: Mapping[Path, ast.Module]) -> None:
    """A number is written once, beside its name: in the table of names, or in the ``codes.py`` of a kind's folder."""
    written = {path: found for path, tree in trees.items() if (found := numbers(tree))}
    assert set(written) <= {NAMES, *PACKAGE.glob("kinds/**/codes.py")}
    assert sorted(number for found in written.values() for number in found) == sorted(CODES)


@pytest.mark.parametrize(
    ("text", "written", "named"),
    [
        ('raise SparxError(Diagnostic("SPX320", message))', ["SPX320"], []),
        ("raise SparxError(Diagnostic(Code.INVALID_INPUT_SHAPE, message))", [], ["SPX320"]),
        ("refuse(sparx_dsl.Code.UNKNOWN_CODE, message)", [], ["SPX530"]),
        ("from sparx_dsl.kinds.mixers.ss2d.codes import EVEN_KERNEL", [], ["SPX210"]),
        ('"""Raises ``SparxError`` (SPX320)."""', [], []),
    ],
)
def test_a_number_and_a_name_are_seen(text: str, written: list[str], named: list[str]) -> None:
    """The walk finds a diagnostic that is raised by its number, and one that is raised by its name."""
    assert (numbers(ast.parse(text)), list(raised(ast.parse(text)))) == (written, named)


def test_every_code_of_a_spec_has_snippets() -> None:
    """Codes that a spec alone can earn show how; the others are about calls, files and sizes."""
    bare = {code for code, entry in CODES.items() if not entry.wrong and code < "SPX5"}
    about_calls = {"SPX112", "SPX130", "SPX131", "SPX132", "SPX310", "SPX320", "SPX321", "SPX322", "SPX323", "SPX324",
                   "SPX325", "SPX326", "SPX327", "SPX328", "SPX402", "SPX403", "SPX405", "SPX406", "SPX407", "SPX408",
                   "SPX409", "SPX410", "SPX411", "SPX412", "SPX413", "SPX414", "SPX415"}  # fmt: skip
    about_bytes = {"SPX001", "SPX003", "SPX004", "SPX017", "SPX019"}
    assert bare == about_calls | about_bytes | {"SPX199"}


def test_the_page_in_the_documentation_is_up_to_date() -> None:
    """docs/errors.md is what the catalogue makes; to renew it, write ``catalogue_page(builtin_codes())`` there."""
    assert (DOCS / "errors.md").read_text(encoding="utf-8") == catalogue_page(CODES)


def test_the_page_names_the_codes() -> None:
    """Under the number of a code stands its name in Python."""
    page = catalogue_page(CODES)
    shown = re.findall(r"^### (SPX\d{3}): [^\n]+\n\n`sparx_dsl\.Code\.([A-Z0-9_]+)`$", page, re.MULTILINE)
    assert {number: getattr(Code, name) for number, name in shown} == {str(code): code for code in Code}


@pytest.mark.parametrize("code", CODES)
def test_a_code_explains_itself(code: str) -> None:
    """``explain_code`` gives the title, the explanation and the snippets, also for a code in lower case."""
    entry, text = CODES[code], explain_code(code.lower())
    assert text.startswith(f"{code}: {entry.title}\n\n{entry.explanation}\n")
    assert ("Wrong:" in text) == bool(entry.wrong)
    assert f"### {code}: {entry.title}" in catalogue_page(CODES)
    assert code[:4] in FAMILIES


def test_an_unknown_code_is_a_mistake_too() -> None:
    """Asking for a code that is not there is charged with SPX530 and answered with the closest one."""
    with pytest.raises(sparx_dsl.SparxError) as caught:
        explain_code("SPX2O4")
    assert [(mistake.code, mistake.help) for mistake in caught.value.diagnostics] == [
        ("SPX530", 'did you mean "SPX204"?')
    ]
