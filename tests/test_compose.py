"""From YAML text to nodes: values, types and exact places."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sparx_dsl.errors import SourceText, Span, SparxError
from sparx_dsl.reader.compose import compose, compose_events
from sparx_dsl.reader.limits import DEFAULT_LIMITS
from sparx_dsl.reader.tree import MappingNode, Node, ScalarNode, SequenceNode, plain
from sparx_dsl.reader.yaml_text import read_text
from tests.support.yaml_places import LOADERS, mistakes

words = st.text(alphabet="abz漢𝒳é", min_size=1, max_size=4)
scalars = st.one_of(
    st.booleans(), st.none(), st.integers(-(10**17), 10**17), words,
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    st.text(alphabet="ab :#-'\"\n\t{}[],&*!%@`|>漢𝒳", max_size=12),
    st.sampled_from(["no", "010", "1_000", "1:30", "2024-01-01", "null", "<<", "~", "", " ", "x" * 200]),
)  # fmt: skip
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4), max_leaves=20
)
mappings = st.dictionaries(words | st.integers(0, 99), values, min_size=1, max_size=5)


def cut(source: SourceText, span: Span) -> str:
    """The text of a span, by its definition: lines and code points from 1, the end exclusive."""
    lines = ["", *source.text.splitlines(keepends=True), ""]
    if span.line == span.end_line:
        return lines[span.line][span.column - 1 : span.end_column - 1]
    between = lines[span.line + 1 : span.end_line]
    return "".join([lines[span.line][span.column - 1 :], *between, lines[span.end_line][: span.end_column - 1]])


def scalars_of(node: Node) -> list[ScalarNode]:
    """Every key and value of a tree."""
    if isinstance(node, ScalarNode):
        return [node]
    if isinstance(node, SequenceNode):
        return [scalar for item in node.items for scalar in scalars_of(item)]
    return [scalar for entry in node.entries for scalar in (entry.key, *scalars_of(entry.value))]


def dumped(data: object) -> str:
    """The YAML that PyYAML writes for some data, in block style, flow style or a mixture of both."""
    style = (True, False, None)[len(repr(data)) % 3]
    return yaml.safe_dump(data, allow_unicode=True, sort_keys=False, default_flow_style=style, width=60)


@given(mappings)
@pytest.mark.parametrize("loader", LOADERS)
def test_what_pyyaml_writes_is_read_back(loader: type[Any], data: dict[Any, Any]) -> None:
    """Values and types survive; PyYAML quotes every text that it would read as something else."""
    root = compose_events(read_text(dumped(data), "t", DEFAULT_LIMITS), DEFAULT_LIMITS, loader)
    assert repr(plain(root)) == repr(data)


@given(mappings, st.sampled_from(["\n", "\r\n"]))
def test_the_text_of_a_span_is_the_scalar(data: dict[Any, Any], newline: str) -> None:
    """Cut out of the text, every key and value reads as itself."""
    text = dumped(data).replace("\n", newline)
    root = compose(text, "t")
    for scalar in scalars_of(root):
        assert scalar.span is not None
        assert scalar.source is not None
        piece = cut(scalar.source, scalar.span)
        again = compose("x: " + piece.replace(newline, newline + " "), "t").entries[0].value
        assert isinstance(again, ScalarNode)
        assert (again.value, again.text) == (scalar.value, scalar.text)


def collections_of(node: Node) -> list[SequenceNode | MappingNode]:
    """Every list and mapping of a tree."""
    if isinstance(node, ScalarNode):
        return []
    children = node.items if isinstance(node, SequenceNode) else [entry.value for entry in node.entries]
    return [node, *(found for child in children for found in collections_of(child))]


@given(mappings)
def test_collections_have_spans_of_one_line_that_start_where_they_start(data: dict[Any, Any]) -> None:
    """A collection's span starts with its bracket, its dash, or its first key, and never leaves its line."""
    text = dumped(data)
    for node in collections_of(compose(text, "t")):
        assert node.span is not None
        assert node.span.line == node.span.end_line
        line = text.splitlines()[node.span.line - 1]
        assert 1 <= node.span.column < node.span.end_column <= len(line) + 1
        start = line[node.span.column - 1]
        if isinstance(node, SequenceNode):
            assert start in "[-"
        elif start != "{" or (node.entries and node.entries[0].key.text.startswith("{")):
            assert node.entries[0].key.span is not None
            assert node.entries[0].key.span.column in (node.span.column, node.span.column + 2)


