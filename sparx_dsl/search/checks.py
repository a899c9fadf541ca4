"""What is wrong with the choices of a space: values that the language refuses, and values that never fit."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import cast

from pydantic import ValidationError

from sparx_dsl.errors import Diagnostic, SparxError
from sparx_dsl.graph import connect
from sparx_dsl.language.checks.hints import shown
from sparx_dsl.language.checks.schema_errors import schema_diagnostics
from sparx_dsl.language.spec import Spec, spec_of
from sparx_dsl.reader.tree import MappingNode, plain
from sparx_dsl.search.laying import lay, with_links
from sparx_dsl.search.paths import join_path
from sparx_dsl.search.space import Space
from sparx_dsl.search.values import OFF, Alternative, Choice

MAX_CONTEXTS = 64
"""Combinations of wider choices within which a value is tried."""


def refused_values(space: Space) -> Iterator[Diagnostic]:
    """The language's own complaints about single values, each at its place in the space's text."""
    told: set[tuple[str, str]] = set()
    for choice in space.choices:
        for alternative in _by_place(choice):
            for mistake in _refused(space, choice, alternative):
                mark = (mistake.message, str(mistake.where))
                if mark not in told:
                    told.add(mark)
                    yield mistake


def _by_place(choice: Choice) -> Sequence[Alternative]:
    """The values that stand at places of their own, and the last one: of a range its two ends."""
    first: dict[object, Alternative] = {}
    for alternative in choice.alternatives:
        first.setdefault((alternative.where.source, alternative.where.span), alternative)
    return [*first.values(), choice.alternatives[-1]]


def _refused(space: Space, choice: Choice, alternative: Alternative) -> list[Diagnostic]:
    """The complaints that a value earns within every value of the choices of wider keys; none where one suits it."""
    wider = [
        other.alternatives
        for other in space.choices
        if other is not choice and any(_is_wider(path, own) for path in other.paths for own in choice.paths)
    ]
    found: list[Diagnostic] = []
    for context in itertools.islice(itertools.product(*wider), MAX_CONTEXTS):
        mistakes = _complaints(space, (*context, alternative))
        if not mistakes:
            return []
        found = found or mistakes
    return found


def _is_wider(path: Sequence[str | int], inner: Sequence[str | int]) -> bool:
    return len(path) < len(inner) and tuple(inner[: len(path)]) == tuple(path)


def _complaints(space: Space, alternatives: Sequence[Alternative]) -> list[Diagnostic]:
    """What the models say of the base with these values."""
    try:
        tree = _laid(space, alternatives)
    except SparxError as error:
        return list(error.diagnostics)
    try:
        Spec.model_validate(plain(tree))
    except ValidationError as error:
        findings = error.errors(include_url=False, include_input=False)
        return schema_diagnostics(findings, tree, space.base.limits.mistakes)
    return []


def _laid(space: Space, alternatives: Sequence[Alternative]) -> MappingNode:
    tree = space.tree
    for alternative in alternatives:
        for path, node in alternative.patches:
            tree = cast("MappingNode", lay(tree, path, node))
        tree = cast("MappingNode", with_links(tree, alternative.links))
    return tree


def unfitting_values(space: Space) -> Iterator[Diagnostic]:
    """Values, and whole choices, that are part of no point."""
    if space.count == 0:
        yield _empty(space)
        return
    supported = space.compiled.counted.supported()
    for number, choice in enumerate(space.choices):
        fitting = supported[number] - {OFF}
        if not fitting:
            message = f"{choice.name} never fits, whatever the other choices are"
            yield Diagnostic("SPX720", message, choice.where, _reason(space, choice.alternatives[0]))
        elif choice.strict:
            for value in sorted(set(range(len(choice.alternatives))) - fitting):
                alternative = choice.alternatives[value]
                message = f"{choice.name}: {shown(alternative.value)} fits with no values of the other choices"
                yield Diagnostic("SPX720", message, alternative.where, _reason(space, alternative), "take it out")


def _empty(space: Space) -> Diagnostic:
    """The mistake of a space without points: the first choice with whose values alone nothing goes, or all of them."""
    for number, choice in enumerate(space.choices):
        if not set(space.compiled.domains[number]) - {OFF}:
            message = f"{choice.name} never fits, whatever the other choices are"
            return Diagnostic("SPX720", message, choice.where, _reason(space, choice.alternatives[0]))
    empty = next((table for table in space.compiled.tables if not table.rows), None)
    names = [space.choices[number].name for number in empty.scope] if empty is not None else []
    between = f" of {', '.join(names)}" if names else ""
    where = space.choices[empty.scope[0]].where if empty is not None and empty.scope else space.where
    first = space.choices[empty.scope[0]].alternatives[0] if empty is not None and empty.scope else None
    message = f"no values{between} fit together, so the space has no point"
    return Diagnostic("SPX721", message, where, _reason(space, first) if first is not None else ())


def _reason(space: Space, alternative: Alternative) -> tuple[str, ...]:
    """What the language says of the base with that value alone, where it says something."""
    try:
        connect(spec_of(_laid(space, (alternative,)), space.base.limits))
    except SparxError as error:
        return (f"laid over the base alone: {error.diagnostics[0].message}",)
    where = ", ".join(join_path(path) for path, _ in alternative.patches)
    return (f"{where} fits the base alone, so another choice excludes it",) if where else ()
