"""Ways to break a valid spec, each of which knows the lines where its mistake may be charged."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.support.spec_paths import (
    Path,
    Spec,
    beyond,
    dumped,
    first_name,
    keyed,
    keys,
    line_of,
    links,
    mappings,
    paths,
    placed,
    scalars,
    stages,
    unnamed,
    value_at,
)

NUMBERS = frozenset({
    "channels", "depth", "S", "M", "state", "expand", "rank", "conv", "convs", "groups", "reduction", "ratio", "size",
    "classes", "head_width", "heads", "window", "drop_path", "merging",
    "pyramid_channels", "head_channels", "auxiliary_channels",
})  # fmt: skip
WORDS = frozenset({"cross_stage", "intra", "norm"})
BOOLEANS = frozenset({"dpe", "bias", "gate", "halve", "shift", "shortcut", "auxiliary"})
NAMES = frozenset({"name", "from", "to"})
REQUIRED = frozenset({"sparx", "stem", "stages", "channels", "depth", "kind", "from", "to"})
SLOTS = frozenset({"stem", "mixer", "fusion", "ffn", "downsample", "head"})


@dataclass(frozen=True)
class Mutant:
    """A text, and the lines of which one must be charged first."""

    text: str
    lines: frozenset[int]


@dataclass(frozen=True)
class Operator:
    """One kind of mistake: where it can be made, and how."""

    targets: Callable[[Spec], list[Path]]
    make: Callable[[Spec, Path], Mutant]


Change = Callable[[Spec, Path], Any]
"""What makes a value of the spec and the path."""


def replaced(new: Any | Change) -> Callable[[Spec, Path], Mutant]:
    """Put another value (or what a function makes of the spec and the path) in the place of one."""

    def make(spec: Spec, path: Path) -> Mutant:
        changed = copy.deepcopy(spec)
        value_at(changed, path[:-1])[path[-1]] = new(spec, path) if callable(new) else new
        text = dumped(changed)
        inside = [line_of(text, other) for other in paths(value_at(changed, path), path)]
        return Mutant(text, frozenset({line_of(text, path), *inside}))

    return make


def added(key: str | int | Change, value: Any | Change, *inside: str) -> Callable[[Spec, Path], Mutant]:
    """Put one more key into the mapping at a path, or into one inside it."""

    def make(spec: Spec, path: Path) -> Mutant:
        changed = copy.deepcopy(spec)
        holder = value_at(changed, path)
        for part in inside:
            holder = holder.setdefault(part, {})
        holder[key(spec, path) if callable(key) else key] = value(spec, path) if callable(value) else value
        text = dumped(changed)
        where = (*path, *inside, list(holder)[-1])
        return Mutant(text, frozenset({line_of(text, where)}))

    return make


def without(spec: Spec, path: Path) -> Mutant:
    """Take a key away; the mapping that held it is charged."""
    changed = copy.deepcopy(spec)
    del value_at(changed, path[:-1])[path[-1]]
    text = dumped(changed)
    return Mutant(text, frozenset({line_of(text, path[:-1])}))


def misspelt(spec: Spec, path: Path) -> Mutant:
    """Double the last letter of a key."""
    changed = copy.deepcopy(spec)
    holder = value_at(changed, path[:-1])
    wrong = f"{path[-1]}{str(path[-1])[-1]}"
    entries = [(wrong if key == path[-1] else key, value) for key, value in holder.items()]
    holder.clear()
    holder.update(entries)
    text = dumped(changed)
    return Mutant(text, frozenset({line_of(text, (*path[:-1], wrong))}))


def rewritten(change: Callable[[str], str]) -> Callable[[Spec, Path], Mutant]:
    """Change the line of a scalar as text."""

    def make(spec: Spec, path: Path) -> Mutant:
        lines = dumped(spec).splitlines()
        number = line_of("\n".join(lines), path)
        lines[number - 1] = change(lines[number - 1])
        return Mutant("\n".join(lines) + "\n", frozenset({number}))

    return make


def followed(change: Callable[[str], str]) -> Callable[[Spec, Path], Mutant]:
    """Put a line made of a scalar's line behind it."""

    def make(spec: Spec, path: Path) -> Mutant:
        lines = dumped(spec).splitlines()
        number = line_of("\n".join(lines), path)
        lines.insert(number, change(re.sub(r"^( *)- ", r"\1  ", lines[number - 1])))
        return Mutant("\n".join(lines) + "\n", frozenset({number + 1}))

    return make


def valued(text: str) -> Callable[[Spec, Path], Mutant]:
    """Write ``text`` as the value of a scalar's line."""
    return rewritten(lambda line: f"{line[: line.index(':')]}: {text}")


