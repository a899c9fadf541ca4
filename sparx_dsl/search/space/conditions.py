"""The conditions under which choices exist, and what is wrong with choices that may exist together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from sparx_dsl.errors import Code, Diagnostic, Related, SparxError, Where, did_you_mean, quoted
from sparx_dsl.reader.tree import Entry, Node, SequenceNode
from sparx_dsl.search.space.choices import Choice, Condition, EditPath, matches, quoted_value, value_of
from sparx_dsl.search.space.edit_paths import fill_wildcards, join_path
from sparx_dsl.search.space.existence import dependencies, in_order_of_need, numbers_of
from sparx_dsl.search.space.parse_values import error_at, place_of
from sparx_dsl.search.space.spec_keys import SpecKeys

MOST_COMPARED = 2**21
"""How often a value may be compared with another, or a choice, before a space is refused as too large."""


def too_many(what: str, where: Where, most: str = f"{MOST_COMPARED:,} comparisons") -> Diagnostic:
    """The error of a space whose choices or conditions would take too long."""
    message = f"{what}: more than {most}"
    return Diagnostic(Code.TOO_MANY_VALUES, message, where, help="write fewer choices, values or conditions")


class ValueNumbers:
    """The choices of a space by name, and the numbers of the values that conditions mean."""

    def __init__(self, choices: Sequence[Choice]) -> None:
        self.choices = {choice.name: choice for choice in reversed(choices)}  # the first where two have a name
        self._scalars: dict[str, dict[tuple[type, object], set[int]]] = {}
        self._others: dict[str, list[tuple[int, object]]] = {}
        self._compared = 0

    def of(self, node: Node, choice: Choice) -> set[int]:
        """The numbers of the values of a choice that a condition's value means.

        Scalars are looked up; lists and mappings are compared with those of the choice. Raises ``SparxError`` (SPX003)
        where that was done too often.
        """
        wanted = value_of(node)
        if choice.name not in self._scalars:
            self._gather(choice)
        if not isinstance(wanted, Mapping | list):
            return self._scalars[choice.name].get((type(wanted), wanted), set())
        others = self._others[choice.name]
        self._compared += len(others)
        if self._compared > MOST_COMPARED:
            raise SparxError(too_many("the conditions name values of choices that have many", place_of(node)))
        return {number for number, value in others if matches(cast(object, wanted), value)}

    def _gather(self, choice: Choice) -> None:
        scalars, others = self._scalars.setdefault(choice.name, {}), self._others.setdefault(choice.name, [])
        for number, value in enumerate(choice.values):
            if isinstance(value, Mapping | list):
                others.append((number, cast(object, value)))
            else:
                scalars.setdefault((type(value), value), set()).add(number)


def parse_condition(choice: Choice, entry: Entry, wildcards: tuple[str | int, ...], numbers: ValueNumbers) -> Condition:
    """One line of a ``when``; raises ``SparxError``."""
    name = fill_wildcards(str(entry.key.value), wildcards)
    other = numbers.choices.get(name)
    if other is None or other is choice:
        message = f"unknown choice {quoted(name)}" if other is None else f"{name} cannot depend on itself"
        advice = did_you_mean(name, numbers.choices)
        raise SparxError(Diagnostic(Code.CONDITION_ON_UNKNOWN_CHOICE, message, place_of(entry.key), help=advice))
    node = entry.value
    # A list is one value where the choice has it, else a list of values.
    whole = numbers.of(node, other)
    items = node.items if isinstance(node, SequenceNode) and not whole else (node,)
    among: set[int] = set()
    for item in items:
        found = numbers.of(item, other)
        if not found:
            message = f"{name} never has the value {quoted_value(value_of(item))}"
            listed = ", ".join(quoted_value(value) for value in other.values[:8])
            notes = (f"its values are {listed}",)
            raise SparxError(Diagnostic(Code.CONDITION_NEVER_HOLDS, message, place_of(item), notes))
        among |= found
    if not among:
        raise error_at(node, Code.CONDITION_NEVER_HOLDS, f"no value of {name} is wanted, so {choice.name} never exists")
    return Condition(name, frozenset(among))


def circular_conditions(choices: Sequence[Choice], keys: SpecKeys) -> list[Diagnostic]:
    """The error of the first choice whose existence depends on its own value."""
    numbers = numbers_of(choices)
    ordered = in_order_of_need([dependencies(choice, numbers, keys) for choice in choices])
    return [
        Diagnostic(
            Code.CIRCULAR_CONDITIONS,
            f"whether {choices[number].name} exists depends, by way of others, on its own value",
            choices[number].where, help="remove one of the whens",
        )
        for number in sorted(set(range(len(choices))) - set(ordered))[:1]
    ]  # fmt: skip


def keys_written_twice(choices: Sequence[Choice]) -> list[Diagnostic]:
    """The errors of keys that are driven by two choices which may exist together."""
    found: list[Diagnostic] = []
    holders: dict[EditPath, list[Choice]] = {}
    compared = 0
    for choice in choices:
        for path in choice.paths:
            held = holders.setdefault(path, [])
            compared += len(held)
            if compared > MOST_COMPARED:
                return [too_many(f"{len(held):,} choices drive {join_path(path)}", choice.where)]
            clash = next((one for one in held if not _exclude(one, choice)), None)
            if clash is not None:
                message = f"{join_path(path)} is driven by two choices, {clash.name} and {choice.name}"
                related = (Related(clash.where, "the other one"),)
                advice = "join them under one name, or give them conditions that exclude each other"
                found.append(Diagnostic(Code.KEY_CHOSEN_TWICE, message, choice.where, (), advice, related))
            held.append(choice)
    return found


def _exclude(first: Choice, second: Choice) -> bool:
    """Whether two choices never exist together: they want different values of one choice."""
    wanted = {condition.choice: condition.among for condition in first.when}
    return any(not (wanted.get(condition.choice, condition.among) & condition.among) for condition in second.when)
