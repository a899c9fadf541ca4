"""The bytes that autograd saves for the backward pass, step by step."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sparx_dsl.graph import Node
from sparx_dsl.pricing.layer import (
    save_adapter,
    save_dpe,
    save_feeding,
    save_fusing,
    save_ganglion_mixing,
    save_mixing,
)
from sparx_dsl.pricing.rule import save_kind
from sparx_dsl.pricing.saved import Outline, Tape
from sparx_dsl.schedule import Free, Gather, Run, Schedule
from sparx_dsl.schedule.step import IMAGES

Saver = Callable[[Schedule, Node, Tape, tuple[Outline, ...]], Outline]


def saved_bytes(schedule: Schedule) -> tuple[int, ...]:
    """What a forward pass in training saves at each step but those that free a buffer, in bytes, in their order.

    Each piece of memory counts at the first step that saves it. Raises ``SparxError`` (SPX407) where a kind has no rule.
    """
    tape, found = Tape(schedule.dtype), list[int]()
    outlines = {IMAGES: tape.made(*schedule.buffers[IMAGES].shape)}
    for step in schedule.steps:
        if isinstance(step, Free):
            del outlines[step.buffer]
            continue
        before = tape.bytes
        outlines[step.output] = _told(schedule, step, tape, tuple(outlines[name] for name in step.inputs))
        found.append(tape.bytes - before)
    return tuple(found)


def _told(schedule: Schedule, step: Run | Gather, tape: Tape, inputs: tuple[Outline, ...]) -> Outline:
    if isinstance(step, Gather):
        return tape.concatenated(inputs)
    return PART_SAVERS[step.part](schedule, schedule.graph.node(step.node), tape, inputs)


def _end(schedule: Schedule, node: Node, tape: Tape, inputs: tuple[Outline, ...]) -> Outline:
    assert node.options is not None
    assert node.role != "layer"
    return save_kind(node.role, node.options, node.site, tape, *inputs)


def _link(schedule: Schedule, node: Node, tape: Tape, inputs: tuple[Outline, ...]) -> Outline:
    return save_adapter(tape, inputs[0], node.channels, *node.map_size(schedule.size))


def _dpe(schedule: Schedule, node: Node, tape: Tape, inputs: tuple[Outline, ...]) -> Outline:
    return save_dpe(tape, inputs[0])


def _fusion(schedule: Schedule, node: Node, tape: Tape, inputs: tuple[Outline, ...]) -> Outline:
    return save_fusing(node.layer_settings, node.site, tape, inputs[0], inputs[1])


def _mixer(schedule: Schedule, node: Node, tape: Tape, inputs: tuple[Outline, ...]) -> Outline:
    if node.ganglion:
        return save_ganglion_mixing(node.layer_settings, node.site, tape, inputs[0], inputs[1])
    return save_mixing(node.layer_settings, node.site, tape, inputs[0])


def _ffn(schedule: Schedule, node: Node, tape: Tape, inputs: tuple[Outline, ...]) -> Outline:
    return save_feeding(node.layer_settings, node.site, tape, inputs[0])


PART_SAVERS: Mapping[str, Saver] = {
    "stem": _end, "downsample": _end, "head": _end, "link": _link,
    "dpe": _dpe, "fusion": _fusion, "mixer": _mixer, "ffn": _ffn,
}  # fmt: skip
