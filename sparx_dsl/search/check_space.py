"""What is wrong with the choices of a space: values that the language refuses, and values that never fit."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from pydantic import ValidationError

from sparx_dsl.errors import Code, Diagnostic, SparxError
from sparx_dsl.graph import connect
from sparx_dsl.language.checks.schema_errors import schema_diagnostics
from sparx_dsl.language.models import SpecModel
from sparx_dsl.language.spec import spec_of
from sparx_dsl.reader.tree import MappingNode, Node, SequenceNode, plain
from sparx_dsl.search.constraints.effort import Effort
from sparx_dsl.search.search_space import Space
from sparx_dsl.search.space.choices import (
    MOST_SHOWN,
    OFF,
    Alternative,
    Assignment,
    Choice,
    EditPath,
    LeftOut,
    quoted_value,
    value_text,
)
from sparx_dsl.search.space.conditions import too_many
from sparx_dsl.search.space.edit_paths import join_path
from sparx_dsl.search.space.materialize import overlay, overlay_links
from sparx_dsl.search.space.spec_keys import INVALID, keys_in
from sparx_dsl.search.space_model import SpaceModel

MAX_CONTEXTS = 64
"""Combinations of wider choices within which a value is tried."""
MAX_BESIDE = 4096
"""Combinations of the choices beside it within which one is tried that fits in none of wider ones."""
MAX_VALIDATED = 8_000_000
"""Keys and values that are checked for all values of a space: those of its base, for each of them."""
MAX_REASONS = 8
"""Values of which it is looked up why they do not fit."""
ALONE = "laid over the base alone: "


def refused_values(space: SpaceModel) -> Iterator[Diagnostic]:
    """The language's own diagnostics of single values, each at its place in the space's text.

    Raises ``SparxError`` (SPX003) where too many values would have to be laid over too large a base.
    """
    known: set[tuple[str, str]] = set()
    checker = _Checker(space)
    holders: dict[EditPath, list[int]] = {}
    for number, choice in enumerate(space.choices):
        for path in choice.paths:
            holders.setdefault(path, []).append(number)
    for number, choice in enumerate(space.choices):
        wider = _wider(choice, holders, number)
        for value in _by_place(choice):
            for error in checker.refused(wider, number, value):
                mark = (error.message, str(error.where))
                if mark not in known:
                    known.add(mark)
                    yield error


def _by_place(choice: Choice) -> Sequence[int]:
    """The numbers of the values that stand at places of their own, and of the last one: of a range its two ends."""
    first: dict[object, int] = {}
    for value, alternative in enumerate(choice.alternatives):
        first.setdefault((alternative.where.source, alternative.where.span), value)
    return [*first.values(), len(choice.alternatives) - 1]


def _wider(choice: Choice, holders: Mapping[EditPath, Sequence[int]], number: int) -> list[int]:
    """The other choices that write keys around those of a choice; ``holders`` are the choices of each path."""
    around = {path[:length] for path in choice.paths for length in range(len(path))}
    found = dict.fromkeys(other for path in sorted(around, key=len) for other in holders.get(path, ()))
    return [other for other in found if other != number]


class _Checker:
    """Lays values over the base of a space, as often as it has effort for."""

    def __init__(self, space: SpaceModel) -> None:
        self._space = space
        self._size = _size(space.tree)
        self._effort = Effort(MAX_VALIDATED)

    def refused(self, wider: Sequence[int], number: int, value: int) -> list[Diagnostic]:
        """What a choice's value is refused for within every value of the choices of wider keys.

        Nothing where one suits it.
        """
        found: list[Diagnostic] = []
        contexts = itertools.product(*(range(len(self._space.choices[other].alternatives)) for other in wider))
        for context in itertools.islice(contexts, MAX_CONTEXTS):
            picks = {**dict(zip(wider, context, strict=True)), number: value}
            alternatives = [self._space.choices[choice].alternatives[pick] for choice, pick in picks.items()]
            errors = [] if self._fits_its_keys(picks, alternatives) else self._schema_errors(alternatives)
            if not errors:
                return []
            found = found or errors
        return [] if found and self._fits_beside_others(wider, number, value) else found

    def _fits_beside_others(self, wider: Sequence[int], number: int, value: int) -> bool:
        """Whether the keys of a choice's value are taken with some values of all the choices that decide them."""
        choices = self._space.choices
        touched = [keys_in(path, node) or set() for path, node in choices[number].alternatives[value].patches]
        keys = set[EditPath]().union(*touched)
        others = {*wider, *(choice for key in keys for choice in self._space.keys.at(key).scope)} - {number}
        contexts = itertools.product(*((OFF, *range(len(choices[other].alternatives))) for other in sorted(others)))
        for context in itertools.islice(contexts, MAX_BESIDE):
            picks = {**dict(zip(sorted(others), context, strict=True)), number: value}
            alternatives = [choices[choice].alternatives[pick] for choice, pick in picks.items() if pick != OFF]
            if self._fits_its_keys(picks, alternatives):
                return True
        return False

    def _fits_its_keys(self, picks: Assignment, alternatives: Sequence[Alternative]) -> bool:
        """Whether the language takes every key that these values touch, so that the whole base need not be checked.

        Not where values may touch more than keys, or links are added or cut.
        """
        touched = [keys_in(path, node) for one in alternatives for path, node in one.patches]
        if None in touched or any(one.links for one in alternatives):
            return False
        made = [self._space.keys.at(key) for key in set[EditPath]().union(*filter(None, touched))]
        return all(key.at_row(tuple(picks.get(choice, OFF) for choice in key.scope)) is not INVALID for key in made)

    def _schema_errors(self, alternatives: Sequence[Alternative]) -> list[Diagnostic]:
        """What the models say of the base with these values."""
        if not self._effort.allows(self._size):
            values = sum(len(choice.alternatives) for choice in self._space.choices)
            what = f"{values:,} values are laid over a base of {self._size:,} keys and values"
            raise SparxError(too_many(what, self._space.where, f"{MAX_VALIDATED:,} to be checked"))
        try:
            tree = _with_values(self._space, alternatives)
        except SparxError as error:
            return list(error.diagnostics)
        try:
            SpecModel.model_validate(plain(tree))
        except ValidationError as error:
            findings = error.errors(include_url=False, include_input=False)
            return schema_diagnostics(findings, tree, self._space.base.limits.errors)
        return []


