"""From YAML text to nodes: exact places, every mistake at its place, and nothing that a hostile text could set off."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sparx_dsl.errors import Diagnostic, SourceText, Span, SparxError
from sparx_dsl.reader.compose import FAST_LOADER, compose, compose_events
from sparx_dsl.reader.limits import DEFAULT_LIMITS, Limits
from sparx_dsl.reader.tree import MappingNode, Node, ScalarNode, SequenceNode, plain
from sparx_dsl.reader.yaml_text import read_text

LOADERS = [FAST_LOADER, yaml.SafeLoader]

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


def mistakes(
    text: str | bytes, limits: Limits = DEFAULT_LIMITS, loader: type[Any] = FAST_LOADER
) -> tuple[Diagnostic, ...]:
    """The mistakes of a text that has some."""
    with pytest.raises(SparxError) as caught:
        compose_events(read_text(text, "t.yaml", limits), limits, loader)
    return caught.value.diagnostics


def places(
    text: str | bytes, limits: Limits = DEFAULT_LIMITS, loader: type[Any] = FAST_LOADER
) -> list[tuple[str, int, int]]:
    """Code, line and column of every mistake."""
    found: list[tuple[str, int, int]] = []
    for mistake in mistakes(text, limits, loader):
        span = mistake.where.span
        found.append((mistake.code, span.line, span.column) if span else (mistake.code, 0, 0))
    return found


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


TAGS = [
    "!!python/object:os.system", "!!python/object/apply:os.system", "!!python/object/new:os.system",
    "!!python/name:os.system",
    "!!python/module:os", "!!python/none", "!!python/bool", "!!python/str", "!!python/unicode", "!!python/bytes",
    "!!python/int",
    "!!python/long", "!!python/float", "!!python/complex", "!!python/list", "!!python/tuple", "!!python/dict",
    "!!python/object/apply:subprocess.Popen", "!!python/object/apply:builtins.eval",
    "!!python/object/apply:builtins.exec",
    "!!python/object/new:type", "!!python/object/new:tuple", "!!python/object/apply:__main__.f",
    "!!binary", "!!set", "!!omap", "!!pairs", "!!timestamp", "!!bool", "!!int", "!!float", "!!null", "!!str",
    "!!seq", "!!map",
    "!!merge", "!!value", "!!yaml", "!!foo", "!foo", "!Ref", "!include", "!ENV", "!lambda", "!", "!a.b.c", "!a%20",
    "!<tag:yaml.org,2002:python/object/apply:os.system>", "!<tag:yaml.org,2002:str>", "!<!x>", "!<x:y>", "!e!x",
    "!!a%20b",
]  # fmt: skip
SHAPES: list[tuple[str, int, int]] = [
    ("a: {} 1\n", 1, 4),
    ("b: 1\na:\n  {} [x]\n", 3, 3),
    ("b: 1\n{} k: {{}}\n", 2, 1),
    ("a: [漢, {} {{b: 1}}]\n", 1, 8),
]


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize("tag", TAGS)
def test_every_tag_is_a_mistake_at_the_tag(tag: str, loader: type[Any]) -> None:
    """On a scalar, a list, a key and a mapping, the first mistake is SPX006 where the tag starts."""
    for shape, line, column in SHAPES:
        expected = ("SPX006", line, column)
        assert places(shape.format(tag), loader=loader)[0] == expected


class Watch:
    """Notes what a text might set off while it is on; an audit hook cannot be taken away, so it is switched."""

    forbidden = ("exec", "compile", "import", "open", "os.", "subprocess.", "socket.", "ctypes.", "pickle.", "code.")

    def __init__(self) -> None:
        self.on = False
        self.seen: list[str] = []
        sys.addaudithook(self.hook)

    def hook(self, event: str, _arguments: tuple[Any, ...]) -> None:
        """Note the events that reading must never cause."""
        if self.on and event.startswith(self.forbidden):
            self.seen.append(event)


def test_reading_runs_opens_and_imports_nothing() -> None:
    """No payload causes an audit event for code, files, processes or imports."""
    payloads = [shape.format(tag) for tag in TAGS for shape, _, _ in SHAPES]
    payloads += ["a: 1\n", "a: *b\n", "a: [", "%TAG ! tag:x:\n---\n!y a\n", 'a: "\\ud800"\n']
    for warm in payloads[:2] + payloads[-5:]:
        outcome(lambda warm=warm: compose(warm, "t"))
    watch = Watch()
    watch.on = True
    for payload in payloads:
        outcome(lambda payload=payload: compose(payload, "t"))
    watch.on = False
    assert watch.seen == []
    watch.on = True
    compile("1", "t", "eval")
    watch.on = False
    assert watch.seen == ["compile"]


def outcome(read: Callable[[], MappingNode]) -> object:
    """The tree, or the codes of the mistakes."""
    try:
        return plain(read())
    except SparxError as error:
        return [diagnostic.code for diagnostic in error.diagnostics]


LAUGHS = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10))
MERGES = "a0: &a0 {k: 1}\n" + "".join(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}\n" for n in range(1, 10))
BOMBS = {
    "flow lists": ("[" * 100_000, "SPX002", (1, 65)),
    "closed flow lists": ("[" * 100_000 + "]" * 100_000, "SPX002", (1, 65)),
    "flow mappings": ("{a: " * 100_000, "SPX002", (1, 257)),
    "block lists": ("- " * 100_000, "SPX002", (1, 129)),
    "keys": ("? " * 100_000, "SPX011", (1, 3)),
    "brackets over lines": ("[\n" * 100_000, "SPX002", (65, 1)),
    "laughs": (LAUGHS, "SPX007", (1, 5)),
    "merges": (MERGES, "SPX007", (1, 5)),
    "an alias inside its anchor": ("a: &a [*a]\n", "SPX007", (1, 4)),
    "huge": ("a" * (2**20 + 1), "SPX001", (0, 0)),
    "huge in bytes": ("漢" * 400_000, "SPX001", (0, 0)),
    "tags": ("!!x " * 50_000, "SPX006", (1, 1)),
    "anchors": ("".join(f"&a{n} " for n in range(50_000)), "SPX005", None),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_at_once(name: str) -> None:
    """After a few hundred of the parser's events, at the place where the limit is met."""
    events = 0

    class Counted:
        """The fast loader, each of whose events is counted."""

        def __init__(self, text: str) -> None:
            self._loader = FAST_LOADER(text)

        def check_event(self) -> bool:
            """Whether there is another event."""
            return self._loader.check_event()

        def get_event(self) -> yaml.Event:
            """The next event."""
            nonlocal events
            events += 1
            return self._loader.get_event()

        def dispose(self) -> None:
            """Let go of the text."""
            self._loader.dispose()

    text, code, place = BOMBS[name]
    found = places(text, loader=Counted)
    assert events < 500
    assert place is None or found[0] == (code, *place)
    assert 0 < len(found) <= DEFAULT_LIMITS.errors


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\na: 2\n", [("SPX009", 2, 1)]),
        ("3: 1\n\"3\": 2\n", [("SPX009", 2, 1)]),
        ("0x3: 1\n3: 2\n", [("SPX009", 2, 1)]),
        ("a: yes\nb: [010, 1:30]\n", [("SPX010", 1, 4), ("SPX010", 2, 5), ("SPX010", 2, 10)]),
        ("on: 1\n", [("SPX010", 1, 1)]),
        ("a: .inf\nb: .nan\nc: 1e999\n", [("SPX016", 1, 4), ("SPX016", 2, 4), ("SPX016", 3, 4)]),
        ("? [a]\n: 1\n? {b: 1}\n: 2\n", [("SPX011", 1, 3), ("SPX011", 3, 3)]),
        ("null: 1\ntrue: 2\n1.5: 3\n?\n: 4\n", [("SPX011", 1, 1), ("SPX011", 2, 1), ("SPX011", 3, 1), ("SPX011",
        4, 2)]),
        ("a: &x 1\nb: *x\n", [("SPX007", 1, 4), ("SPX007", 2, 4)]),
        ("<<: {a: 1}\n", [("SPX008", 1, 1)]),
        ("a: &x # why\n  !y 1\n", [("SPX007", 1, 4), ("SPX006", 2, 3)]),
        ("a: !y &x 1\n", [("SPX006", 1, 4), ("SPX007", 1, 7)]),
        ("a: 1\n---\nb: 2\n", [("SPX012", 2, 1)]),
        ("a: yes\n---\n", [("SPX010", 1, 4), ("SPX012", 2, 1)]),
        ("", [("SPX013", 0, 0)]),
        ("# only\n", [("SPX013", 0, 0)]),
        ("---\n", [("SPX013", 0, 0)]),
        ("- a\n", [("SPX014", 1, 1)]),
        ("abc\n", [("SPX014", 1, 1)]),
        ('""\n', [("SPX014", 1, 1)]),
        ("a: \x1b[31m\nb\u202e: 1\n", [("SPX015", 1, 4), ("SPX015", 2, 2)]),
        ('a: "\\e[31m"\n𝒳: "\\u202e"\n', [("SPX015", 1, 4), ("SPX015", 2, 4)]),
        ('漢: "a\\rb"\n', [("SPX015", 1, 4)]),
        ("a: \ud800\n", [("SPX015", 1, 4)]),
        ("a: \u2028\nb: \x85", [("SPX015", 1, 4), ("SPX015", 3, 4)]),
        ("%YAML 1.1\n---\na: 1\n", [("SPX018", 1, 1)]),
        ("%TAG ! tag:x:\n---\na: 1\n", [("SPX018", 1, 1)]),
        ("a: " + "x" * 4097, [("SPX017", 1, 4)]),
        ("x" * 900 + ": " + "9" * 4000, [("SPX016", 1, 903)]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("loader", LOADERS)
def test_every_mistake_is_at_its_place(text: str, expected: list[tuple[str, int, int]], loader: type[Any]) -> None:
    """All the mistakes of a text are reported, in order, with both of PyYAML's parsers."""
    assert places(text, loader=loader) == expected


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("a: [1, 2\n", 1, 9), ("a: {b: 1\n", 1, 9), ("a: 'x\n", 1, 6), ("a: b: c\n", 1, 5), ("a: 1\n b: 2\n", 2, 3),
        ("a:\n\tb: 1\n", 2, 1), ("a: @x\n", 1, 4), ("漢: `x\n", 1, 4), ("- a\nb: 1\n", 2, 1), ("a: 1\n}\n", 2, 1),
        ("a: 'x' y\n", 1, 8), ("a: [1, {]\n", 1, 9), ("a: b\nc d\n", 2, 4),
    ],
)  # fmt: skip
@pytest.mark.parametrize("loader", LOADERS)
def test_broken_yaml_is_reported_where_it_breaks(text: str, line: int, column: int, loader: type[Any]) -> None:
    """Both parsers lead to one place, in our words."""
    (mistake,) = mistakes(text, loader=loader)
    assert mistake.where.span is not None
    assert (mistake.code, mistake.where.span.line, mistake.where.span.column) == ("SPX005", line, column)
    assert "the text is not YAML here" not in mistake.message


