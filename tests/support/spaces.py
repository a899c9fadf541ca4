"""Small spaces for tests, and a count of them that tries every combination on the language itself."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from hypothesis import HealthCheck, assume, settings
from hypothesis import strategies as st

import sparx_dsl
from tests.support.strategies import examples, spec_mappings, stage_name

MOST = 80
"""Combinations of a drawn space, so that all of them can be tried."""
FEW = settings(max_examples=examples(0.4), suppress_health_check=cast("list[HealthCheck]", list(HealthCheck)))
"""For tests of drawn spaces, of which many draws are thrown away."""

Assignment = dict[str, int]


@dataclass
class Drawn:
    """A space as plain data: single choices at key paths, what they depend on, and links that are on or off."""

    base: dict[str, Any]
    values: dict[str, list[Any]]
    when: dict[str, tuple[str, list[Any]]] = field(default_factory=dict[str, tuple[str, list[Any]]])
    links: dict[str, tuple[str, dict[str, str]]] = field(default_factory=dict[str, tuple[str, dict[str, str]]])

    def choices(self) -> dict[str, Any]:
        """What stands under ``choices``."""
        found: dict[str, Any] = {}
        for name, values in self.values.items():
            if name in self.links:
                action, link = self.links[name]
                found[name] = {{"add": "link", "cut": "cut"}[action]: link}
            else:
                found[name] = {"values": values}
            if name in self.when:
                other, wanted = self.when[name]
                found[name]["when"] = {other: wanted}
        return found

    def space(self, **keys: Any) -> sparx_dsl.Space:
        """The space; raises ``SparxError``."""
        return sparx_dsl.make_space(sparx_dsl.parse_spec(self.base), self.choices(), **keys)

    def assignments(self) -> list[Assignment]:
        """Every valid point, found by editing the base and connecting it; a choice that does not exist is left out."""
        base, found = sparx_dsl.parse_spec(self.base), list[Assignment]()
        for numbers in itertools.product(*(range(len(values)) for values in self.values.values())):
            picks = self._existing(dict(zip(self.values, numbers, strict=True)))
            if picks not in found and self.spec_of(base, picks) is not None:
                found.append(picks)
        return found

    def spec_of(self, base: sparx_dsl.Spec, picks: Mapping[str, int]) -> sparx_dsl.Spec | None:
        """The backbone of an assignment, or None where it is broken."""
        changes = {name: self.values[name][number] for name, number in picks.items() if name not in self.links}
        mapping = base.written()
        try:
            for name, value in sorted(changes.items(), key=_in_order):
                mapping = _laid(mapping, name.split("."), value)
            for name in picks:
                if name in self.links and picks[name]:
                    action, link = self.links[name]
                    edits = mapping.setdefault("links", {})
                    mapping["links"] = {**edits, action: [*edits.get(action, []), link]}
            return sparx_dsl.connect(sparx_dsl.parse_spec(mapping)).spec
        except sparx_dsl.SparxError:
            return None

    def can_exist(self, name: str) -> bool:
        """Whether the layer that a choice is for, if it is for a single one, exists at the greatest depth."""
        parts = name.split(".")
        if parts[2:3] != ["layers"]:
            return True
        depths = self.values.get(f"stages.{parts[1]}.depth", [self.base["stages"][int(parts[1]) - 1]["depth"]])
        return int(parts[3]) <= max(depths)

    def _existing(self, numbers: Assignment) -> Assignment:
        picks = dict(numbers)
        for name in list(self.values):
            if name in self.when:
                other, wanted = self.when[name]
                if other not in picks or not any(_means(one, self.values[other][picks[other]]) for one in wanted):
                    del picks[name]
            parts = name.split(".")
            if name in picks and parts[2:3] == ["layers"]:
                stage = int(parts[1])
                chosen = picks.get(f"stages.{stage}.depth")
                depth = self.base["stages"][stage - 1]["depth"]
                if chosen is not None:
                    depth = self.values[f"stages.{stage}.depth"][chosen]
                if int(parts[3]) > depth:
                    del picks[name]
        return picks


SoundSpace = tuple[Drawn, list[Assignment]]
"""A space, and all its points."""


def _in_order(change: tuple[str, Any]) -> tuple[int, bool]:
    """Wider keys before narrower ones, and kinds before what is beside them."""
    return change[0].count("."), not change[0].endswith(".kind")


def _means(wanted: Any, value: Any) -> bool:
    """Whether a condition's value is this one; a mapping means all that have its keys."""
    if isinstance(wanted, dict) and isinstance(value, dict):
        keys, held = cast("dict[str, Any]", wanted), cast("dict[str, Any]", value)
        return all(key in held and _means(inner, held[key]) for key, inner in keys.items())
    return bool(wanted == value) and isinstance(wanted, bool) == isinstance(value, bool)


def _laid(data: Any, path: list[str], value: Any) -> Any:
    """Plain data with a value laid over it, by the rules that docs/language.md gives for ``extends``."""
    if path and isinstance(data, list | tuple):
        place, items = int(path[0]) - 1, cast("Sequence[Any]", data)
        return [_laid(item, path[1:], value) if n == place else item for n, item in enumerate(items)]
    if path:
        key: str | int = int(path[0]) if path[0].isdecimal() else path[0]
        held: dict[str | int, Any] = cast("dict[str | int, Any]", data) if isinstance(data, dict) else {}
        if len(path) == 1 and value is None:
            held.pop(key, None)
            return held
        return {**held, key: _laid(held.get(key), path[1:], value)}
    if not isinstance(value, dict) or not isinstance(data, dict):
        return cast("Any", value)
    under, over = cast("dict[str | int, Any]", data), cast("dict[str | int, Any]", value)
    if over.get("kind", under.get("kind")) != under.get("kind"):
        return over
    for key, inner in over.items():
        under = _laid(under, [str(key)], inner)
    return under