def _size(node: Node) -> int:
    """How many keys and values a tree has."""
    if isinstance(node, MappingNode):
        return 1 + sum(1 + _size(entry.value) for entry in node.entries)
    return 1 + sum(map(_size, node.items)) if isinstance(node, SequenceNode) else 1


def _with_values(space: SpaceModel, alternatives: Sequence[Alternative]) -> MappingNode:
    tree = space.tree
    for alternative in alternatives:
        for path, node in alternative.patches:
            tree = overlay(tree, path, node)
        tree = overlay_links(tree, [alternative])
    return tree


def unfitting_values(space: SpaceModel) -> Iterator[Diagnostic]:
    """Values, and whole choices, that are part of no point."""
    reasons = _Reasons(space)
    if space.count == 0:
        yield _empty(space, reasons)
        return
    supported = space.compiled.supported
    for number, choice in enumerate(space.choices):
        fitting = supported[number] - {OFF}
        if not fitting:
            yield _never_fits(choice, reasons)
        elif choice.strict:
            for value in sorted(set(range(len(choice.alternatives))) - fitting):
                alternative = choice.alternatives[value]
                message = f"{choice.name}: {quoted_value(alternative.value)} fits with no values of the other choices"
                yield Diagnostic(
                    Code.INFEASIBLE_VALUE, message, alternative.where, reasons.of(alternative), "remove it"
                )


def fitting(space: Space) -> Space:
    """The space without the choices that fit nowhere, of those that a key with wildcards stands for.

    One of them stays where all that its key stands for fit nowhere, and where others are conditional on it: then it is
    an error that ``unfitting_values`` finds.
    """
    found, reasons = list[LeftOut](), _Reasons(space)
    while dropped := _droppable(space):
        found += _left_out(reasons, [(choice, choice.alternatives) for choice in dropped])
        space = replace(space, choices=tuple(one for one in space.choices if one not in dropped))
    if space.count:
        supported = space.compiled.supported
        found += _left_out(reasons, [
            (choice, [one for place, one in enumerate(choice.alternatives) if place not in supported[number]])
            for number, choice in enumerate(space.choices) if choice.pattern
        ])  # fmt: skip
    return replace(space, left_out=tuple(found)) if found else space


