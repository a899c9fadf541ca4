"""Journals that are still lines of JSON, with another value, key or line somewhere: what random bytes hardly reach."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

from tests.support.spec_paths import paths, value_at

VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 7, 10**6, 10**30, 0.5, 1e308, float("nan"), float("inf"), "", "x", "sparx", "5",
    "{}", "[]", "null", "2026-01-31T00:00:00", "é" * 40, "\x1b[31m", [], [1], [[]], [None, 1.0], {}, {"": 1}, {"x": {}},
)  # fmt: skip


def mutated_journal(data: bytes, rng: random.Random, mutate: Callable[[bytes], bytes]) -> bytes:
    """The journal with one change; with other bytes, by ``mutate``, where it is not JSON, and in one of four."""
    lines = data.splitlines(keepends=True)
    if not lines or rng.random() < 0.25:
        return mutate(data)
    number = rng.randrange(len(lines))
    way = rng.choice(("value", "value", "bytes of a value", "key", "gone", "line twice", "line gone", "lines in turn"))
    if way == "line twice":
        lines.insert(rng.randrange(len(lines) + 1), lines[number])
    elif way == "line gone":
        del lines[number]
    elif way == "lines in turn":
        rng.shuffle(lines)
    else:
        changed = _changed(lines[number], way, rng, mutate)
        if changed is None:
            return mutate(data)
        lines[number] = changed
    return b"".join(lines)


def _changed(line: bytes, way: str, rng: random.Random, mutate: Callable[[bytes], bytes]) -> bytes | None:
    """A line with a change inside; None where it is no object of JSON with anything in it."""
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    places = list(paths(entry)) if isinstance(entry, dict) else []
    if not places:
        return None
    *path, last = rng.choice(places)
    holder = value_at(entry, tuple(path))
    if way == "bytes of a value":
        text = mutate(json.dumps(holder[last]).encode()).decode("utf-8", "replace")
        try:
            holder[last] = json.loads(text)
        except (ValueError, RecursionError):
            holder[last] = text
    elif way == "key" and isinstance(holder, dict):
        holder[str(rng.choice(VALUES))] = holder.pop(last)
    elif way == "gone":
        del holder[last]
    else:
        holder[last] = rng.choice(VALUES)
    return json.dumps(entry).encode() + b"\n"
