"""What ties choices together: every rule of the language as a question about few of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import cast

from sparx_dsl.graph.rule import stage_reads
from sparx_dsl.language.checks.check_spec import check_stage
from sparx_dsl.language.models import Stage
from sparx_dsl.language.resolve import rule_of, stage_rule
from sparx_dsl.language.spec import Spec
from sparx_dsl.search.readings import INVALID, ROOT_KEYS, SLOTS, STAGE_KEYS, Picks, Reading, Readings
from sparx_dsl.search.values import OFF, Choice, KeyPath

Numbers = tuple[int, ...]

PLACEMENT = ("depth", "S", "M", "ganglion", "cross_stage", "intra")
"""The keys of a stage that say which layers are ganglion layers and what they read."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A condition on the values of the choices in ``scope``."""

    scope: tuple[int, ...]
    allows: Callable[[Picks], bool] = field(repr=False)
    about: str
    """What the rule is about, for messages."""

    def allows_row(self, row: tuple[int, ...]) -> bool:
        """Whether the condition holds for these values of the choices in ``scope``."""
        return self.allows(dict(zip(self.scope, row, strict=True)))


def union(readings: Iterable[Reading], *more: Iterable[int]) -> tuple[int, ...]:
    """The choices that decide any of the readings, and those given, in order."""
    choices = {choice for reading in readings for choice in reading.scope}
    return tuple(sorted(choices.union(*more)))


def dependencies(choice: Choice, names: Sequence[str], readings: Readings) -> tuple[int, ...]:
    """The choices on which it depends whether the choice exists."""
    named = {names.index(condition.choice) for condition in choice.when}
    depths = [readings.stage(stage, "depth").scope for stage, _ in layers_of(choice)]
    return tuple(sorted(named.union(*depths)))


def layers_of(choice: Choice) -> tuple[tuple[int, int], ...]:
    """Stage and number of the layers of which the choice speaks; none where it speaks of other keys too."""
    layers = [layer_of(path) for path in choice.paths]
    known = tuple(layer for layer in layers if layer is not None)
    return known if len(known) == len(layers) and not any(one.links for one in choice.alternatives) else ()


def layer_of(path: KeyPath) -> tuple[int, int] | None:
    """Stage and number of the layer to which a key path leads."""
    if len(path) > 3 and path[2] == "layers" and isinstance(path[1], int) and isinstance(path[3], int):
        return path[1], path[3]
    return None


def exists(choice: Choice, names: Sequence[str], readings: Readings, picks: Picks) -> bool:
    """Whether the choice exists: its conditions hold, and one of the layers that it speaks of is there."""
    if any(picks[names.index(condition.choice)] not in condition.among for condition in choice.when):
        return False
    layers = layers_of(choice)
    return not layers or any(has_layer(readings, stage, layer, picks) for stage, layer in layers)


def has_layer(readings: Readings, stage: int, layer: int, picks: Picks) -> bool:
    """Whether the stage has that many layers."""
    depth = readings.stage(stage, "depth")(picks)
    return isinstance(depth, int) and layer <= depth


def existence_rules(choices: Sequence[Choice], readings: Readings) -> Iterator[Rule]:
    """A choice has a value exactly where it exists."""
    names = [choice.name for choice in choices]
    for number, choice in enumerate(choices):
        needed = dependencies(choice, names, readings)
        if needed:

            def allows(picks: Picks, number: int = number, choice: Choice = choice) -> bool:
                return (picks[number] != OFF) == exists(choice, names, readings, picks)

            yield Rule(tuple(sorted({number, *needed})), allows, f"whether {choice.name} exists")


def value_rules(readings: Readings) -> Iterator[Rule]:
    """Every key has a value that the language accepts there."""
    for path in _keys(readings):
        reading = readings.at(path)
        if reading.scope:

            def allows(picks: Picks, reading: Reading = reading, path: KeyPath = path) -> bool:
                layer = layer_of(path)
                gone = layer is not None and not has_layer(readings, *layer, picks)
                return gone or reading(picks) != INVALID

            layer = layer_of(path)
            depth = readings.stage(layer[0], "depth").scope if layer else ()
            yield Rule(union([reading], depth), allows, ".".join(map(str, path)))


