"""The words of docs/glossary.md hold: names, docstrings, comments, messages and pages have none that it replaces."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from tests.support.paths import DOCS, ROOT

PACKAGE = ROOT / "sparx_dsl"
GLOSSARY = DOCS / "glossary.md"
SENTENCES = "## Sentences of messages"
FILES = sorted(PACKAGE.rglob("*.py"))
PAGES = sorted({ROOT / "README.md", *DOCS.glob("*.md")} - {GLOSSARY})


@dataclass(frozen=True)
class Ban:
    """A word or phrase that the glossary replaces, what it says to write, and whether only messages are meant."""

    phrase: str
    instead: str
    only_messages: bool

    @property
    def pattern(self) -> re.Pattern[str]:
        """The phrase as a whole, over line breaks, in any case, also with an s at its end."""
        words = r"\s+".join(re.escape(word) for word in self.phrase.split())
        return re.compile(rf"(?<![\w-]){words}s?(?![\w-])", re.IGNORECASE)


@dataclass(frozen=True)
class Text:
    """A piece of text with its first line's number, and whether it is one that users read as a message."""

    line: int
    text: str
    message: bool = False


@cache
def bans() -> tuple[Ban, ...]:
    """The bans of the glossary's tables: the last column has the words, the first one what to write."""
    text = GLOSSARY.read_text(encoding="utf-8")
    before, _, after = text.partition(SENTENCES)
    return (*rows_of(before, only_messages=False), *rows_of(after, only_messages=True))


def rows_of(text: str, *, only_messages: bool) -> Iterator[Ban]:
    """The bans of the tables in a text of Markdown."""
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("| ").split(" | ")]
        if line.startswith("| ") and not line.startswith("| ---"):
            for phrase in re.findall(r"`([^`]+)`", line.rpartition(" | ")[2]):
                yield Ban(phrase, cells[0], only_messages)


def spelled(name: str) -> str:
    """A name's words: ``read_all`` and ``ReadAll`` are ``read all``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).replace("_", " ").strip()


def names(tree: ast.AST) -> Iterator[Text]:
    """The names that a file gives: functions, classes, arguments, variables and attributes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield Text(node.lineno, spelled(node.name))
        elif isinstance(node, ast.arg):
            yield Text(node.lineno, spelled(node.arg))
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield Text(node.lineno, spelled(node.id))
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield Text(node.lineno, spelled(node.attr))


def literals(tree: ast.AST) -> Iterator[Text]:
    """The docstrings of a file, and its other strings of several words, which are messages."""
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value.strip():
            yield Text(node.lineno, node.value, id(node) not in docs)


def texts(path: Path) -> Iterator[Text]:
    """All that a file of the package has for readers: its own name, names, docstrings, messages and comments."""
    source = path.read_text(encoding="utf-8")
    tree = ast.parse(source)
    yield Text(1, spelled(path.stem))
    yield from names(tree)
    yield from literals(tree)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield Text(token.start[0], token.string)


def banned(found: Iterable[Text]) -> Iterator[str]:
    """Each banned word in some texts: its line, the word, and what to write."""
    for text in found:
        for ban in bans():
            if ban.only_messages and not text.message:
                continue
            for match in ban.pattern.finditer(text.text):
                line = text.line + text.text.count("\n", 0, match.start())
                yield f"line {line}: {match[0]!r}, write: {ban.instead}"


def banned_in(path: Path) -> list[str]:
    """The banned words of a file of the package or of a page."""
    if path.suffix == ".md":
        return sorted(set(banned([Text(1, path.read_text(encoding="utf-8"))])))
    return sorted(set(banned(texts(path))))


def test_the_glossary_replaces_words() -> None:
    """Its tables are read, and no word is replaced by itself."""
    assert len(bans()) > 50
    assert [ban for ban in bans() if ban.pattern.search(ban.instead)] == []


@pytest.mark.parametrize("path", [*FILES, *PAGES], ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_banned_word_is_written(path: Path) -> None:
    """A file of the package, or a page, has none of the words that the glossary replaces."""
    assert banned_in(path) == []


@pytest.mark.parametrize(
    ("source", "seen"),
    [
        ("def mistake_of(node): ...", "line 1: 'mistake', write: error"),
        ("class ToldPrice: ...", "line 1: 'Told', write: tape, record"),
        ("def f(deaths): ...", "line 1: 'deaths', write: write, free"),
        ("self.twin = 1", "line 1: 'twin', write: reference model"),
        ('"""One.\n\nWhich layer\nhears which."""', "line 4: 'hears', write: read"),
        ("x = 1  # made anew", "line 1: 'anew', write: again"),
        ('m = f"there is no node {x}"', "line 1: 'there is no', write: unknown node \"x\"; the file does not exist"),
        ('m = f"a whole\\nnumber {x}"', "line 1: 'a whole\\nnumber'"),
    ],
)
def test_a_banned_word_is_seen(source: str, seen: str, tmp_path: Path) -> None:
    """In a name, a docstring over line breaks, a comment, and a message."""
    path = tmp_path / "planted.py"
    path.write_text(source, encoding="utf-8")
    assert any(found.startswith(seen.replace("'a whole", "'whole")) for found in banned_in(path)), banned_in(path)


def test_words_that_only_look_so_are_not_seen(tmp_path: Path) -> None:
    """A part of a word, a call of another library's method, and a message's word in a docstring."""
    path = tmp_path / "clean.py"
    path.write_text('"""There is no window."""\nstudy.tell(1)\nretold = outland(islands)\n', encoding="utf-8")
    assert banned_in(path) == []