def test_broken_yaml_points_at_where_the_broken_thing_starts() -> None:
    """A second place is shown only where it is on another line."""
    (over_lines,) = mistakes("a: [1,\n 2\n")
    assert [related.where.span for related in over_lines.related] == [Span(1, 4, 1, 5)]
    assert mistakes("a: [1, 2\n")[0].related == ()


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize(
    "text",
    [
        'a: "\\ud800"\n',
        'a: "\\UFFFFFFFF"\n',
        'a: "\\U00110000"\n',
        "%YAML 1." + "9" * 5000 + "\n---\na: 1\n",
        "%FOO\n---\n[\n",
    ],
)
def test_absurd_escapes_and_directives_are_mistakes(text: str, loader: type[Any]) -> None:
    """No ValueError, OverflowError or UnicodeError escapes."""
    assert mistakes(text, loader=loader)


def test_bytes_that_are_not_utf_8_are_a_mistake_at_the_byte() -> None:
    """The column counts code points, and other encodings are named by their first byte."""
    assert places("漢: ".encode() + b"\xff\n") == [("SPX004", 1, 4)]
    assert places("a: 1\n".encode("utf-16")) == [("SPX004", 1, 1)]
    assert places(b"a: 1\r\nb: \xed\xa0\x80") == [("SPX004", 2, 4)]