def _keys(readings: Readings) -> Iterator[KeyPath]:
    """Every key that is read on its own."""
    yield from ((key,) for key in ROOT_KEYS)
    yield from (("layer", slot) for slot in SLOTS)
    for stage in range(1, readings.stages + 1):
        yield from (("stages", stage, key) for key in STAGE_KEYS)
        yield from (("stages", stage, "layer", slot) for slot in SLOTS)
        numbers = range(1, readings.deepest(stage) + 1)
        yield from (("stages", stage, "layers", number, slot) for number in numbers for slot in SLOTS)


def placement_rules(readings: Readings, linked: Iterable[tuple[int, int]]) -> Iterator[Rule]:
    """The placement of ganglion layers makes sense in each stage.

    The layers that links lead to are left to the rules of links, as far as what they read is concerned.
    """
    known = set(linked)
    for stage in range(1, readings.stages + 1):
        parts = [readings.stage(stage, key) for key in PLACEMENT]
        numbered = readings.numbered(stage)
        scope = union([*parts, numbered])
        if scope:

            def allows(picks: Picks, stage: int = stage, numbered: Reading = numbered) -> bool:
                placed = placed_stage(readings, stage, picks)
                return placed is not None and _placement_holds(placed, numbered(picks), stage, known)

            yield Rule(scope, allows, f"the ganglion layers of stage {stage}")


def _placement_holds(stage: Stage, numbers: object, position: int, linked: set[tuple[int, int]]) -> bool:
    """Whether a stage alone has no mistake of placement, and no ganglion layer that reads nothing."""
    if not isinstance(numbers, tuple) or any(not isinstance(n, int) or n > stage.depth for n in numbers):  # pyright: ignore[reportUnknownVariableType]
        return False
    alone = Spec.model_validate({"sparx": 1, "name": "x", "stem": {"kind": "patch"}, "stages": [stage]})
    if next(check_stage(alone, 0), None) is not None:
        return False
    return all(stage_sources(stage, layer) for layer in stage_rule(stage).ganglion if (position, layer) not in linked)


def placed_stage(readings: Readings, stage: int, picks: Picks) -> Stage | None:
    """The stage with nothing but its placement; None where a key has a wrong value."""
    values = {key: readings.stage(stage, key)(picks) for key in PLACEMENT}
    if INVALID in values.values():
        return None
    return Stage.model_validate({"channels": 8, **{key: value for key, value in values.items() if value is not None}})


def placed_layers(readings: Readings, stage: int, picks: Picks) -> tuple[int, ...]:
    """The numbers of a stage's ganglion layers."""
    depth, stride, named = (readings.stage(stage, key)(picks) for key in ("depth", "S", "ganglion"))
    if INVALID in (depth, stride, named):
        return ()
    return rule_of(cast("int", depth), cast("int | None", stride), None, cast("Numbers | None", named)).ganglion


def stage_sources(stage: Stage, layer: int) -> tuple[int, ...]:
    """The layers that the rule connects to a ganglion layer, 0 for the stage's input."""
    return tuple(read.layer for read in stage_reads(stage_rule(stage), layer))


def total_rules(readings: Readings, most: int) -> Iterator[Rule]:
    """All stages together stay within the limit of layers."""
    stages = range(1, readings.stages + 1)
    if sum(readings.deepest(stage) for stage in stages) > most:
        depths = [readings.stage(stage, "depth") for stage in stages]

        def allows(picks: Picks) -> bool:
            found = [depth(picks) for depth in depths]
            return sum(n for n in found if isinstance(n, int)) <= most

        yield Rule(union(depths), allows, "the number of layers in total")