def injected(data: list[str], path: list[int], key: str) -> str:
    """Flow YAML with ``key`` twice, on lines of their own, in a mapping nested as ``path`` says."""
    before, between = [f"{name}: 1," for name in data], [f"{name}_: 2," for name in data]
    inner = ["{", *before, f"{key}: 3,", *between, f"{key}: 4", "}"]
    for step in path:
        inner = ["[", *["0,"] * step, *inner, "]"] if step % 2 else ["{", "outer:", *inner, "}"]
    return "\n".join(["top:", *(f" {line}" for line in inner)]) + "\n"


@given(
    st.lists(st.sampled_from(["a", "b", "漢"]), unique=True),
    st.lists(st.integers(0, 3), max_size=20),
    st.sampled_from(["k", '"k"', "𝒳", "3"]),
)
def test_a_duplicate_key_is_reported_with_both_lines(data: list[str], path: list[int], key: str) -> None:
    """At any depth, the mistake is at the second key and points at the first."""
    text = injected(data, path, key)
    lines = [number for number, line in enumerate(text.splitlines(), 1) if line.strip().startswith(f"{key}:")]
    (mistake,) = mistakes(text)
    (related,) = mistake.related
    assert mistake.code == "SPX009"
    assert mistake.where.span is not None
    assert related.where.span is not None
    assert [related.where.span.line, mistake.where.span.line] == lines
    assert cut(SourceText("t", text), mistake.where.span) == cut(SourceText("t", text), related.where.span) == key


def test_a_byte_order_mark_and_any_line_breaks_are_accepted() -> None:
    """Places do not count the mark, and CRLF and CR end lines as LF does."""
    for text in ("\ufeffa: 1\r\nb:\r\n  - 漢\r\n", "\ufeffa: 1\rb:\r  - 漢\r".encode()):
        root = compose(text, "t")
        assert plain(root) == {"a": 1, "b": ["漢"]}
        assert root.entries[0].key.span == Span(1, 1, 1, 2)
        assert scalars_of(root)[-1].span == Span(3, 5, 3, 6)
    assert plain(compose("a:\t1\t# x\n", "t")) == {"a": 1}
    assert plain(compose("%YAML 1.2\n---\na: 1\n...\n", "t")) == {"a": 1}


@given(st.text(alphabet="ab: -[]{},'\"\n#&*!|>%@`?~\\0x1e.\t\r\x00\u202e漢", max_size=60) | st.binary(max_size=60))
@pytest.mark.parametrize("loader", LOADERS)
def test_nothing_but_a_sparx_error_escapes(loader: type[Any], text: str | bytes) -> None:
    """Random texts are read or refused, at places inside the text or right behind it."""
    try:
        compose_events(read_text(text, "t", DEFAULT_LIMITS), DEFAULT_LIMITS, loader)
    except SparxError as error:
        for diagnostic in error.diagnostics:
            span, source = diagnostic.where.span, diagnostic.where.source
            assert source is not None
            if span is not None:
                lines = source.text.splitlines() or [""]
                assert 1 <= span.line <= len(lines) + 1
                assert 1 <= span.column <= len(source.line(span.line)) + 1


@pytest.mark.parametrize("count", [3, 32, 33, 500])
def test_an_entry_is_found_by_its_key_in_mappings_of_any_size(count: int) -> None:
    """Given as text or as an integer, as it may be written; an item that is there twice is an error before that."""
    tree = compose("".join(f"{number}: a{number}\nk{number}: b{number}\n" for number in range(count)), "sizes")
    for number in range(count):
        assert tree.entry(number) is tree.entry(str(number)) is tree.entries[2 * number]
        assert tree.entry(f"k{number}") is tree.entries[2 * number + 1]
    assert tree.entry(count) is tree.entry("") is None
