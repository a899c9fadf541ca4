"""What may stand at a place of a spec, read off the language's JSON Schema: keys, and descriptions of values."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaWarningKind

from sparx_dsl.errors import plural
from sparx_dsl.language.models import PLACE_PATTERN, SpecModel
from sparx_dsl.reader.quantities import BYTES_PATTERN, COUNT_PATTERN
from sparx_dsl.reader.tree import MappingNode, Node, ScalarNode, SequenceNode
from sparx_dsl.registry import default_registry

Schema = Mapping[str, Any]
KeyPath = tuple[str | int, ...]
"""Keys and 0-based list indices from the root of a spec."""
MOST_KINDS: Final = 8
"""So many kinds are named where a mapping is described; how many more there are is said."""


@dataclass(frozen=True, slots=True)
class Slot:
    """What the language allows at one place."""

    schema: Schema
    definitions: Schema
    """What ``$ref`` refers to."""

    def branches(self) -> Iterator[Slot]:
        """Each way to fill the place, references followed; ``null`` is none."""
        schema, definitions = self.schema, {**self.definitions, **self.schema.get("$defs", {})}
        if "$ref" in schema:
            yield from Slot(definitions[str(schema["$ref"]).rpartition("/")[2]], definitions).branches()
        elif "anyOf" in schema:
            for branch in schema["anyOf"]:
                yield from Slot(branch, definitions).branches()
        elif schema.get("type") != "null":
            yield Slot(schema, definitions)

    def at(self, node: Node) -> Slot:
        """The branch that the mapping ``node`` chooses by its ``kind``; the slot itself where there is no choice."""
        if not self.kinds:
            return self
        chosen = node.entry("kind") if isinstance(node, MappingNode) else None
        name = chosen.value.value if chosen is not None and isinstance(chosen.value, ScalarNode) else None
        return next((branch for branch in self.branches() if name is not None and branch.kind == name), self)

    @property
    def kind(self) -> str | None:
        """The name of the kind that this branch describes."""
        return self.schema.get("properties", {}).get("kind", {}).get("const")

    @property
    def kinds(self) -> tuple[str, ...]:
        """The names of the kinds that can stand here."""
        return tuple(branch.kind for branch in self.branches() if branch.kind is not None)

    def fields(self) -> dict[str, Slot]:
        """The keys of a mapping here, and what each of them holds."""
        found: dict[str, Slot] = {}
        for branch in self.branches():
            for key, schema in branch.schema.get("properties", {}).items():
                found.setdefault(key, Slot(schema, branch.definitions))
        return found

    def step(self, part: str | int) -> Slot | None:
        """What may stand one key or item further in; None where nothing can."""
        for branch in self.branches():
            schema = branch.schema
            if isinstance(part, str) and part in schema.get("properties", {}):
                return Slot(schema["properties"][part], branch.definitions)
            if isinstance(part, int) and schema.get("type") == "array":
                first = schema.get("prefixItems", ())
                return Slot(first[part] if part < len(first) else schema.get("items", {}), branch.definitions)
            if isinstance(schema.get("additionalProperties"), Mapping):
                return Slot(schema["additionalProperties"], branch.definitions)
        return None

    @property
    def words(self) -> tuple[str | int, ...]:
        """The fixed values that can stand here."""
        found: list[str | int] = []
        for branch in self.branches():
            found += branch.schema.get("enum", [])
            found += [branch.schema["const"]] if "const" in branch.schema else []
        return tuple(found)

    def takes(self, *types: str) -> bool:
        """Whether a value of one of these JSON types can stand here."""
        return any(branch.schema.get("type") in types for branch in self.branches())

    @property
    def at_most_one(self) -> bool:
        """Whether a number here is a part: at most 1."""
        bounds = (branch.schema.get("maximum", branch.schema.get("exclusiveMaximum")) for branch in self.branches())
        return any(bound is not None and bound <= 1 for bound in bounds)

    @property
    def amount_of(self) -> Literal["counts", "bytes"] | None:
        """Whether an amount with a unit can stand here, and of what."""
        patterns = {branch.schema.get("pattern") for branch in self.branches()}
        return "bytes" if BYTES_PATTERN in patterns else "counts" if COUNT_PATTERN in patterns else None

    def requires(self, key: str | int) -> bool:
        """Whether a mapping here cannot be without that key."""
        return any(key in branch.required for branch in self.branches())

    @property
    def default_is_null(self) -> bool:
        """Whether a key that holds this may be left out, and is null then."""
        return "default" in self.schema and self.schema["default"] is None

    @property
    def required(self) -> tuple[str, ...]:
        """The keys that a mapping of this branch cannot be without."""
        return tuple(self.schema.get("required", ()))

    @property
    def is_place(self) -> bool:
        """Whether the name of a node stands here."""
        return any(branch.schema.get("pattern") == PLACE_PATTERN for branch in self.branches())

    def __str__(self) -> str:
        """The values that can stand here, as a description."""
        if self.kinds:
            first, others = self.kinds[:MOST_KINDS], self.kinds[MOST_KINDS:]
            return f"a mapping with a kind ({', '.join(first)}{f' and {len(others)} others' if others else ''})"
        branches = list(self.branches())
        others = dict.fromkeys(text for branch in branches if not branch.words for text in _texts(branch))
        words = [str(word) for word in self.words]
        if others and words:
            return f"{enumerated(list(others))}, or {enumerated(words)}"
        return enumerated(list(others) or words)


class _QuietSchema(GenerateJsonSchema):
    """Defaults that JSON cannot hold are of no interest here."""

    ignored_warning_kinds: set[JsonSchemaWarningKind] = {"skipped-choice", "non-serializable-default"}  # noqa: RUF012


def language() -> Slot:
    """What may stand at the root of a spec."""
    return _language(default_registry().revision)


@functools.lru_cache(maxsize=1)
def _language(revision: int) -> Slot:
    """The same for the kinds that there are at that revision of the registry."""
    schema = SpecModel.model_json_schema(schema_generator=_QuietSchema)
    return Slot(schema, schema.get("$defs", {}))


def walk(root: Node, parts: KeyPath) -> tuple[KeyPath, Slot]:
    """How far a pydantic ``loc`` leads among the keys that are both written and known, and what may stand there."""
    node, slot = root, language()
    path: list[str | int] = []
    for part in parts:
        inner, following = slot.at(node).step(part), child(node, part)
        if inner is None or following is None:
            break
        path.append(part)
        node, slot = following, inner
    return tuple(path), slot.at(node)


def child(node: Node, part: str | int) -> Node | None:
    """The value under a key, or the item at a 0-based index."""
    if isinstance(node, MappingNode):
        entry = node.entry(part)
        return None if entry is None else entry.value
    if isinstance(node, SequenceNode) and isinstance(part, int) and part < len(node.items):
        return node.items[part]
    return None


def node_at(root: Node, path: KeyPath) -> Node:
    """The node at the end of a path, or the last one on the way that exists."""
    node = root
    for part in path:
        node = child(node, part) or node
    return node


def enumerated(words: list[str]) -> str:
    """``a``, ``a or b``, ``a, b or c``."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _texts(branch: Slot) -> list[str]:
    """A description of one branch."""
    schema = branch.schema
    match schema.get("type"):
        case "integer":
            return [f"an integer{_bounds(schema)}"]
        case "number":
            return [f"a number{_bounds(schema)}"]
        case "boolean":
            return ["true or false"]
        case "string":
            example = schema.get("examples", ["sparx_mamba_t"])[0]
            return ["the name of a node, such as stage3.layer4" if branch.is_place else f"text such as {example}"]
        case "array":
            return [_array(schema)]
        case _:
            return ["a mapping"]


def _array(schema: Schema) -> str:
    """A description of a list."""
    least, most = schema.get("minItems", 0), schema.get("maxItems")
    if least == most:
        return f"a list of {most} items"
    if most is not None:
        return f"a list of {least} to {most} items"
    return f"a list of at least {least} {plural(least, 'item')}" if least else "a list"


def _bounds(schema: Schema) -> str:
    """The bounds of a number as a description."""
    least, most, beyond = schema.get("minimum"), schema.get("maximum"), schema.get("exclusiveMaximum")
    if most is not None:
        return f" from {_number(least or 0)} to {_number(most)}"
    if beyond is not None:
        return f" from {_number(least or 0)} to below {_number(beyond)}"
    return "" if least is None else f" of at least {_number(least)}"


def _number(value: float) -> str:
    """A bound without a needless fraction."""
    return str(int(value)) if value == int(value) else str(value)
