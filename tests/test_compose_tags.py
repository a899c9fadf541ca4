"""Tags of YAML: each is refused at its place, and nothing is run, opened or imported for it."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from sparx_dsl.reader.compose import compose
from tests.support.yaml_places import LOADERS, outcome, places

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
