"""What a spec says, read from its plain values by the language's documentation: layers, levels, and who reads whom.

Shares no code with ``language.resolve``, the graph, the schedule or the lowering. ``spec_oracle_run`` computes with it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

Mapping = dict[str, Any]
DEFAULTS: Mapping = {
    "dpe": False, "fusion": {"kind": "dmca"}, "ffn": {"kind": "mlp"}, "norm": "layer", "layer_scale": "none",
    "layer_scale_on": "residual", "norm_eps": 1e-5, "norm_place": "pre",
}  # fmt: skip
"""What a layer is where no level says otherwise."""


@dataclass(frozen=True)
class SaidLayer:
    """One layer as the values say it is."""

    name: str
    number: int
    """In its stage, from 1."""
    options: Mapping
    reads: tuple[str, ...]
    """The nodes whose maps are concatenated, in the order of their slots."""
    drop_path: float


@dataclass(frozen=True)
class SaidStage:
    """One stage as the values say it is."""

    channels: int
    steps: tuple[tuple[int, bool], ...]
    """By how much each step in front of it shrinks a map's sides, and whether it rounds down, not up."""
    opening: str
    """The node that gives its input."""
    layers: tuple[SaidLayer, ...]
    opened: bool
    """Whether a stem or a downsampling runs in front of it; where not, the last layer before it gives its input."""
    end_norm: bool
    """Whether a norm ends its last layer."""

    @property
    def stride(self) -> int:
        """The image's side over the side of its maps."""
        return math.prod(by for by, _ in self.steps)


def said(spec: Mapping) -> tuple[SaidStage, ...]:
    """The stages of a valid spec."""
    stem, reads = spec["stem"], read_by(spec)
    stride = {"conv": 4}.get(stem["kind"]) or stem.get("step" if stem["kind"] == "overlapping" else "size", 4)
    front = ((2, False),) if stem.get("convs") and stem["kind"] == "patch" else ()
    steps = (*front, (stride, stem.get("remainder") == "crop"))
    total = sum(stage["depth"] for stage in spec["stages"])
    found: list[SaidStage] = []
    before = 0
    for place, stage in enumerate(spec["stages"]):
        name, opening = _name(spec, place), opening_of(spec, place)
        if place and opening["kind"] != "none":
            steps = (*steps, (opening.get("stride", 2), opening.get("remainder") == "crop"))
        layers: list[SaidLayer] = []
        for number in range(1, stage["depth"] + 1):
            levels = spec.get("layer", {}), stage.get("layer", {}), stage.get("layers", {}).get(number, {})
            options = DEFAULTS | levels[0] | levels[1] | levels[2]
            rate = spec.get("drop_path", 0.0) * (before / (total - 1) if total > 1 else 1)
            layer = f"{name}.layer{number}"
            layers.append(SaidLayer(layer, number, options, tuple(reads.get(layer, ())), rate))
            before += 1
        opened, ended = opening["kind"] != "none", stage.get("end_norm", False)
        found.append(SaidStage(stage["channels"], steps, _opening(spec, place), tuple(layers), opened, ended))
    return tuple(found)


def opening_of(spec: Mapping, place: int) -> Mapping:
    """The stem, or the downsampling in front of the stage at a place counted from 0."""
    if place == 0:
        return spec["stem"]
    return spec["stages"][place].get("downsample", {"kind": "conv"} | spec.get("downsample", {}))


def read_by(spec: Mapping) -> dict[str, list[str]]:
    """What each layer reads besides the layer before it, in order: by the rule, less the cuts, then the additions."""
    found: dict[str, list[str]] = {}
    for place, stage in enumerate(spec["stages"]):
        for layer in ganglion_of(stage):
            found[f"{_name(spec, place)}.layer{layer}"] = _by_the_rule(spec, place, layer)
    links = spec.get("links", {})
    for link in links.get("cut", ()):
        found[link["to"]].remove(link["from"])
    for link in links.get("add", ()):
        found.setdefault(link["to"], []).append(link["from"])
    return found


def ganglion_of(stage: Mapping) -> list[int]:
    """The ganglion layers that a stage's values place."""
    if "ganglion" in stage:
        return list(stage["ganglion"])
    depth, stride = stage["depth"], stage.get("S")
    return [] if stride is None else [n for n in range(1, depth + 1) if (depth - n) % stride == 0]


def _by_the_rule(spec: Mapping, place: int, layer: int) -> list[str]:
    """The definition: the stage's input, normal layers, then ganglion layers, of which the window has the closest."""
    stage = spec["stages"][place]
    ganglion = ganglion_of(stage)
    closer = [g for g in ganglion if g < layer]
    mode, intra = stage.get("cross_stage", "first"), stage.get("intra", "since_last")
    first = 1 if intra == "all" else max(closer, default=0) + 1
    normal = [n for n in range(first, layer) if n not in ganglion]
    hubs = [0, *closer] if mode == "window" else closer
    window = stage.get("M", "all")
    hubs = hubs if window == "all" else hubs[-window:]
    alone = [0] if mode == "every" or (mode == "first" and not closer) else []
    return [_opening(spec, place) if n == 0 else f"{_name(spec, place)}.layer{n}" for n in [*alone, *normal, *hubs]]


def _name(spec: Mapping, place: int) -> str:
    return spec["stages"][place].get("name", f"stage{place + 1}")


def _opening(spec: Mapping, place: int) -> str:
    if place == 0:
        return "stem"
    if opening_of(spec, place)["kind"] == "none":
        return f"{_name(spec, place - 1)}.layer{spec['stages'][place - 1]['depth']}"
    return f"{_name(spec, place)}.downsample"
