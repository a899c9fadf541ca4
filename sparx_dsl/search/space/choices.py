"""The parts of a space as values: choices, what each of their values writes, conditions, and points."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, cast

from sparx_dsl.errors import Where, quoted, visible
from sparx_dsl.language.frozen import FrozenDict
from sparx_dsl.reader.tree import Node, plain

EditPath = tuple[str | int, ...]
"""A key path with numbers from 1, as in ``Spec.edit``: ``("stages", 3, "S")``."""
LinkAction = Literal["add", "cut"]
Assignment = Mapping[int, int]
"""For each choice, by number, the number of its value, or ``OFF``."""

MOST_SHOWN = 5
"""Choices and values in one message."""
MOST_CHARACTERS = 60
"""Of one value in a message."""
OFF = -1
"""Stands for the value of a choice that does not exist for the values of others."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """One value of a choice, and what it writes into the spec."""

    value: object
    """The value as plain data; None removes a key."""
    patches: tuple[tuple[EditPath, Node], ...] = ()
    """What is laid over the base, and where."""
    links: tuple[tuple[LinkAction, Node], ...] = ()
    """The links that are added or cut."""
    where: Where = field(default_factory=Where, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Condition:
    """A choice exists only while the choice of that name has one of these values (indices from 0)."""

    choice: str
    among: frozenset[int]


@dataclass(frozen=True, slots=True)
class Choice:
    """A named choice among values."""

    name: str
    alternatives: tuple[Alternative, ...]
    when: tuple[Condition, ...] = ()
    strict: bool = True
    """Whether each value was written for this very choice, so that one that can never fit is an error.

    The values of a range, or behind a ``*``, are dropped where they fit nowhere.
    """
    where: Where = field(default_factory=Where, compare=False, repr=False)
    pattern: str = field(default="", compare=False, repr=False)
    """The key with wildcards that stands for this choice among others; empty for a key without any."""

    @property
    def values(self) -> tuple[object, ...]:
        """The values as plain data, in order."""
        return tuple(alternative.value for alternative in self.alternatives)

    @property
    def paths(self) -> tuple[EditPath, ...]:
        """Every key path that one of the values writes to."""
        return tuple(dict.fromkeys(path for one in self.alternatives for path, _ in one.patches))

    @property
    def has_links(self) -> bool:
        """Whether one of the values adds or cuts links."""
        return any(one.links for one in self.alternatives)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Choices that a key with wildcards stands for, or some of their values, which fit no point of the space."""

    pattern: str
    """The key as written, such as ``stages.*.M``."""
    choices: tuple[str, ...]
    """The keys that it stands for, such as ``stages.1.M``."""
    values: tuple[str, ...]
    """The values that do not fit there, as text; empty where no value does."""
    reason: str
    """What the language says of the first of them."""

    def __str__(self) -> str:
        shown = ", ".join(self.choices[:MOST_SHOWN]) + (", …" if len(self.choices) > MOST_SHOWN else "")
        values = ", ".join(self.values[:MOST_SHOWN]) + (", …" if len(self.values) > MOST_SHOWN else "")
        return visible(f"{self.pattern} leaves out {values + ' for ' if values else ''}{shown}: {self.reason}")


@dataclass(frozen=True, slots=True)
class Point:
    """One backbone of a space: for each choice that exists there the number of its value, from 0."""

    picks: FrozenDict[str, int]

    def __str__(self) -> str:
        return ", ".join(f"{name} = #{number + 1}" for name, number in self.picks.items())


def value_text(value: object) -> str:
    """A value in one line: ``7``, a kind without options by its name, ``{kind: …, state: 1}``, ``null`` for no key."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        items = cast("Mapping[object, object]", value).items()
        if [key for key, _ in items] == ["kind"]:
            return str(next(iter(items))[1])
        return f"{{{', '.join(f'{key}: {value_text(one)}' for key, one in items)}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(value_text, cast('list[object]', value)))}]"
    return str(value)


def quoted_value(value: object) -> str:
    """A value of a choice as a message refers to it, in about 60 characters: text in quotes, else ``value_text``."""
    if isinstance(value, str):
        return quoted(value)
    text = visible(value_text(value))
    return text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]}…"


def same(first: object, second: object) -> bool:
    """Whether two plain values are equal and of the same types: ``1``, ``1.0`` and ``true`` are three values."""
    if type(first) is not type(second):
        return False
    if isinstance(first, Mapping):
        one, other = cast("Mapping[object, object]", first), cast("Mapping[object, object]", second)
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(first, list):
        left, right = cast("list[object]", first), cast("list[object]", second)
        return len(left) == len(right) and all(map(same, left, right))
    return first == second


def matches(wanted: object, found: object) -> bool:
    """Whether a value is the wanted one; a mapping is where it has the wanted keys with the wanted values."""
    if not isinstance(wanted, Mapping):
        return same(wanted, found)
    if not isinstance(found, Mapping):
        return False
    keys, have = cast("Mapping[object, object]", wanted), cast("Mapping[object, object]", found)
    return all(key in have and matches(value, have[key]) for key, value in keys.items())


def value_of(node: Node) -> object:
    """The node's plain value."""
    value: object = plain(node)
    return value
