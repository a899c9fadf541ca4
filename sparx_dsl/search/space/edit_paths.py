"""Key paths of choices such as ``stages.3.S`` and ``stages.*.layers.*.mixer``: read, expanded, and checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from sparx_dsl.errors import Code, Diagnostic, did_you_mean, quoted
from sparx_dsl.language.checks.describe_schema import Slot, language
from sparx_dsl.language.edit import key_path
from sparx_dsl.reader.limits import Limits
from sparx_dsl.search.space.choices import EditPath

WILDCARD: Final = "*"
FIXED: Final = {
    "sparx": "the version of the language is not a choice",
    "name": "a name is not part of a backbone's graph",
    "extends": "the base is given once, for all points",
    "budget": "what all points may cost is set by bounds, or by the base's own budget",
}
"""Keys that cannot be chosen, and why."""


def split_path(text: str, stages: Sequence[str], limits: Limits) -> EditPath:
    """The parts of a path as written; a stage's name becomes its number, from 1."""
    path = key_path(text, limits)
    if len(path) > 1 and path[0] == "stages" and path[1] in stages:
        return ("stages", stages.index(str(path[1])) + 1, *path[2:])
    return path


def join_path(path: EditPath) -> str:
    """A path as it is written."""
    return ".".join(map(str, path))


def has_wildcard(path: EditPath) -> bool:
    """Whether the path refers to several places."""
    return WILDCARD in path


def expand_wildcards(path: EditPath, depths: Mapping[int, int]) -> list[EditPath]:
    """The paths that one with wildcards stands for: every stage, every layer that a stage can have.

    ``depths`` are the most layers of each stage. The first stage has no downsampling, so it is left out there.
    """
    found: list[EditPath] = [()]
    for place, part in enumerate(path):
        if part != WILDCARD:
            found = [(*before, part) for before in found]
        elif place == 1:
            stages = [stage for stage in depths if not (stage == 1 and path[2:3] == ("downsample",))]
            found = [(*before, stage) for before in found for stage in stages]
        else:
            found = [(*before, n) for before in found for n in range(1, depths[int(before[1])] + 1)]
    return found


def wildcard_values(path: EditPath, pattern: EditPath) -> tuple[str | int, ...]:
    """What stands in a path where its pattern has wildcards."""
    return tuple(part for part, form in zip(path, pattern, strict=True) if form == WILDCARD)


def fill_wildcards(text: str, numbers: Sequence[str | int]) -> str:
    """A path in which wildcards take the given numbers, in order; wildcards beyond them stay."""
    left = list(numbers)
    return ".".join(str(left.pop(0)) if part == WILDCARD and left else part for part in text.split("."))


def layer_of(path: EditPath) -> tuple[int, int] | None:
    """Stage and number of the single layer to which a key path leads."""
    if len(path) > 3 and path[2] == "layers" and isinstance(path[1], int) and isinstance(path[3], int):
        return path[1], path[3]
    return None


def check_path(path: EditPath, depths: Mapping[int, int]) -> Diagnostic | None:
    """What is wrong with a path, without a place; None where it addresses something that can be chosen."""
    first = path[0]
    if first in FIXED:
        return Diagnostic(Code.FIXED_KEY, f"{quoted(str(first))} cannot be chosen: {FIXED[str(first)]}")
    if path == ("stages",):
        advice = "choose keys of the stages, such as stages.3.depth"
        return Diagnostic(Code.FIXED_KEY, "the list of stages cannot be chosen as a whole", help=advice)
    if len(path) > 2 and first == "stages" and path[2] == "name":
        return Diagnostic(Code.FIXED_KEY, "a stage's name cannot be chosen: links refer to it")
    if first == "links" and len(path) > 1:
        advice = "write a choice with link: {from: …, to: …}, or with cut: {from: …, to: …}"
        return Diagnostic(Code.FIXED_KEY, "links are chosen one by one", help=advice)
    return _check_parts(path, depths)


def _check_parts(path: EditPath, depths: Mapping[int, int]) -> Diagnostic | None:
    """The first part of a path that leads nowhere."""
    slot = language()
    for place, part in enumerate(path):
        at_stage, at_layer = path[:place] == ("stages",), place == 3 and path[2] == "layers"
        if at_stage or at_layer:
            known = depths if at_stage else range(1, 1 + max(_most_layers(path[1], depths), 0))
            if wrong := _check_number(path, part, "stage" if at_stage else "layer", known):
                return wrong
        following = slot.step(1 if part == WILDCARD else part)
        if following is None or (isinstance(part, int) or part == WILDCARD) != (at_stage or at_layer):
            return _unknown_key(path, part, slot)
        slot = following
    return None


def _check_number(path: EditPath, part: str | int, what: str, known: Mapping[int, int] | range) -> Diagnostic | None:
    """What is wrong with the part of a path that counts stages or layers."""
    if part == WILDCARD or part in known:
        return None
    if not isinstance(part, int):
        message = f"{quoted(join_path(path))} names a {what} by {quoted(part)}"
        return Diagnostic(Code.UNKNOWN_PATH, message, help="write its number, or *")
    there = f"the base has {len(known)} stages" if what == "stage" else f"it has at most {len(known)} layers"
    return Diagnostic(Code.UNKNOWN_PATH, f"{quoted(join_path(path))} matches nothing: {there}")


def _unknown_key(path: EditPath, part: str | int, slot: Slot) -> Diagnostic:
    keys = list(slot.fields())
    notes = (f"the keys there are {', '.join(keys)}",) if keys else ()
    message = f"{quoted(join_path(path))} matches nothing: unknown key {quoted(str(part))}"
    return Diagnostic(Code.UNKNOWN_PATH, message, notes=notes, help=did_you_mean(str(part), keys))


def _most_layers(stage: str | int, depths: Mapping[int, int]) -> int:
    """The most layers of the stage, or of any."""
    return depths.get(stage, 0) if isinstance(stage, int) else max(depths.values())
