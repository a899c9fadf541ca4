"""From the ``choices`` of a space's text to ``Choice`` values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sparx_dsl.errors import Diagnostic, Related, SparxError, did_you_mean, quoted
from sparx_dsl.language.checks.hints import shown
from sparx_dsl.language.models import NAME_PATTERN
from sparx_dsl.language.resolve import stage_name
from sparx_dsl.language.spec import Spec
from sparx_dsl.reader.tree import Entry, MappingNode, Node, ScalarNode, SequenceNode
from sparx_dsl.search.compiling import ordered
from sparx_dsl.search.laying import patches_of
from sparx_dsl.search.paths import fill_stars, has_star, join_path, path_mistake, split_path, spread, stars_of
from sparx_dsl.search.read_values import (
    RANGE_KEYS,
    Values,
    alternatives_of,
    link_alternatives,
    place_of,
    read_values,
    refuse,
    side_by_side,
)
from sparx_dsl.search.readings import Readings
from sparx_dsl.search.rules import dependencies
from sparx_dsl.search.values import Alternative, Choice, Condition, KeyPath, matches, value_of

CHOICE_KEYS = ("at", "values", *RANGE_KEYS, "link", "cut", "when")


@dataclass
class ChoiceReader:
    """Reads the choices of one space and gathers what is wrong with them."""

    base: Spec
    tree: MappingNode
    mistakes: list[Diagnostic] = field(default_factory=list[Diagnostic])
    conditions: dict[str, tuple[MappingNode, tuple[str | int, ...]]] = field(
        default_factory=dict[str, tuple[MappingNode, tuple[str | int, ...]]]
    )
    """By the name of a choice its conditions as written, and the numbers that stars in them take."""

    def read(self, node: MappingNode) -> tuple[Choice, ...]:
        """All choices in the order of the text; those of layers are spread once all depths are known."""
        names = [stage_name(self.base, index) for index in range(len(self.base.stages))]
        depths = {index + 1: stage.depth for index, stage in enumerate(self.base.stages)}
        explicit = {split_path(str(entry.key.value), names) for entry in node.entries}
        found: dict[int, list[Choice]] = {}
        for layers in (False, True):
            for place, entry in enumerate(node.entries):
                if _speaks_of_layers(entry) == layers:
                    found[place] = self._guarded(entry, names, depths, explicit)
            made = [choice for choices in found.values() for choice in choices]
            readings = Readings(self.tree, patches_of(made), len(names))
            depths = {stage: readings.deepest(stage) for stage in depths}
        choices = [choice for place in sorted(found) for choice in found[place]]
        finished = self._with_conditions(choices)
        self._refuse_circles(finished, Readings(self.tree, patches_of(finished), len(names)))
        self._refuse_one_key_twice(finished)
        return finished

    def _guarded(
        self, entry: Entry, names: Sequence[str], depths: Mapping[int, int], explicit: set[KeyPath]
    ) -> list[Choice]:
        """The choices of one key; none where there is a mistake, which is kept."""
        try:
            return self._entry(entry, names, depths, explicit)
        except SparxError as error:
            self.mistakes += error.diagnostics
            return []

    def _entry(
        self, entry: Entry, names: Sequence[str], depths: Mapping[int, int], explicit: set[KeyPath]
    ) -> list[Choice]:
        """The choices of one key: one, or one for each place that its stars stand for."""
        name, node = str(entry.key.value), entry.value
        options = node if isinstance(node, MappingNode) else MappingNode((), node.span, node.source)
        self._refuse_unknown_keys(options, name)
        where = place_of(entry.key, f"choices.{name}")
        link = next((found for key in ("link", "cut") if (found := options.entry(key)) is not None), None)
        when = options.entry("when")
        if link is not None or options.entry("at") is not None:
            self._refuse_bad_name(entry)
            made = self._links(link) if link is not None else self._tied(options, name, names, depths)
            self._remember(name, when, ())
            return [Choice(name, made, where=where)]
        pattern = self._path(entry.key, names, depths)
        written = options.entry("values")
        values = read_values(node if written is None else written.value, name)
        starred = has_star(pattern)
        paths = [path for path in spread(pattern, depths) if not starred or path not in explicit]
        for path in paths:
            self._remember(join_path(path), when, stars_of(path, pattern))
        strict = values.written and not starred
        return [Choice(join_path(path), alternatives_of([path], values), (), strict, where) for path in paths]

    def _remember(self, name: str, when: Entry | None, stars: tuple[str | int, ...]) -> None:
        if when is None:
            return
        if not isinstance(when.value, MappingNode):
            raise refuse("SPX703", "when must be a mapping from choices to values", when.value, "write {name: value}")
        self.conditions[name] = (when.value, stars)

    def _tied(
        self, options: MappingNode, name: str, names: Sequence[str], depths: Mapping[int, int]
    ) -> tuple[Alternative, ...]:
        """The values of a choice with ``at``: one value for several keys, or lists side by side."""
        entry = options.entry("at")
        at = entry.value if entry is not None else options
        if isinstance(at, MappingNode):
            columns: dict[tuple[KeyPath, ...], Values] = {}
            for own in at.entries:
                columns[tuple(spread(self._path(own.key, names, depths), depths))] = read_values(own.value, name)
            if not columns:
                raise refuse("SPX712", f"{name} writes to no key", at, "write at: [stages.1.channels, …]")
            return side_by_side(columns, name, at)
        keys = at.items if isinstance(at, SequenceNode) else (at,)
        paths = [path for key in keys for path in spread(self._path(key, names, depths), depths)]
        if not paths:
            raise refuse("SPX712", f"{name} writes to no key", at, "write at: [stages.1.channels, …]")
        written = options.entry("values")
        return alternatives_of(list(dict.fromkeys(paths)), read_values(written.value if written else options, name))

    def _links(self, entry: Entry) -> tuple[Alternative, ...]:
        """The two values of a choice that adds or cuts links; raises ``SparxError``."""
        nodes = entry.value.items if isinstance(entry.value, SequenceNode) else (entry.value,)
        if not nodes:
            advice = "write {from: stage2.layer1, to: stage3.layer4}, or take the choice out"
            raise refuse("SPX712", f"{entry.key.text} lists no connection", entry.value, advice)
        for node in nodes:
            keys = [entry.key.value for entry in node.entries] if isinstance(node, MappingNode) else []
            if sorted(map(str, keys)) != ["from", "to"]:
                message = f"a link is a mapping with from and to, not {shown(value_of(node))}"
                raise refuse("SPX703", message, node, "write {from: stage2.layer1, to: stage3.layer4}")
        return link_alternatives("add" if entry.key.value == "link" else "cut", nodes, place_of(entry.value))

    def _path(self, key: Node, names: Sequence[str], depths: Mapping[int, int]) -> KeyPath:
        """The path that a node writes; raises ``SparxError``."""
        text = key.text if isinstance(key, ScalarNode) else ""
        path = split_path(text, names)
        if wrong := path_mistake(path, depths):
            raise SparxError(replace(wrong, where=place_of(key)))
        return path

    def _refuse_unknown_keys(self, options: MappingNode, name: str) -> None:
        for entry in options.entries:
            if str(entry.key.value) not in CHOICE_KEYS:
                known = (f"the keys are {', '.join(CHOICE_KEYS)}",)
                message = f"the choice {name} has no key {quoted(entry.key.text)}"
                advice = did_you_mean(entry.key.text, CHOICE_KEYS)
                raise SparxError(Diagnostic("SPX701", message, place_of(entry.key), known, advice))
        given = [key for key in CHOICE_KEYS if options.entry(key) is not None and key != "when"]
        if len({"link", "cut", "values", "from"} & set(given)) > 1:
            raise refuse("SPX703", f"the choice {name} says its values twice: {', '.join(given)}", options,
                         "keep one of them")  # fmt: skip

    def _refuse_bad_name(self, entry: Entry) -> None:
        if not re.fullmatch(NAME_PATTERN, str(entry.key.value)):
            message = f"{quoted(entry.key.text)} is no name for a choice that says itself what it drives"
            raise refuse("SPX703", message, entry.key, "write lower-case letters, digits and underscores")

    def _with_conditions(self, choices: Sequence[Choice]) -> tuple[Choice, ...]:
        finished: list[Choice] = []
        for choice in choices:
            node, stars = self.conditions.get(choice.name, (MappingNode(()), ()))
            try:
                made = tuple(_condition(choice, entry, stars, choices) for entry in node.entries)
            except SparxError as error:
                self.mistakes += [one for one in error.diagnostics if one not in self.mistakes]
                made = ()
            finished.append(replace(choice, when=made))
        return tuple(finished)

    def _refuse_circles(self, choices: Sequence[Choice], readings: Readings) -> None:
        names = [choice.name for choice in choices]
        needs = [dependencies(choice, names, readings) for choice in choices]
        for number in sorted(set(range(len(choices))) - set(ordered(needs)))[:1]:
            message = f"whether {names[number]} exists depends, by way of others, on its own value"
            self.mistakes.append(Diagnostic("SPX717", message, choices[number].where, help="take out one of the whens"))

    def _refuse_one_key_twice(self, choices: Sequence[Choice]) -> None:
        holders: dict[KeyPath, list[Choice]] = {}
        for choice in choices:
            for path in choice.paths:
                held = holders.setdefault(path, [])
                clash = next((one for one in held if not _exclude(one, choice)), None)
                if clash is not None:
                    message = f"{join_path(path)} is driven by two choices, {clash.name} and {choice.name}"
                    related = (Related(clash.where, "the other one"),)
                    advice = "tie them to one name, or give them conditions that exclude each other"
                    self.mistakes.append(Diagnostic("SPX714", message, choice.where, (), advice, related))
                held.append(choice)


def _speaks_of_layers(entry: Entry) -> bool:
    """Whether the choice addresses single layers, so that it must be read after the depths."""
    options = entry.value if isinstance(entry.value, MappingNode) else MappingNode(())
    at = options.entry("at")
    keys: Iterator[str] = iter([str(entry.key.value)])
    if at is not None and isinstance(at.value, MappingNode):
        keys = (str(own.key.value) for own in at.value.entries)
    elif at is not None:
        items = at.value.items if isinstance(at.value, SequenceNode) else (at.value,)
        keys = (item.text for item in items if isinstance(item, ScalarNode))
    return any(".layers." in key for key in keys)


def _exclude(first: Choice, second: Choice) -> bool:
    """Whether two choices never exist together: they want different values of one choice."""
    wanted = {condition.choice: condition.among for condition in first.when}
    return any(not (wanted.get(condition.choice, condition.among) & condition.among) for condition in second.when)


def _condition(choice: Choice, entry: Entry, stars: tuple[str | int, ...], choices: Sequence[Choice]) -> Condition:
    """One line of a ``when``; raises ``SparxError``."""
    name = fill_stars(str(entry.key.value), stars)
    other = next((one for one in choices if one.name == name), None)
    if other is None or other is choice:
        message = f"there is no choice {quoted(name)}" if other is None else f"{name} cannot depend on itself"
        advice = did_you_mean(name, [one.name for one in choices])
        raise SparxError(Diagnostic("SPX715", message, place_of(entry.key), help=advice))
    node = entry.value
    whole = [number for number, value in enumerate(other.values) if matches(value_of(node), value)]
    items = node.items if isinstance(node, SequenceNode) and not whole else (node,)
    among: set[int] = set()
    for item in items:
        met = [number for number, value in enumerate(other.values) if matches(value_of(item), value)]
        if not met:
            message = f"{name} never has the value {shown(value_of(item))}"
            listed = ", ".join(shown(value) for value in other.values[:8])
            raise SparxError(Diagnostic("SPX716", message, place_of(item), (f"its values are {listed}",)))
        among |= set(met)
    if not among:
        raise refuse("SPX716", f"no value of {name} is wanted, so {choice.name} never exists", node)
    return Condition(name, frozenset(among))