OPERATORS: dict[str, Operator] = {
    "required key deleted": Operator(
        lambda spec: [p for p in keys(spec) if p == ("name",) or (p[-1] in REQUIRED and "input" not in p)], without
    ),
    "key misspelt": Operator(keys, misspelt),
    "unknown key added": Operator(mappings, added("colour", "blue")),
    "number as key": Operator(mappings, added(77, 1)),
    "true for a number": Operator(keyed(*NUMBERS), replaced(True)),
    "quoted number": Operator(keyed(*NUMBERS), replaced("8")),
    "fraction for a number": Operator(keyed(*NUMBERS - {"drop_path", "ratio", "expand"}), replaced(8.5)),
    "negative number": Operator(keyed(*NUMBERS), replaced(-1)),
    "enormous number": Operator(keyed(*NUMBERS, "layer_scale"), replaced(10**9)),
    "number of twenty digits": Operator(keyed(*NUMBERS), valued("12345678901234567890")),
    "not a number": Operator(keyed(*NUMBERS, "layer_scale"), valued(".nan")),
    "list for a scalar": Operator(
        lambda spec: [p for p in scalars(spec) if p[-1] != "size" or "input" not in p], replaced([1, 2])
    ),
    "mapping for a scalar": Operator(scalars, replaced({"value": 1})),
    "null for a value": Operator(keys, replaced(None)),
    "number for a boolean": Operator(keyed(*BOOLEANS), replaced(1)),
    "number for a word": Operator(keyed(*WORDS), replaced(3)),
    "number for a name": Operator(keyed(*NAMES), replaced(3)),
    "unknown word": Operator(keyed(*WORDS, "M", "rank", "reduction", "layer_scale"), replaced("something")),
    "word in capitals": Operator(keyed(*WORDS), replaced(lambda spec, path: str(value_at(spec, path)).capitalize())),
    "unknown kind": Operator(keyed("kind"), replaced("transformer")),
    "kind of nothing": Operator(keyed("kind"), replaced(2)),
    "word for a kind": Operator(
        lambda spec: [p for p in keys(spec) if p[-1] in SLOTS],
        replaced(lambda spec, path: value_at(spec, path)["kind"]),
    ),
    "list for a mapping": Operator(
        lambda spec: [p for p in keys(spec) if isinstance(value_at(spec, p), dict)], replaced([1])
    ),
    "number for a list": Operator(
        lambda spec: [p for p in keys(spec) if isinstance(value_at(spec, p), list) and p[-1] != "size"], replaced(4)
    ),
    "empty list": Operator(lambda spec: [p for p in keys(spec) if p[-1] in ("stages", "ganglion")], replaced([])),
    "name in capitals": Operator(keyed(*NAMES), replaced("Stage1.Layer1")),
    "wrong version": Operator(keyed("sparx"), replaced(2)),
    "key written twice": Operator(scalars, followed(lambda line: line)),
    "tag": Operator(scalars, rewritten(lambda line: line.replace(": ", ": !!str ", 1))),
    "anchor": Operator(scalars, rewritten(lambda line: line.replace(": ", ": &here ", 1))),
    "alias": Operator(scalars, valued("*there")),
    "ambiguous boolean": Operator(scalars, valued("off")),
    "leading zero": Operator(keyed(*NUMBERS), valued("08")),
    "control character": Operator(scalars, valued('"\\x07"')),
    "merge key": Operator(
        scalars, followed(lambda line: f"{line[: len(line) - len(line.lstrip())]}<<: {{channels: 8}}")
    ),
    "stride beyond the depth": Operator(keyed("S"), replaced(beyond)),
    "window beyond the depth": Operator(
        lambda spec: stages(spec, lambda stage: placed(stage) and "M" not in stage), added("M", beyond)
    ),
    "window without ganglion layers": Operator(
        lambda spec: stages(spec, lambda stage: not placed(stage)), added("M", "all")
    ),
    "stride and list": Operator(
        lambda spec: stages(spec, lambda stage: "S" in stage),
        added("ganglion", lambda spec, path: [value_at(spec, path)["depth"]]),
    ),
    "override of no layer": Operator(lambda spec: stages(spec, lambda _: True), added(beyond, {}, "layers")),
    "reserved stage name": Operator(lambda spec: stages(spec, unnamed), added("name", "forward")),
    "stage name of another position": Operator(lambda spec: stages(spec, unnamed), added("name", "stage9")),
    "name of another stage": Operator(
        lambda spec: [path for path in stages(spec, unnamed) if path[1] != 0], added("name", first_name)
    ),
    "even kernel": Operator(
        lambda spec: [p for p in keyed("conv")(spec) if value_at(spec, p[:-1])["kind"] == "ss2d" and "layers" in p],
        replaced(4),
    ),
    "downsampling in stage 1": Operator(lambda _: [("stages", 0)], added("downsample", {"kind": "conv"})),
    "link to nowhere": Operator(links, replaced("stage9.layer9")),
    "link to the stem": Operator(lambda spec: [p for p in links(spec) if p[-1] == "to"], replaced("stem")),
}
"""Every way to break a spec, by name."""
