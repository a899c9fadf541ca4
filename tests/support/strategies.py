"""Hypothesis strategies that build valid specs by construction; every feature of the language joins them."""

from __future__ import annotations

import copy
import itertools
import math
from functools import cache
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

import sparx_dsl
from sparx_dsl.graph.rule import STAGE_INPUT, stage_reads
from sparx_dsl.language.resolve import ganglion_layers, rule_of
from tests.support.kind_strategies import EPSILONS, NORMS, downsamples, ffns, fusions, heads, mixers, stems, widths

Mapping = dict[str, Any]


def examples(part: float) -> int:
    """That part of the profile's number of examples, for tests that are slower, or wanted more, than others."""
    return max(1, round(settings().max_examples * part))


@cache
def layer_options(*, mixer_required: bool = False) -> st.SearchStrategy[Mapping]:
    """What a ``layer`` mapping can hold."""
    optional: Mapping = {
        "dpe": st.booleans(),
        "fusion": fusions(),
        "ffn": ffns(),
        "norm": NORMS,
        "layer_scale": st.sampled_from(["none", 1.0, 0.5, 0, -1]),
        "layer_scale_on": st.sampled_from(["residual", "branch"]),
        "norm_eps": EPSILONS,
        "norm_place": st.sampled_from(["pre", "post", "none"]),
    }
    if mixer_required:
        return st.fixed_dictionaries({"mixer": mixers()}, optional=optional)
    return st.fixed_dictionaries({}, optional={"mixer": mixers(), **optional})


@st.composite
def stages(draw: st.DrawFn, position: int, *, deepest: int = 6) -> Mapping:
    """One stage; ``position`` counts from 1."""
    depth = draw(st.integers(1, deepest))
    stage: Mapping = {"channels": draw(widths()), "depth": depth}
    name = draw(st.sampled_from(["", "", "", "stage", "deep_", "x", "nan"]))
    if name:
        stage["name"] = f"{name}{position}"
    placement = draw(st.sampled_from(["none", "S", "named"]))
    if placement != "none":
        stage |= draw(_placed(depth, placement))
    elif draw(st.sampled_from([False, False, True])):
        stage["cross_stage"] = "none"
    if draw(st.integers(0, 3)) == 3:
        stage["end_norm"] = draw(st.booleans())
    if draw(st.booleans()):
        stage["layer"] = draw(layer_options())
    numbers = draw(st.sets(st.integers(1, depth), max_size=2))
    if numbers:
        stage["layers"] = {number: draw(layer_options()) for number in sorted(numbers)}
    if position > 1 and draw(st.booleans()):
        stage["downsample"] = draw(downsamples())
    return stage


@st.composite
def _placed(draw: st.DrawFn, depth: int, placement: str) -> Mapping:
    keys: Mapping = {}
    if placement == "S":
        keys["S"] = draw(st.integers(1, depth))
        ganglion = ganglion_layers(depth, keys["S"])
    else:
        ganglion = tuple(sorted(draw(st.sets(st.integers(1, depth), min_size=1))))
        keys["ganglion"] = list(ganglion)
    if draw(st.booleans()):
        keys["M"] = draw(st.one_of(st.just("all"), st.integers(1, depth)))
    if draw(st.booleans()):
        keys["intra"] = draw(st.sampled_from(["all", "since_last"]))
    if draw(st.booleans()):
        modes = ["first", "window", "every"] + (["none"] if ganglion[0] > 1 else [])
        keys["cross_stage"] = draw(st.sampled_from(modes))
    return keys


def stage_name(position: int, stage: Mapping) -> str:
    """By what name links speak of a stage; ``position`` counts from 1."""
    return stage.get("name", f"stage{position}")


def input_name(position: int, made: list[Mapping]) -> str:
    """The node whose output is the input of the stage at a position, counted from 1."""
    if position == 1:
        return "stem"
    stage, before = made[position - 1], made[position - 2]
    if stage.get("downsample") == {"kind": "none"}:
        return f"{stage_name(position - 1, before)}.layer{before['depth']}"
    return f"{stage_name(position, stage)}.downsample"


def stage_steps(mapping: Mapping) -> list[list[tuple[int, bool]]]:
    """For each stage of a spec as plain values, by how much each step in front of it shrinks, and whether it crops."""
    stem = mapping["stem"]
    stride = 4 if stem["kind"] == "conv" else stem.get("step" if stem["kind"] == "overlapping" else "size", 4)
    fronts = [(2, False)] if stem["kind"] == "patch" and stem.get("convs") else []
    found = [[*fronts, (stride, stem.get("remainder") == "crop")]]
    for stage in mapping["stages"][1:]:
        downsample = stage.get("downsample") or mapping.get("downsample", {})
        stride = 1 if downsample.get("kind") == "none" else downsample.get("stride", 2)
        found.append([*found[-1], (stride, downsample.get("remainder") == "crop")])
    return found


def stage_strides(mapping: Mapping) -> list[int]:
    """The image's side over that of each stage's maps, of a spec as plain values."""
    return [math.prod(by for by, _ in steps) for steps in stage_steps(mapping)]


