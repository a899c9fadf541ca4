"""Key paths of choices: ``stages.3.S``, ``stages.*.layers.*.mixer``; read, spread over their stars, and checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from sparx_dsl.errors import Diagnostic, did_you_mean, quoted
from sparx_dsl.language.checks.describe_schema import language
from sparx_dsl.search.values import KeyPath

STAR: Final = "*"
FIXED: Final = {
    "sparx": "the version of the language is no choice",
    "name": "a name is no part of a backbone's graph",
    "extends": "the base is given once, for all points",
    "budget": "what all points may cost is said in bounds, or in the base's own budget",
}


def split_path(text: str, stages: Sequence[str]) -> KeyPath:
    """The parts of a path as written; numbers are numbers, and a stage's name becomes its number, from 1."""
    parts: list[str | int] = [int(part) if part.isdecimal() and len(part) < 10 else part for part in text.split(".")]
    if len(parts) > 1 and parts[0] == "stages" and parts[1] in stages:
        parts[1] = stages.index(str(parts[1])) + 1
    return tuple(parts)


def join_path(path: KeyPath) -> str:
    """A path as it is written."""
    return ".".join(map(str, path))


def has_star(path: KeyPath) -> bool:
    """Whether the path speaks of several places."""
    return STAR in path


def spread(path: KeyPath, depths: Mapping[int, int]) -> list[KeyPath]:
    """The paths that one with stars stands for: every stage, every layer that a stage can have.

    ``depths`` are the most layers of each stage. The first stage has no downsampling, so it is left out there.
    """
    found: list[KeyPath] = [()]
    for place, part in enumerate(path):
        if part != STAR:
            found = [(*before, part) for before in found]
        elif place == 1:
            stages = [stage for stage in depths if not (stage == 1 and path[2:3] == ("downsample",))]
            found = [(*before, stage) for before in found for stage in stages]
        else:
            found = [(*before, n) for before in found for n in range(1, depths[int(before[1])] + 1)]
    return found


def stars_of(path: KeyPath, pattern: KeyPath) -> tuple[str | int, ...]:
    """What stands in a path where its pattern has stars."""
    return tuple(part for part, form in zip(path, pattern, strict=True) if form == STAR)


def fill_stars(text: str, numbers: Sequence[str | int]) -> str:
    """A path in which stars take the given numbers, in order; stars beyond them stay."""
    left = list(numbers)
    return ".".join(str(left.pop(0)) if part == STAR and left else part for part in text.split("."))


def path_mistake(path: KeyPath, depths: Mapping[int, int]) -> Diagnostic | None:
    """What is wrong with a path, without a place; None where it addresses something that can be chosen."""
    first = path[0]
    if first in FIXED:
        return Diagnostic("SPX711", f"{quoted(str(first))} cannot be chosen: {FIXED[str(first)]}")
    if path == ("stages",):
        advice = "choose keys of the stages, such as stages.3.depth"
        return Diagnostic("SPX711", "the list of stages cannot be chosen as a whole", help=advice)
    if len(path) > 2 and first == "stages" and path[2] == "name":
        return Diagnostic("SPX711", "a stage's name cannot be chosen: links speak of it")
    if first == "links" and len(path) > 1:
        advice = "write a choice with link: {from: …, to: …}, or with cut: {from: …, to: …}"
        return Diagnostic("SPX711", "links are chosen one by one", help=advice)
    return _lost(path, depths)


def _lost(path: KeyPath, depths: Mapping[int, int]) -> Diagnostic | None:
    """The part of a path where it leads nowhere."""
    slot = language()
    for place, part in enumerate(path):
        at_stage, at_layer = path[:place] == ("stages",), place == 3 and path[2] == "layers"
        told = quoted(join_path(path))
        if at_stage or at_layer:
            if part != STAR and not isinstance(part, int):
                what = "a stage" if at_stage else "a layer"
                return Diagnostic("SPX710", f"{told} names {what} by {quoted(part)}", help="write its number, or *")
            known = depths if at_stage else range(1, 1 + max(_reach(path[1], depths), 0))
            if part != STAR and part not in known:
                what = f"the base has {len(depths)} stages" if at_stage else f"it has at most {len(known)} layers"
                return Diagnostic("SPX710", f"{told} addresses nothing: {what}")
        following = slot.step(1 if part == STAR else part)
        if following is None or (isinstance(part, int) or part == STAR) != (at_stage or at_layer):
            keys = list(slot.fields())
            advice = did_you_mean(str(part), keys)
            known_keys = (f"the keys there are {', '.join(keys)}",) if keys else ()
            return Diagnostic("SPX710", f"{told} addresses nothing: there is no {quoted(str(part))}", notes=known_keys,
                              help=advice)  # fmt: skip
        slot = following
    return None


def _reach(stage: str | int, depths: Mapping[int, int]) -> int:
    """The most layers of the stage, or of any."""
    return depths.get(stage, 0) if isinstance(stage, int) else max(depths.values())