CROPPING = {"kind": "patch", "size": 3, "remainder": "crop"}
MIXERS = [{"kind": "ss2d"}, {"kind": "window_attention", "head_width": 8}, {"kind": "window_attention", "heads": 3},
          {"kind": "bi_ssm", "state": 2}]  # fmt: skip
FUSIONS = [{"kind": "dmca", "groups": 4}, {"kind": "dmca", "groups": 3}, {"kind": "concat"},
           {"kind": "sca", "head_width": 8}]  # fmt: skip
DOWNSAMPLES = [{"kind": "conv"}, {"kind": "merge"}, {"kind": "conv", "stride": 4}, {"kind": "none"}]


def keys_of(stage: int, depth: int) -> dict[str, list[Any]]:
    """Keys of a stage that can be chosen, and values of which not all fit."""
    at = f"stages.{stage}"
    return {
        f"{at}.channels": [8, 12, 16, 24],
        f"{at}.depth": [1, 2, 3],
        f"{at}.S": [None, 1, 2, 3],
        f"{at}.M": [None, 1, 2, "all"],
        f"{at}.ganglion": [None, [1], [2], [1, 2]],
        f"{at}.cross_stage": ["none", "first", "window", "every"],
        f"{at}.intra": [None, "all", "since_last"],
        f"{at}.layer.mixer": [*MIXERS, None],
        f"{at}.layer.fusion": FUSIONS,
        f"{at}.layers.{depth}.mixer": MIXERS,
        f"{at}.layers.2.fusion": FUSIONS,
        f"{at}.layers.{depth}": [None, {"dpe": True}, {"fusion": FUSIONS[0]}],
        f"{at}.layer": [None, {"dpe": True}, {"dpe": False, "norm": "batch", "mixer": MIXERS[2]}],
        **({f"{at}.downsample": DOWNSAMPLES} if stage > 1 else {}),
    }


@st.composite
def drawn_spaces(draw: st.DrawFn) -> Drawn:
    """A space of a few choices, with a condition or a link now and then; its values may or may not fit."""
    base = draw(spec_mappings(most_stages=2, deepest=3))
    keys: dict[str, list[Any]] = {
        "layer": [None, {"dpe": True}],
        "layer.mixer": [*MIXERS, None],
        "head": [None, {"kind": "none"}, {"kind": "linear", "classes": 3}],
        "stem": [{"kind": "conv"}, CROPPING],
    }
    for number, stage in enumerate(base["stages"], start=1):
        keys |= keys_of(number, stage["depth"])
    names = draw(st.lists(st.sampled_from(sorted(keys)), min_size=1, max_size=4, unique=True))
    some = {name: st.lists(st.sampled_from(keys[name]), min_size=1, max_size=3, unique_by=repr) for name in names}
    made = Drawn(base, {name: draw(some[name]) for name in names})
    layers = [
        f"{stage_name(n, stage)}.layer{k}"
        for n, stage in enumerate(base["stages"], start=1)
        for k in range(1, stage["depth"] + 2)
    ]
    if draw(st.booleans()):
        ends = {"from": draw(st.sampled_from(["stem", *layers])), "to": draw(st.sampled_from(layers))}
        made.links["link"] = (draw(st.sampled_from(["add", "cut"])), ends)
        made.values["link"] = [False, True]
    while math.prod(map(len, made.values.values())) > MOST:
        max(made.values.values(), key=len).pop()
    names = [name for name in names if made.can_exist(name)] or ["head"]
    made.values = {name: made.values.get(name, keys[name]) for name in names} | {
        name: values for name, values in made.values.items() if name in made.links
    }
    if len(names) > 1 and draw(st.booleans()):
        other, dependent = names[0], names[-1]
        if not (dependent.endswith("depth") or (other.split(".")[2:3] == ["layers"])):
            wanted = st.lists(st.sampled_from(made.values[other]), min_size=1, unique_by=repr)
            made.when[dependent] = (other, draw(wanted))
    return made


@st.composite
def sound_spaces(draw: st.DrawFn) -> SoundSpace:
    """A space of which every value fits somewhere, with all its points as the tried combinations give them."""
    made = draw(drawn_spaces())
    points = made.assignments()
    used = {name: sorted({point[name] for point in points if name in point}) for name in made.values}
    if used.get("link") == [0]:
        del made.values["link"], made.links["link"], used["link"]
    assume(used and all(used.values()) and len(used.get("link", "ab")) == 2)
    made.values = {name: [made.values[name][number] for number in numbers] for name, numbers in used.items()}
    made.when = {
        name: (other, [value for value in wanted if value in made.values[other]])
        for name, (other, wanted) in made.when.items()
    }
    assume(all(wanted for _, wanted in made.when.values()))
    kept = [{name: used[name].index(n) for name, n in point.items() if name in used} for point in points]
    return made, kept
