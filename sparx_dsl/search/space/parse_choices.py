"""From the ``choices`` of a space's text to ``Choice`` values."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from sparx_dsl.errors import Code, Diagnostic, SparxError, did_you_mean, quoted
from sparx_dsl.language.checks.hints import shown
from sparx_dsl.language.models import NAME_PATTERN
from sparx_dsl.language.resolve import SLOTS, stage_name
from sparx_dsl.language.spec import Spec
from sparx_dsl.reader.tree import Entry, MappingNode, Node, ScalarNode, SequenceNode
from sparx_dsl.search.space.choices import Alternative, Choice, EditPath, value_of
from sparx_dsl.search.space.conditions import (
    ValueNumbers,
    circular_conditions,
    keys_written_twice,
    parse_condition,
    too_many,
)
from sparx_dsl.search.space.edit_paths import (
    check_path,
    expand_wildcards,
    has_wildcard,
    join_path,
    split_path,
    wildcard_values,
)
from sparx_dsl.search.space.materialize import patches_of
from sparx_dsl.search.space.parse_values import (
    RANGE_KEYS,
    ValueNodes,
    error_at,
    off_or_on,
    parse_values,
    place_of,
    same_value_everywhere,
    side_by_side,
)
from sparx_dsl.search.space.spec_keys import STAGE_KEYS, SpecKeys, key_of

MAX_WRITTEN = 2**14
"""Values of all choices together, each counted for every key that it is written to.