def test_a_byte_order_mark_and_any_line_breaks_are_accepted() -> None:
    """Places do not count the mark, and CRLF and CR end lines as LF does."""
    for text in ("\ufeffa: 1\r\nb:\r\n  - 漢\r\n", "\ufeffa: 1\rb:\r  - 漢\r".encode()):
        root = compose(text, "t")
        assert plain(root) == {"a": 1, "b": ["漢"]}
        assert root.entries[0].key.span == Span(1, 1, 1, 2)
        assert scalars_of(root)[-1].span == Span(3, 5, 3, 6)
    assert plain(compose("a:\t1\t# x\n", "t")) == {"a": 1}
    assert plain(compose("%YAML 1.2\n---\na: 1\n...\n", "t")) == {"a": 1}


def test_mistakes_know_their_key_path() -> None:
    """The path is dotted and 1-based."""
    text = "stages:\n  - {S: 1}\n  - {S: 010, S: 2}\nlayer: !x {mixer: no}\n"
    assert [mistake.where.path for mistake in mistakes(text)] == ["stages.2.S", "stages.2", "layer", "layer.mixer"]


@pytest.mark.parametrize(
    ("limits", "text", "code"),
    [
        (Limits(source_bytes=6), "a: 漢", None), (Limits(source_bytes=5), "a: 漢", "SPX001"),
        (Limits(depth=2), "a: [1]", None), (Limits(depth=1), "a: [1]", "SPX002"),
        (Limits(nodes=4), "a: [1]", None), (Limits(nodes=3), "a: [1]", "SPX003"),
        (Limits(scalar_length=2), "aa: bb", None), (Limits(scalar_length=1), "a: bb", "SPX017"),
    ],
)  # fmt: skip
def test_limits_are_exact(limits: Limits, text: str, code: str | None) -> None:
    """A text at the limit is read, and one above it is not."""
    assert outcome(lambda: compose(text, "t", limits)) == (plain(compose(text, "t")) if code is None else [code])


def test_reading_stops_after_so_many_mistakes() -> None:
    """The limit on mistakes bounds the report."""
    assert len(mistakes("a: [" + "no, " * 1000 + "]")) == DEFAULT_LIMITS.errors
    assert len(mistakes("\x1b" * 1000)) == DEFAULT_LIMITS.errors


@pytest.mark.parametrize("field", ["depth", "nodes", "source_bytes", "params"])
def test_limits_without_sense_are_refused(field: str) -> None:
    """A limit below 1, and a depth that recursion could not bear."""
    with pytest.raises(ValueError, match=field):
        Limits(**{field: 0})
    with pytest.raises(ValueError, match="depth"):
        Limits(depth=201)


def test_a_large_honest_text_is_read() -> None:
    """Nearly a megabyte without a mistake."""
    text = "a:\n" + "".join(f"  - {'x' * 60}{number}\n" for number in range(15_000))
    assert len(plain(compose(text, "t"))["a"]) == 15_000


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
