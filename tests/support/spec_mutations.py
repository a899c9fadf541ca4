"""Ways to break a valid spec, each of which knows the lines where its mistake may be charged."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, cast

import yaml

Path = tuple[str | int, ...]
Spec = dict[str, Any]

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)

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


def dumped(spec: Spec) -> str:
    """The spec as YAML, a key or item a line."""
    text = yaml.dump(spec, Dumper=DUMPER, sort_keys=False, default_flow_style=False, width=10_000)
    return re.sub(r"^name: ([yn])$", r"name: '\1'", text, flags=re.MULTILINE)


def value_at(spec: Any, path: Path) -> Any:
    """The value at a path."""
    for part in path:
        spec = spec[part]
    return spec


def entries(value: Any) -> list[tuple[str | int, Any]]:
    """What a mapping or a list holds, by key or index; nothing of any other value."""
    if isinstance(value, dict):
        return [*cast("Spec", value).items()]
    return [*enumerate(cast("list[Any]", value))] if isinstance(value, list) else []


def paths(value: Any, path: Path = ()) -> Iterator[Path]:
    """Every key and item, outer ones first."""
    for part, inner in entries(value):
        yield (*path, part)
        yield from paths(inner, (*path, part))


def line_of(text: str, path: Path) -> int:
    """The 1-based line of the key (or list item) at a path, as PyYAML's own composer sees it."""
    node = yaml.compose(text, Loader=LOADER)
    line = 1
    for part in path:
        assert node is not None
        if isinstance(node, yaml.SequenceNode):
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            key, node = next(pair for pair in node.value if pair[0].value == str(part))
            line = key.start_mark.line + 1
    return line


def keyed(*names: str) -> Callable[[Spec], list[Path]]:
    """The scalars under keys of these names."""
    return lambda spec: [
        path for path in paths(spec) if path[-1] in names and not isinstance(value_at(spec, path), dict | list)
    ]


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


def mappings(spec: Spec, *, kinds: bool | None = None) -> list[Path]:
    """The mappings with fixed keys: all, or those that have (or have not) a kind."""
    found: list[Path] = [()]
    for path in paths(spec):
        value = value_at(spec, path)
        if isinstance(value, dict) and path[-1] != "layers":
            found.append(path)
    return [path for path in found if kinds is None or ("kind" in value_at(spec, path)) == kinds]


def stages(spec: Spec, having: Callable[[Spec], bool]) -> list[Path]:
    """The stages of which something holds."""
    return [("stages", index) for index, stage in enumerate(spec["stages"]) if having(stage)]


def keys(spec: Spec) -> list[Path]:
    """Every key but layer numbers."""
    return [path for path in paths(spec) if isinstance(path[-1], str)]


def scalars(spec: Spec) -> list[Path]:
    """Every key whose value is one scalar."""
    return [path for path in keys(spec) if not isinstance(value_at(spec, path), dict | list)]


def beyond(spec: Spec, path: Path) -> int:
    """One more than the depth of the stage in which a path lies."""
    return spec["stages"][path[1]]["depth"] + 1


def placed(stage: Spec) -> bool:
    """Whether a stage has ganglion layers."""
    return "S" in stage or "ganglion" in stage


def unnamed(stage: Spec) -> bool:
    """Whether a stage has no name of its own."""
    return "name" not in stage


def first_name(spec: Spec, _path: Path) -> str:
    """The name of the first stage."""
    return spec["stages"][0].get("name", "stage1")


def links(spec: Spec) -> list[Path]:
    """The ends of all links."""
    return [path for path in paths(spec) if path[0] == "links" and path[-1] in ("from", "to")]


OPERATORS: dict[str, Operator] = {
    "required key deleted": Operator(
        lambda spec: [p for p in keys(spec) if p == ("name",) or (p[-1] in REQUIRED and "input" not in p)], without
    ),
    "key misspelt": Operator(keys, misspelt),
    "unknown key added": Operator(mappings, added("colour", "blue")),
    "number as key": Operator(mappings, added(77, 1)),
    "true for a number": Operator(keyed(*NUMBERS), replaced(True)),
    "quoted number": Operator(keyed(*NUMBERS), replaced("8")),
    "fraction for a number": Operator(keyed(*NUMBERS - {"drop_path"}), replaced(8.5)),
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
    "word in capitals": Operator(
        keyed(*WORDS), replaced(lambda spec, path: str(value_at(spec, path)).capitalize())
    ),
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