def side_of(steps: list[tuple[int, bool]], side: int) -> int:
    """What the steps make of a map's side."""
    for by, crops in steps:
        side = max(math.floor(side / by), 1) if crops else math.ceil(side / by)
    return side


def joined_stages(mapping: Mapping, number: int) -> list[int]:
    """The stages that have the width of the stage of that number because nothing downsamples between them."""
    kinds = [stage.get("downsample", mapping.get("downsample", {})).get("kind") for stage in mapping["stages"]]
    first = last = number
    while first > 1 and kinds[first - 1] == "none":
        first -= 1
    while last < len(kinds) and kinds[last] == "none":
        last += 1
    return list(range(first, last + 1))


@st.composite
def links(draw: st.DrawFn, made: list[Mapping]) -> Mapping:
    """Links that can be added to, and cut from, these stages; what is cut may be added again."""
    read: dict[str, list[str]] = {}
    nodes: list[str] = []
    for position, stage in enumerate(made, start=1):
        nodes += [] if input_name(position, made) in nodes else [input_name(position, made)]
        nodes += [f"{stage_name(position, stage)}.layer{number}" for number in range(1, stage["depth"] + 1)]
        read |= _read_by_the_rule(position, made)
    edits: Mapping = {}
    for _ in range(draw(st.sampled_from([0, 0, 1, 1, 2]))):
        # A ganglion layer keeps one feature at least.
        cuttable = [(source, target) for target, sources in read.items() if len(sources) > 1 for source in sources]
        if cuttable:
            source, target = draw(st.sampled_from(cuttable))
            read[target].remove(source)
            edits.setdefault("cut", []).append({"from": source, "to": target})
    for _ in range(draw(st.sampled_from([0, 0, 1, 1, 3]))):
        free = [
            (source, target)
            for place, target in enumerate(nodes)
            if ".layer" in target
            for source in nodes[:place]
            if source not in read.get(target, ())
        ]
        if free:
            source, target = draw(st.sampled_from(free))
            read.setdefault(target, []).append(source)
            edits.setdefault("add", []).append({"from": source, "to": target})
    return edits


def _read_by_the_rule(position: int, made: list[Mapping]) -> dict[str, list[str]]:
    """For each ganglion layer of the stage at a position the nodes that it reads by the rule."""
    stage = made[position - 1]
    rule = rule_of(stage["depth"], *(stage.get(key) for key in ("S", "M", "ganglion", "cross_stage", "intra")))
    name, before = stage_name(position, stage), input_name(position, made)
    return {
        f"{name}.layer{layer}": [
            before if read.layer == STAGE_INPUT else f"{name}.layer{read.layer}" for read in stage_reads(rule, layer)
        ]
        for layer in rule.ganglion
    }


@st.composite
def spec_mappings(draw: st.DrawFn, *, most_stages: int = 3, deepest: int = 5) -> Mapping:
    """A valid spec as plain values."""
    count = draw(st.integers(1, most_stages))
    made = [draw(stages(position, deepest=deepest)) for position in range(1, count + 1)]
    for before, stage in itertools.pairwise(made):
        if draw(st.integers(0, 4)) == 4:
            stage |= {"downsample": {"kind": "none"}, "channels": before["channels"]}
    layer = draw(layer_options(mixer_required=True))
    if draw(st.integers(0, 7)) == 7:
        # Each stage has a mixer of its own, and the backbone none.
        mixer = layer.pop("mixer")
        for stage in made:
            stage.setdefault("layer", {}).setdefault("mixer", copy.deepcopy(mixer))
    size = draw(st.one_of(st.integers(16, 40), st.just([32, 24])))
    spec: Mapping = {
        "sparx": 1,
        "name": draw(st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)),
        "input": draw(st.sampled_from([{"channels": 3, "size": size}, {"channels": 1, "size": size}, {"size": size}])),
        "stem": draw(stems()),
        "layer": layer,
        "stages": made,
    }
    if draw(st.booleans()):
        spec["downsample"] = draw(downsamples())
    if draw(st.booleans()):
        spec["drop_path"] = draw(st.sampled_from([0.0, 0.1, 0.5]))
    edits = draw(links(made))
    if edits:
        spec["links"] = edits
    spec["head"] = draw(heads())
    if draw(st.booleans()):
        spec["budget"] = draw(budgets())
    return spec


@cache
def budgets() -> st.SearchStrategy[Mapping]:
    """A budget that every backbone drawn here keeps."""
    counts, held = st.sampled_from([10**15 + 1, "5.5T", "900G"]), st.sampled_from([2**40 + 1, "2GiB", "1.5TB"])
    return st.fixed_dictionaries({}, optional={"params": counts, "macs": counts, "peak": held})


def specs(**bounds: int) -> st.SearchStrategy[sparx_dsl.Spec]:
    """A valid spec."""
    return spec_mappings(**bounds).map(sparx_dsl.parse_spec)
