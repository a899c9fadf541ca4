"""Limits of the reader: exact, and met before the rest of a hostile text is read."""

from __future__ import annotations

import pytest
import yaml

from sparx_dsl.reader.compose import FAST_LOADER, compose
from sparx_dsl.reader.limits import DEFAULT_LIMITS, Limits
from sparx_dsl.reader.tree import plain
from tests.support.yaml_places import mistakes, outcome, places

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
    "directives": ("".join(f"%TAG !{n}! tag:x,{n}:\n" for n in range(40_000)) + "---\na: 1\n", "SPX018", (51, 1)),
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
