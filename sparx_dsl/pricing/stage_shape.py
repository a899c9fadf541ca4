"""How many maps a stage holds while each of its layers runs: its schedule, counted in maps in place of bytes.

All maps of a stage have one size and one width C. Only a fusion's result, which a mixer reads, has a width of its own.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sparx_dsl.graph.rule import stage_reads
from sparx_dsl.language.resolve import StageRule
from sparx_dsl.schedule.lifetime import with_frees
from sparx_dsl.schedule.step import Free, Gather, Run, Step
from sparx_dsl.schedule.steps import layer_steps


@dataclass(frozen=True, slots=True)
class StageShape:
    """For each layer of a stage the features that it reads, and the maps of C channels that are held meanwhile."""

    features: tuple[int, ...]
    """How many features a layer reads; 0 for a normal layer."""
    held: tuple[int, ...]
    """The most maps held at a step without the fusion's result."""
    beside_fusion: tuple[int, ...]
    """The most maps held at a step beside the fusion's result; 0 for a normal layer."""


@functools.lru_cache(maxsize=4096)
def stage_shape(rule: StageRule, dpe: tuple[bool, ...], ffn: tuple[bool, ...], end_norm: bool) -> StageShape:
    """The shape of a stage whose layers have a DPE and an FFN where these say so, in the order of the layers.

    ``end_norm`` says whether a norm ends the stage.
    The stage's input is held from the start, the last layer's output at the end, and nothing else beyond the stage.
    """
    features = [_features(rule, layer) for layer in range(1, rule.depth + 1)]
    steps = [
        step
        for layer in range(1, rule.depth + 1)
        for step in layer_steps(
            str(layer), str(layer - 1), features[layer - 1], dpe=dpe[layer - 1], ffn=ffn[layer - 1],
            norm=end_norm and layer == rule.depth,
        )
    ]  # fmt: skip
    held, beside = [0] * rule.depth, [0] * rule.depth
    for layer, live, fused in _replay(with_frees(steps, ("0",), (str(rule.depth),))):
        most = beside if fused else held
        most[layer - 1] = max(most[layer - 1], live)
    return StageShape(tuple(map(len, features)), tuple(held), tuple(beside))


@dataclass(frozen=True, slots=True)
class LayerGroup:
    """Layers of a stage that cost the same, and the most maps that are held while one of them runs."""

    settings: int
    """Which of the stage's distinct settings they have."""
    number: int
    """The first of them."""
    features: int
    count: int
    held: int
    beside_fusion: int


@functools.lru_cache(maxsize=16_384)
def layer_groups(
    rule: StageRule, settings: tuple[int, ...], flags: tuple[tuple[bool, bool, bool], ...], *, end_norm: bool
) -> tuple[LayerGroup, ...]:
    """The groups of a stage whose layers have these settings, by number.

    ``flags`` say of each of the settings whether it has a DPE and an FFN, and whether the layer's number matters;
    ``end_norm`` whether a norm ends the stage.
    """
    dpe, ffn = (tuple(flags[one][which] for one in settings) for which in (0, 1))
    shape = stage_shape(rule, dpe, ffn, end_norm)
    groups: dict[tuple[int, int, int], list[int]] = {}
    for place, (one, features) in enumerate(zip(settings, shape.features, strict=True)):
        groups.setdefault((one, features, place if flags[one][2] else -1), []).append(place)
    return tuple(
        LayerGroup(
            one, places[0] + 1, features, len(places), max(shape.held[place] for place in places),
            max(shape.beside_fusion[place] for place in places),
        )
        for (one, features, _), places in groups.items()
    )  # fmt: skip


@functools.lru_cache(maxsize=4096)
def features_read(rule: StageRule) -> tuple[int, ...]:
    """How many features each layer of a stage reads, in the order of the layers."""
    return tuple(len(_features(rule, layer)) for layer in range(1, rule.depth + 1))


def _features(rule: StageRule, layer: int) -> tuple[str, ...]:
    """The features that a layer reads, by the numbers of the layers that give them."""
    if layer not in rule.ganglion:
        return ()
    return tuple(str(read.layer) for read in stage_reads(rule, layer))


def _replay(steps: Iterable[Step]) -> Iterator[tuple[int, int, bool]]:
    """For each step the layer's number, the maps held while it runs, and whether the fusion's result is beside them."""
    sizes, live, fused = {"0": 1}, 1, False
    for step in steps:
        if isinstance(step, Free):
            live -= sizes.pop(step.buffer)
            fused = fused and not step.buffer.endswith(".fusion")
            continue
        fusing = isinstance(step, Run) and step.part == "fusion"
        sizes[step.output] = len(step.inputs) if isinstance(step, Gather) else 0 if fusing else 1
        live += sizes[step.output]
        fused = fused or fusing
        yield int(step.node), live, fused
