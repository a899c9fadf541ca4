"""The connection rule of SparX (section 3.1): which layers of a stage are ganglion layers, and what each of them reads.

For a stage of n layers, numbered from 1, with stride S and window M:

    ganglion layers   G = {n, n − S, n − 2S, …} ∩ [1, n]: every S-th layer, counted back from the last
                      (``language.resolve.ganglion_layers``), or those that the spec names
    for g in G, with p the closest ganglion layer before it (0 if there is none):
      intra(g)        the normal layers p + 1 … g − 1            (``intra: all``: every normal layer before g)
      inter(g)        the M largest members of G below g         (``M: all``: all of them)
      cross(g)        the stage's input, if p = 0                (``cross_stage: first``)

The stage's input is the downsampled feature of the stage before, or the stem's output in stage 1. With
``cross_stage: every`` all ganglion layers read it; with ``window`` it counts as the oldest ganglion feature, so that it
takes a place in the window; with ``none`` nothing reads it. A ganglion layer concatenates what it reads in this order:
the stage's input, the normal layers, the ganglion layers, each oldest first; with ``window`` the stage's input stands
at the head of the ganglion layers instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sparx_dsl.language.models import CrossStage, Intra
from sparx_dsl.language.resolve import StageRule

ReadKind = Literal["cross_stage", "intra", "inter"]

STAGE_INPUT = 0
"""The number that stands for the stage's input among layer numbers."""


@dataclass(frozen=True, slots=True)
class Read:
    """A feature that a ganglion layer reads: of which layer (0: the stage's input), by which part of the rule, why."""

    kind: ReadKind
    layer: int
    reason: str


def stage_reads(rule: StageRule, layer: int) -> tuple[Read, ...]:
    """What the ganglion layer of that number reads, in the order of concatenation."""
    earlier = tuple(g for g in rule.ganglion if g < layer)
    closest = earlier[-1] if earlier else 0
    head = _stage_input(layer, earlier, rule.cross_stage)
    normal = _intra(layer, earlier, closest, rule.intra)
    hubs = _inter(earlier, rule.window, rule.cross_stage)
    return (*head, *normal, *hubs)


def _stage_input(layer: int, earlier: tuple[int, ...], cross_stage: CrossStage) -> tuple[Read, ...]:
    if cross_stage == "every":
        return (Read("cross_stage", STAGE_INPUT, "every ganglion layer reads the stage's input (cross_stage: every)"),)
    if cross_stage == "first" and not earlier:
        return (Read("cross_stage", STAGE_INPUT, f"layer {layer} is the first ganglion layer of its stage"),)
    return ()


def _intra(layer: int, earlier: tuple[int, ...], closest: int, intra: Intra) -> tuple[Read, ...]:
    if intra == "all":
        normal = (n for n in range(1, layer) if n not in earlier)
        return tuple(Read("intra", n, f"layer {n} is a normal layer before layer {layer} (intra: all)") for n in normal)
    since = f"since ganglion layer {closest}" if closest else "and no ganglion layer comes before"
    return tuple(Read("intra", n, f"layer {n} is a normal layer {since}") for n in range(closest + 1, layer))


def _inter(earlier: tuple[int, ...], window: int | Literal["all"], cross_stage: CrossStage) -> tuple[Read, ...]:
    hubs = (STAGE_INPUT, *earlier) if cross_stage == "window" else earlier
    seen = hubs if window == "all" else hubs[-window:]
    bound = "no window limits it (M: all)" if window == "all" else f"the window reaches back over M = {window}"
    return tuple(_hub(number, len(seen) - place, bound) for place, number in enumerate(seen))


def _hub(number: int, distance: int, bound: str) -> Read:
    if number == STAGE_INPUT:
        return Read("cross_stage", STAGE_INPUT, f"the stage's input takes place {distance} of the window, and {bound}")
    return Read("inter", number, f"layer {number} is ganglion layer number {distance} going back, and {bound}")
