"""Hypothesis strategies that build valid specs by construction; every feature of the language joins them."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

import sparx_dsl
from sparx_dsl.graph.rule import STAGE_INPUT, reads
from sparx_dsl.language.resolve import ganglion_layers

UNIT = 8
"""Every width is a multiple of this, so that all groups and head widths drawn here divide it."""

GROUPS = (1, 2, 4)
HEAD_WIDTHS = (4, 8)
NORMS = st.sampled_from(["group", "layer", "batch"])


def examples(part: float) -> int:
    """That part of the profile's number of examples, for tests that are slower, or wanted more, than others."""
    return max(1, round(settings().max_examples * part))


def widths(most: int = 4) -> st.SearchStrategy[int]:
    """Channels that every drawn kind accepts."""
    return st.integers(1, most).map(lambda k: UNIT * k)


def scans(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    """SSM or Bi-SSM."""
    options = {
        "state": st.integers(1, 3),
        "expand": st.integers(1, 2),
        "conv": st.integers(0, 4),
        "gate": st.booleans(),
        "bias": st.booleans(),
    }
    if kind == "bi_ssm":
        options["halve"] = st.booleans()
    return st.fixed_dictionaries({"kind": st.just(kind)}, optional=options)


def mixers() -> st.SearchStrategy[dict[str, Any]]:
    """Any token mixer."""
    ss2d = st.fixed_dictionaries(
        {"kind": st.just("ss2d")},
        optional={
            "state": st.integers(1, 2),
            "expand": st.integers(1, 2),
            "conv": st.sampled_from([0, 1, 3, 5]),
            "bias": st.booleans(),
            "rank": st.integers(1, 3),
        },
    )
    window = st.fixed_dictionaries(
        {"kind": st.just("window_attention"), "head_width": st.sampled_from(HEAD_WIDTHS)},
        optional={"window": st.integers(2, 7), "shift": st.booleans()},
    )
    return st.one_of(window, ss2d, scans("ssm"), scans("bi_ssm"))


def fusions() -> st.SearchStrategy[dict[str, Any]]:
    """Any fusion."""
    dmca = st.fixed_dictionaries(
        {"kind": st.just("dmca")},
        optional={
            "groups": st.sampled_from(GROUPS),
            "reduction": st.sampled_from(["auto", 1, 2, 3]),
            "shortcut": st.booleans(),
        },
    )
    sized = st.fixed_dictionaries(
        {"kind": st.sampled_from(["concat", "no_gcca"])}, optional={"ratio": st.integers(1, 2)}
    )
    width = {"head_width": st.sampled_from(HEAD_WIDTHS)}
    sca = st.fixed_dictionaries({"kind": st.just("sca"), **width}, optional={"merging": st.integers(1, 4)})
    sra = st.fixed_dictionaries(
        {"kind": st.just("sra"), **width}, optional={"reduction": st.sampled_from(["auto", 1, 2, 3])}
    )
    return st.one_of(dmca, sized, sca, sra)


def ffns() -> st.SearchStrategy[dict[str, Any]]:
    """Any feed-forward network, none included."""
    sized = st.fixed_dictionaries({"kind": st.sampled_from(["mlp", "conv"])}, optional={"ratio": st.integers(1, 2)})
    return st.one_of(sized, st.just({"kind": "none"}))


def layer_options(*, mixer_required: bool = False) -> st.SearchStrategy[dict[str, Any]]:
    """What a ``layer`` mapping can hold."""
    optional: dict[str, Any] = {
        "dpe": st.booleans(),
        "fusion": fusions(),
        "ffn": ffns(),
        "norm": NORMS,
        "layer_scale": st.one_of(st.just("none"), st.just(1.0), st.just(0.5)),
    }
    if mixer_required:
        return st.fixed_dictionaries({"mixer": mixers()}, optional=optional)
    return st.fixed_dictionaries({}, optional={"mixer": mixers(), **optional})


@st.composite
def stages(draw: st.DrawFn, position: int, *, deepest: int = 6) -> dict[str, Any]:
    """One stage; ``position`` counts from 1."""
    depth = draw(st.integers(1, deepest))
    stage: dict[str, Any] = {"channels": draw(widths()), "depth": depth}
    placement = draw(st.sampled_from(["none", "S", "named"]))
    if placement != "none":
        stage |= draw(_placed(depth, placement))
    if draw(st.booleans()):
        stage["layer"] = draw(layer_options())
    numbers = draw(st.sets(st.integers(1, depth), max_size=2))
    if numbers:
        stage["layers"] = {number: draw(layer_options()) for number in sorted(numbers)}
    if position > 1 and draw(st.booleans()):
        stage["downsample"] = draw(downsamples())
    return stage


@st.composite
def _placed(draw: st.DrawFn, depth: int, placement: str) -> dict[str, Any]:
    keys: dict[str, Any] = {}
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
        heard = ["first", "window", "every"] + (["none"] if ganglion[0] > 1 else [])
        keys["cross_stage"] = draw(st.sampled_from(heard))
    return keys


def downsamples() -> st.SearchStrategy[dict[str, Any]]:
    """Any downsampling."""
    return st.fixed_dictionaries({"kind": st.sampled_from(["conv", "merge"])}, optional={"norm": NORMS})


def stems() -> st.SearchStrategy[dict[str, Any]]:
    """Any stem."""
    conv = st.fixed_dictionaries({"kind": st.just("conv")}, optional={"convs": st.integers(2, 3), "norm": NORMS})
    patch = st.fixed_dictionaries(
        {"kind": st.just("patch")}, optional={"size": st.sampled_from([1, 2, 4]), "norm": NORMS}
    )
    return st.one_of(conv, patch)


def heads() -> st.SearchStrategy[dict[str, Any]]:
    """Any head, none included; those for dense prediction narrow."""
    classes, narrow = st.integers(1, 5), st.sampled_from([2, 4])
    linear = st.fixed_dictionaries({"kind": st.just("linear"), "classes": classes}, optional={"norm": NORMS})
    dense = {"classes": classes, "pyramid_channels": narrow}
    fpn = st.fixed_dictionaries(
        {"kind": st.just("semantic_fpn"), **dense, "head_channels": narrow}, optional={"norm": NORMS}
    )
    upernet = st.fixed_dictionaries(
        {"kind": st.just("upernet"), **dense, "auxiliary_channels": narrow},
        optional={
            "norm": NORMS,
            "auxiliary": st.booleans(),
            "pools": st.lists(st.integers(1, 7), min_size=1, max_size=3),
        },
    )
    return st.one_of(st.just({"kind": "none"}), linear, fpn, upernet)


@st.composite
def links(draw: st.DrawFn, made: list[dict[str, Any]]) -> dict[str, Any]:
    """Links that can be added to, and cut from, these stages."""
    layers = [(k, n) for k, stage in enumerate(made, start=1) for n in range(1, stage["depth"] + 1)]
    wanted = [(a, b) for a in layers for b in layers if a[0] < b[0]]
    cuttable = [cut for k, stage in enumerate(made, start=1) for cut in _cuttable(k, stage)]
    edits: dict[str, Any] = {}
    if wanted and draw(st.booleans()):
        chosen = draw(st.lists(st.sampled_from(wanted), min_size=1, max_size=2, unique=True))
        edits["add"] = [{"from": f"stage{a[0]}.layer{a[1]}", "to": f"stage{b[0]}.layer{b[1]}"} for a, b in chosen]
    if cuttable and draw(st.booleans()):
        edits["cut"] = [draw(st.sampled_from(cuttable))]
    return edits


def _cuttable(position: int, stage: dict[str, Any]) -> list[dict[str, str]]:
    """The rule's connections into layers that read at least one other."""
    ganglion = (
        tuple(stage["ganglion"])
        if "ganglion" in stage
        else ganglion_layers(stage["depth"], stage["S"])
        if "S" in stage
        else ()
    )
    found: list[dict[str, str]] = []
    for layer in ganglion:
        heard = reads(
            layer, ganglion, stage.get("M", "all"), stage.get("cross_stage", "first"), stage.get("intra", "since_last")
        )
        head = "stem" if position == 1 else f"stage{position}.downsample"
        names = [head if read.layer == STAGE_INPUT else f"stage{position}.layer{read.layer}" for read in heard]
        found += [{"from": name, "to": f"stage{position}.layer{layer}"} for name in names if len(names) > 1]
    return found


@st.composite
def spec_mappings(draw: st.DrawFn, *, most_stages: int = 3, deepest: int = 5) -> dict[str, Any]:
    """A valid spec as plain values."""
    count = draw(st.integers(1, most_stages))
    made = [draw(stages(position, deepest=deepest)) for position in range(1, count + 1)]
    spec: dict[str, Any] = {
        "sparx": 1,
        "name": draw(st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)),
        "input": {
            "channels": draw(st.sampled_from([3, 1])),
            "size": draw(st.one_of(st.integers(16, 40), st.just([32, 24]))),
        },
        "stem": draw(stems()),
        "layer": draw(layer_options(mixer_required=True)),
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


def budgets() -> st.SearchStrategy[dict[str, Any]]:
    """A budget that every backbone drawn here keeps."""
    counts, held = st.sampled_from([10**15 + 1, "5.5T", "900G"]), st.sampled_from([2**40 + 1, "2GiB", "1.5TB"])
    return st.fixed_dictionaries({}, optional={"params": counts, "macs": counts, "peak": held})


def specs(**bounds: int) -> st.SearchStrategy[sparx_dsl.Spec]:
    """A valid spec."""
    return spec_mappings(**bounds).map(sparx_dsl.parse_spec)
