"""The key paths of a spec as plain data: all of them, or those at which something holds, and their lines in YAML."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, cast

import yaml

Path = tuple[str | int, ...]
Spec = dict[str, Any]

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


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
