"""The rules of links that a spec, or a choice, adds or cuts: both ends exist, and ganglion layers read something."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sparx_dsl.graph.rule import STAGE_INPUT
from sparx_dsl.language.models import Link, LinkEdits, Stage
from sparx_dsl.language.resolve import stage_rule
from sparx_dsl.reader.tree import plain
from sparx_dsl.search.readings import Picks, Readings
from sparx_dsl.search.rules import PLACEMENT, Rule, placed_stage, stage_sources, union
from sparx_dsl.search.values import OFF, Choice, LinkAction

Place = tuple[int, int]
"""Stage and number of a layer; the number is 0 for what stands in front of a stage's layers."""


@dataclass(frozen=True)
class Links:
    """The links of a space: those that the spec has, and those that choices add or cut."""

    readings: Readings
    choices: Sequence[Choice]
    domains: Sequence[Sequence[int]]
    names: tuple[str, ...]
    """The names of the stages."""

    def place(self, name: str) -> Place | None:
        """Where a node stands; None for what can be no end of a link."""
        if name == "stem":
            return (1, 0)
        stage, _, part = name.partition(".")
        if stage not in self.names:
            return None
        position = self.names.index(stage) + 1
        if part == "downsample":
            return (position, 0) if position > 1 else None
        number = re.fullmatch(r"layer([1-9][0-9]{0,3})", part)
        return (position, int(number[1])) if number else None

    def chosen(self, number: int, value: int) -> tuple[tuple[LinkAction, Link], ...]:
        """The links that a value of a choice adds or cuts; raises ``ValidationError``."""
        if value == OFF:
            return ()
        edits = self.choices[number].alternatives[value].links
        return tuple((action, Link.model_validate(plain(node))) for action, node in edits)

    def linking(self) -> tuple[int, ...]:
        """The choices that add or cut single links."""
        return tuple(n for n, choice in enumerate(self.choices) if any(one.links for one in choice.alternatives))

    def edits(self, picks: Picks, choices: Sequence[int]) -> list[tuple[LinkAction, Link]]:
        """The links of the spec and of these choices in the order of the spec: cuts first."""
        links = self.readings.at(("links",))(picks)
        written = links if isinstance(links, LinkEdits) else LinkEdits()
        found: list[tuple[LinkAction, Link]] = []
        found.extend(("cut", link) for link in written.cut)
        found.extend(("add", link) for link in written.add)
        for number in choices:
            found += self.chosen(number, picks[number])
        return sorted(found, key=lambda edit: edit[0] == "add")

    def possible(self) -> set[tuple[LinkAction, Link]]:
        """Every link that is added or cut at some point."""
        scope = self.readings.at(("links",)).scope
        rows = itertools.product(*(self.domains[choice] for choice in scope))
        found = {edit for row in rows for edit in self.edits(dict(zip(scope, row, strict=True)), ())}
        for number in self.linking():
            for value in self.domains[number]:
                found |= set(self.chosen(number, value))
        return found

    def of_target(self, target: str) -> tuple[int, ...]:
        """The choices that add or cut a link to the node of that name."""
        return tuple(
            number
            for number in self.linking()
            if any(link.target == target for value in self.domains[number] for _, link in self.chosen(number, value))
        )

    def layer_name(self, stage: int, layer: int) -> str:
        """The name of a layer."""
        return f"{self.names[stage - 1]}.layer{layer}"

    def added(self, stage: int, layer: int) -> tuple[int, ...]:
        """The choices that decide whether links are added to a layer."""
        return union([self.readings.at(("links",))], self.of_target(self.layer_name(stage, layer)))

    def receives(self, stage: int, layer: int, picks: Picks) -> bool:
        """Whether a link is added to a layer."""
        target = self.layer_name(stage, layer)
        return any(a == "add" and link.target == target for a, link in self.edits(picks, self.of_target(target)))

    def targets(self) -> list[Place]:
        """The layers that links lead to at some point."""
        places = {self.place(link.target) for _, link in self.possible()}
        return sorted(place for place in places if place is not None and place[1])

    def rules(self) -> Iterator[Rule]:
        """One rule for each node that links lead to."""
        ends: dict[str, set[str]] = {}
        for _, link in self.possible():
            ends.setdefault(link.target, set()).add(link.source)
        for target in sorted(ends):
            own = self.of_target(target)
            places = [place for name in sorted(ends[target]) if (place := self.place(name)) is not None]
            aim = self.place(target)
            parts = [self.readings.stage(stage, "depth") for stage, _ in places]
            parts += [self.readings.stage(aim[0], key) for key in PLACEMENT] if aim is not None else []

            def allows(picks: Picks, target: str = target, own: tuple[int, ...] = own) -> bool:
                edits = [edit for edit in self.edits(picks, own) if edit[1].target == target]
                return self._hold(target, edits, picks)

            yield Rule(union([self.readings.at(("links",)), *parts], own), allows, f"the links to {target}")

    def _hold(self, target: str, edits: list[tuple[LinkAction, Link]], picks: Picks) -> bool:
        """Whether the edits of what one layer reads can be made, and leave something where it must read."""
        aim = self.place(target)
        stage = placed_stage(self.readings, aim[0], picks) if aim is not None else None
        if aim is None or stage is None or not aim[1] or aim[1] > stage.depth:
            return not edits
        heard = self._rule_sources(aim, stage)
        for action, link in edits:
            if not self._can_lead(link, aim, picks) or (link.source in heard) == (action == "add"):
                return False
            heard = {*heard, link.source} if action == "add" else heard - {link.source}
        return bool(heard) or aim[1] not in stage_rule(stage).ganglion

    def _rule_sources(self, aim: Place, stage: Stage) -> set[str]:
        """The nodes that the connection rule lets a layer read."""
        if aim[1] not in stage_rule(stage).ganglion:
            return set()
        head = "stem" if aim[0] == 1 else f"{self.names[aim[0] - 1]}.downsample"
        found = stage_sources(stage, aim[1])
        return {head if layer == STAGE_INPUT else self.layer_name(aim[0], layer) for layer in found}

    def _can_lead(self, link: Link, aim: Place, picks: Picks) -> bool:
        """Whether the source exists and runs before the target."""
        source = self.place(link.source)
        if source is None or source >= aim:
            return False
        depth = self.readings.stage(source[0], "depth")(picks)
        return isinstance(depth, int) and source[1] <= depth