def _droppable(space: SpaceModel) -> list[Choice]:
    """The choices of wildcards that fit nowhere, where others of the same key do."""
    supported = space.compiled.supported if space.count else dict(enumerate(space.compiled.domains))
    fits = [bool(set(supported[number]) - {OFF}) for number in range(len(space.choices))]
    needed = {condition.choice for choice in space.choices for condition in choice.when}
    alive = {choice.pattern for choice, fit in zip(space.choices, fits, strict=True) if fit}
    return [
        choice
        for choice, fit in zip(space.choices, fits, strict=True)
        if choice.pattern in alive - {""} and not fit and choice.name not in needed
    ]


def _left_out(reasons: _Reasons, unfitting: Iterable[tuple[Choice, Sequence[Alternative]]]) -> Iterator[LeftOut]:
    """One finding for each key with wildcards and the values of it that do not fit."""
    alike: dict[tuple[str, tuple[str, ...]], list[tuple[Choice, Sequence[Alternative]]]] = {}
    for choice, alternatives in unfitting:
        if alternatives:
            values = tuple(value_text(one.value) for one in alternatives)
            alike.setdefault((choice.pattern, values), []).append((choice, alternatives))
    for (pattern, values), found in alike.items():
        choice, alternatives = found[0]
        reason = next(iter(reasons.of(alternatives[0])), "it fits with no values of the other choices")
        some = () if len(values) == len(choice.alternatives) else values
        yield LeftOut(pattern, tuple(one.name for one, _ in found), some, reason.removeprefix(ALONE))


def _never_fits(choice: Choice, reasons: _Reasons) -> Diagnostic:
    message = f"{choice.name} is infeasible: it fits with no values of the other choices"
    return Diagnostic(Code.INFEASIBLE_VALUE, message, choice.where, reasons.of(choice.alternatives[0]))


def _empty(space: SpaceModel, reasons: _Reasons) -> Diagnostic:
    """The error of a space without points: the first choice with whose values alone nothing goes, or all of them."""
    for number, choice in enumerate(space.choices):
        if not set(space.compiled.domains[number]) - {OFF}:
            return _never_fits(choice, reasons)
    empty = next((factor for factor in space.compiled.factors if not factor.rows), None)
    tied = [space.choices[number] for number in empty.scope] if empty is not None else []
    between = f" of {', '.join(choice.name for choice in tied)}" if tied else ""
    message = f"no values{between} fit together, so the space has no point"
    if not tied:
        return Diagnostic(Code.EMPTY_SPACE, message, space.where)
    found = _first_error(space, [choice.alternatives[0] for choice in tied])
    if found is None:
        return Diagnostic(Code.EMPTY_SPACE, message, tied[0].where, reasons.of(tied[0].alternatives[0]))
    firsts = ", ".join(f"{choice.name}: {quoted_value(choice.alternatives[0].value)}" for choice in tied[:MOST_SHOWN])
    here = found.where.source is not None and found.where.source == space.where.source
    where = found.where if here else tied[0].where
    return Diagnostic(Code.EMPTY_SPACE, message, where, (f"as with {firsts}: {found.message}",))


def _first_error(space: SpaceModel, alternatives: Sequence[Alternative]) -> Diagnostic | None:
    """What the language says first of the base with these values; None where it takes them."""
    try:
        connect(spec_of(_with_values(space, alternatives), space.base.limits))
    except SparxError as error:
        return error.diagnostics[0]
    return None


class _Reasons:
    """Looks up why values do not fit, of the first few: each takes a whole base to be connected."""

    def __init__(self, space: SpaceModel) -> None:
        self._space, self._left = space, MAX_REASONS

    def of(self, alternative: Alternative) -> tuple[str, ...]:
        """What the language says of the base with that value alone, where it says something."""
        if not self._left:
            return ()
        self._left -= 1
        found = _first_error(self._space, (alternative,))
        if found is not None:
            return (f"{ALONE}{found.message}",)
        where = ", ".join(join_path(path) for path, _ in alternative.patches)
        return (f"{where} fits the base alone, so another choice excludes it",) if where else ()