Around several keys, such as all of a layer's, it counts for as many as a stage has.
"""
AROUND = len(STAGE_KEYS) + len(SLOTS)
CHOICE_KEYS = ("at", "values", *RANGE_KEYS, "link", "cut", "when")


class ChoiceParser:
    """Parses the choices of one space, and gathers in ``errors`` what is wrong with them."""

    def __init__(self, base: Spec, tree: MappingNode) -> None:
        self.errors: list[Diagnostic] = []
        self._tree, self._limits = tree, base.limits
        self._stages = [stage_name(base, index) for index in range(len(base.stages))]
        self._depths = {number: stage.depth for number, stage in enumerate(base.stages, start=1)}
        self._explicit: set[EditPath] = set()
        self._written = 0
        self._conditions: dict[str, tuple[MappingNode, tuple[str | int, ...]]] = {}
        """By the name of a choice its conditions as written, and the numbers that wildcards in them take."""

    def parse(self, node: MappingNode) -> tuple[Choice, ...]:
        """All choices in the order of the text; those of layers are expanded once all depths are known.

        Raises ``SparxError`` (SPX003) for more than ``MAX_WRITTEN`` values, and for conditions that would take too long
        to compare.
        """
        self._explicit = {split_path(str(entry.key.value), self._stages, self._limits) for entry in node.entries}
        found: dict[int, list[Choice]] = {}
        for layers in (False, True):
            for place, entry in enumerate(node.entries):
                if _is_of_layers(entry) == layers:
                    found[place] = self._guarded(entry)
            keys = self._keys([choice for choices in found.values() for choice in choices])
            self._depths = {stage: keys.deepest(stage) for stage in self._depths}
        choices = self._with_conditions([choice for place in sorted(found) for choice in found[place]])
        self.errors += circular_conditions(choices, self._keys(choices))
        self.errors += keys_written_twice(choices)
        return choices

    def _keys(self, choices: Sequence[Choice]) -> SpecKeys:
        return SpecKeys(self._tree, patches_of(choices), len(self._stages))

    def _guarded(self, entry: Entry) -> list[Choice]:
        """The choices of one key; none where there is an error, which is kept."""
        try:
            return self._entry(entry)
        except SparxError as error:
            if error.diagnostics[0].code == Code.TOO_MANY_VALUES:
                raise
            self.errors += error.diagnostics
            return []

    def _entry(self, entry: Entry) -> list[Choice]:
        """The choices of one key: one, or one for each place that its wildcards stand for."""
        name, node = str(entry.key.value), entry.value
        options = _options(entry)
        _refuse_unknown_keys(options, name)
        where = place_of(entry.key, f"choices.{name}")
        when, link = options.entry("when"), options.entry("link") or options.entry("cut")
        driven = link or options.entry("at")
        if driven is not None:
            _refuse_bad_name(entry)
            alternatives = self._tied(driven.value, options, name) if link is None else _link_alternatives(link)
            self._remember(name, when, ())
            return [Choice(name, alternatives, where=where)]
        pattern = self._path(entry.key)
        written = options.entry("values")
        values = parse_values(node if written is None else written.value, name)
        starred = has_wildcard(pattern)
        paths = [path for path in expand_wildcards(pattern, self._depths) if not starred or path not in self._explicit]
        self._count(paths, values, entry.key)
        for path in paths:
            self._remember(join_path(path), when, wildcard_values(path, pattern))
        strict, shared = values.written and not starred, name if starred else ""
        return [
            Choice(join_path(path), same_value_everywhere([path], values), (), strict, where, shared) for path in paths
        ]

    def _remember(self, name: str, when: Entry | None, wildcards: tuple[str | int, ...]) -> None:
        if when is None:
            return
        if not isinstance(when.value, MappingNode):
            message = "when must be a mapping from choices to values"
            raise error_at(when.value, Code.INVALID_SPACE_VALUE, message, "write {name: value}")
        self._conditions[name] = (when.value, wildcards)

    def _tied(self, at: Node, options: MappingNode, name: str) -> tuple[Alternative, ...]:
        """The values of a choice with ``at``: one value for several keys, or lists combined element by element."""
        if isinstance(at, MappingNode):
            columns: dict[tuple[EditPath, ...], ValueNodes] = {}
            for own in at.entries:
                paths, values = self._expanded(own.key), parse_values(own.value, name, may_repeat=True)
                self._count(paths, values, own.key)
                columns[tuple(paths)] = values
            if columns:
                return side_by_side(columns, name, at)
        keys = at.items if isinstance(at, SequenceNode) else () if isinstance(at, MappingNode) else (at,)
        paths = [path for key in keys for path in self._expanded(key)]
        if not paths:
            raise error_at(at, Code.EMPTY_CHOICE, f"{name} sets no key", "write at: [stages.1.channels, …]")
        written = options.entry("values")
        values = parse_values(written.value if written else options, name)
        self._count(paths, values, at)
        return same_value_everywhere(list(dict.fromkeys(paths)), values)

    def _count(self, paths: Sequence[EditPath], values: ValueNodes, place: Node) -> None:
        """Count values that are written to keys; raises ``SparxError`` (SPX003) beyond the limit."""
        self._written += len(values.nodes) * sum(AROUND if key_of(path) is None else 1 for path in paths)
        if self._written > MAX_WRITTEN:
            what = f"the choices up to here write {self._written:,} values to keys"
            raise SparxError(too_many(what, place_of(place), f"{MAX_WRITTEN:,}"))

    def _expanded(self, key: Node) -> list[EditPath]:
        return expand_wildcards(self._path(key), self._depths)

    def _path(self, key: Node) -> EditPath:
        """The path that a node writes; raises ``SparxError``."""
        path = split_path(key.text if isinstance(key, ScalarNode) else "", self._stages, self._limits)
        if wrong := check_path(path, self._depths):
            raise SparxError(replace(wrong, where=place_of(key)))
        return path

    def _with_conditions(self, choices: Sequence[Choice]) -> tuple[Choice, ...]:
        finished: list[Choice] = []
        numbers = ValueNumbers(choices)
        for choice in choices:
            node, wildcards = self._conditions.get(choice.name, (MappingNode(()), ()))
            try:
                when = tuple(parse_condition(choice, entry, wildcards, numbers) for entry in node.entries)
            except SparxError as error:
                if error.diagnostics[0].code == Code.TOO_MANY_VALUES:
                    raise
                self.errors += [one for one in error.diagnostics if one not in self.errors]
                when = ()
            finished.append(replace(choice, when=when))
        return tuple(finished)


def _options(entry: Entry) -> MappingNode:
    """What is said of a choice by keys; nothing where its values are a list."""
    node = entry.value
    return node if isinstance(node, MappingNode) else MappingNode((), node.span, node.source)


def _is_of_layers(entry: Entry) -> bool:
    """Whether the choice addresses single layers, so that it must be read after the depths."""
    at = _options(entry).entry("at")
    keys: tuple[Node, ...] = (entry.key,)
    if at is not None and isinstance(at.value, MappingNode):
        keys = tuple(own.key for own in at.value.entries)
    elif at is not None:
        keys = at.value.items if isinstance(at.value, SequenceNode) else (at.value,)
    return any(isinstance(key, ScalarNode) and ".layers." in key.text for key in keys)


def _refuse_unknown_keys(options: MappingNode, name: str) -> None:
    for entry in options.entries:
        if str(entry.key.value) not in CHOICE_KEYS:
            notes, advice = (f"the keys are {', '.join(CHOICE_KEYS)}",), did_you_mean(entry.key.text, CHOICE_KEYS)
            message = f"the choice {name} has no key {quoted(entry.key.text)}"
            raise SparxError(Diagnostic(Code.UNKNOWN_SPACE_KEY, message, place_of(entry.key), notes, advice))
    given = [key for key in CHOICE_KEYS if options.entry(key) is not None and key != "when"]
    if len({"link", "cut", "values", "from"} & set(given)) > 1:
        message = f"the choice {name} gives its values twice: {', '.join(given)}"
        raise error_at(options, Code.INVALID_SPACE_VALUE, message, "keep one of them")


def _refuse_bad_name(entry: Entry) -> None:
    if not re.fullmatch(NAME_PATTERN, str(entry.key.value)):
        message = f"{quoted(entry.key.text)} is not a valid name for a choice with at"
        raise error_at(entry.key, Code.INVALID_SPACE_VALUE, message, "write lower-case letters, digits and underscores")


def _link_alternatives(entry: Entry) -> tuple[Alternative, ...]:
    """The two values of a choice that adds or cuts links; raises ``SparxError``."""
    nodes = entry.value.items if isinstance(entry.value, SequenceNode) else (entry.value,)
    if not nodes:
        advice = "write {from: stage2.layer1, to: stage3.layer4}, or remove the choice"
        raise error_at(entry.value, Code.EMPTY_CHOICE, f"{entry.key.text} lists no connection", advice)
    for node in nodes:
        keys = [entry.key.value for entry in node.entries] if isinstance(node, MappingNode) else []
        if sorted(map(str, keys)) != ["from", "to"]:
            message = f"a link is a mapping with from and to, not {shown(value_of(node))}"
            raise error_at(node, Code.INVALID_SPACE_VALUE, message, "write {from: stage2.layer1, to: stage3.layer4}")
    return off_or_on("add" if entry.key.value == "link" else "cut", nodes, place_of(entry.value))
