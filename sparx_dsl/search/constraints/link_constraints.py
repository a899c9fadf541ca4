"""Links that a spec, or a choice, adds or cuts: both ends are there, and ganglion layers still read something."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from functools import partial

from sparx_dsl.graph.rule import stage_reads
from sparx_dsl.language.base import KindOptions
from sparx_dsl.language.models import Link, LinkEdits
from sparx_dsl.reader.tree import plain
from sparx_dsl.registry import default_registry
from sparx_dsl.search.constraints.constraint import Constraint, Domains, scope_of
from sparx_dsl.search.constraints.stage_constraints import placement_keys, rule_at
from sparx_dsl.search.space.choices import Assignment, Choice, LinkAction
from sparx_dsl.search.space.spec_keys import INVALID, SpecKey, SpecKeys, given_first

LINK_STEPS = 20
"""To ask whether the links to one node are valid."""
LinkEdit = tuple[LinkAction, Link]


class LinkConstraints:
    """The links of a space: those that the spec has, and those that choices add or cut."""

    def __init__(self, keys: SpecKeys, choices: Sequence[Choice], domains: Domains, stages: Sequence[str]) -> None:
        self._keys, self._domains, self.written = keys, domains, keys.at(("links",))
        self._chosen: dict[int, dict[int, list[LinkEdit]]] = {
            number: {
                value: [(action, Link.model_validate(plain(node))) for action, node in one.links]
                for value, one in enumerate(choice.alternatives)
            }
            for number, choice in enumerate(choices)
            if choice.has_links
        }
        """By the numbers of a choice and of its value the links that it adds or cuts."""
        self._positions: dict[str, tuple[int, int]] = {}
        """Stage and number of each layer by its name; the number is 0 for what opens the stage."""
        for stage, name in enumerate(stages, start=1):
            self._positions["stem" if stage == 1 else f"{name}.downsample"] = stage, 0
            self._positions |= {f"{name}.layer{n}": (stage, n) for n in range(1, keys.deepest(stage) + 1)}
        self._names = {position: name for name, position in self._positions.items()}

    def targets(self) -> list[tuple[int, int]]:
        """The layers that links lead to at some point, by stage and number."""
        found = {self._positions.get(link.target) for _, link in self._possible()}
        return sorted(position for position in found if position is not None and position[1])

    def choices_to(self, stage: int, layer: int) -> tuple[int, ...]:
        """The choices that add or cut a link to a layer."""
        return self._choices_to(self._names[stage, layer])

    def _choices_to(self, target: str) -> tuple[int, ...]:
        return tuple(
            number
            for number, values in self._chosen.items()
            if any(link.target == target for value in self._domains[number] for _, link in values.get(value, ()))
        )

    def adds_to(self, stage: int, layer: int, choices: Sequence[int], assignment: Assignment) -> bool:
        """Whether the spec, or one of these choices, adds a link to a layer."""
        target = self._names[stage, layer]
        return any(action == "add" and link.target == target for action, link in self._edits(choices, assignment))

    def constraints(self) -> Iterator[Constraint]:
        """One for each node that links lead to."""
        sources: dict[str, set[str]] = {}
        for _, link in self._possible():
            sources.setdefault(link.target, set()).add(link.source)
        for target in sorted(sources):
            own, position = self._choices_to(target), self._positions.get(target)
            stages = [self._positions[name][0] for name in sources[target] if name in self._positions]
            keys = [self.written, *(self._keys.stage(stage, "depth") for stage in stages)]
            keys += itertools.chain(*(self._keys.downsamples(stage) for stage in stages if stage > 1))
            keys += () if position is None else self._reading_keys(position[0])
            yield Constraint(scope_of(keys, own), partial(self._are_valid, target, own), LINK_STEPS)

    def _edits(self, choices: Sequence[int], assignment: Assignment) -> list[LinkEdit]:
        """The links of the spec and of these choices in the order of the spec: cuts first."""
        links = self.written(assignment)
        written = links if isinstance(links, LinkEdits) else LinkEdits()
        found: list[LinkEdit] = []
        found.extend(("cut", link) for link in written.cut)
        found.extend(("add", link) for link in written.add)
        for number in choices:
            found += self._chosen[number].get(assignment[number], ())
        return sorted(found, key=lambda edit: edit[0] == "add")

    def _possible(self) -> set[LinkEdit]:
        """Every link that is added or cut at some point."""
        scope = self.written.scope
        rows = itertools.product(*(self._domains[choice] for choice in scope))
        found = {edit for row in rows for edit in self._edits((), dict(zip(scope, row, strict=True)))}
        for number, values in self._chosen.items():
            found.update(*(values.get(value, ()) for value in self._domains[number]))
        return found

    def _are_valid(self, target: str, choices: Sequence[int], assignment: Assignment) -> bool:
        """Whether the edits of what one layer reads can be made, and leave something where it must read."""
        edits = [edit for edit in self._edits(choices, assignment) if edit[1].target == target]
        stage, layer = self._positions.get(target, (0, 0))
        rule = rule_at(placement_keys(self._keys, stage), assignment) if layer else None
        if rule is None or layer > rule.depth:
            return not edits
        placed = layer in rule.ganglion
        inside = {0: self._input(stage, assignment)}
        reads = stage_reads(rule, layer) if placed else ()
        read = {inside.get(one.layer) or self._names[stage, one.layer] for one in reads}
        for action, link in edits:
            if not self._runs_before(link.source, (stage, layer), assignment):
                return False
            if (link.source in read) == (action == "add"):
                return False
            read ^= {link.source}
        return bool(read) or not placed

    def _runs_before(self, source: str, target: tuple[int, int], assignment: Assignment) -> bool:
        """Whether the source of a link is there, and runs before its target."""
        position = self._positions.get(source)
        if position is None or position >= target:
            return False
        return (
            self._is_opened(position[0], assignment)
            if position[1] == 0
            else self._keys.has_layer(*position, assignment)
        )

    def _reading_keys(self, stage: int) -> Iterator[SpecKey]:
        """The keys that say what the layers of a stage read."""
        yield from placement_keys(self._keys, stage)
        if stage > 1:
            yield from (*self._keys.downsamples(stage), self._keys.stage(stage - 1, "depth"))

    def _is_opened(self, stage: int, assignment: Assignment) -> bool:
        """Whether a stem or a downsampling gives the stage's input."""
        if stage == 1:
            return True
        options = given_first(self._keys.downsamples(stage), assignment)
        return isinstance(options, KindOptions) and default_registry().of("downsample", options).runs

    def _input(self, stage: int, assignment: Assignment) -> str:
        """The node that gives the stage's input; no name where the stage before has no valid depth."""
        if self._is_opened(stage, assignment):
            return self._names[stage, 0]
        depth = self._keys.stage(stage - 1, "depth")(assignment)
        return "" if depth is INVALID else self._names[stage - 1, depth]
