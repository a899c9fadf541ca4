"""The bytes that autograd saves for the backward pass, step by step."""

from __future__ import annotations

import functools
from dataclasses import dataclass

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


@dataclass(frozen=True)
class SavedBytes:
    """What a schedule's steps save, told when it is asked for."""

    schedule: Schedule

    @functools.cached_property
    def of_steps(self) -> tuple[int, ...]:
        """The bytes of every step but those that free a buffer; raises ``SparxError`` as ``saved_bytes`` does."""
        return saved_bytes(self.schedule)


def saved_bytes(schedule: Schedule) -> tuple[int, ...]:
    """What a forward pass in training saves at each step but those that free a buffer, in bytes, in their order.

    Each piece of memory counts at the first step that saves it. Raises ``SparxError`` (SPX407) for a kind that
    has no rule.
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
    node = schedule.graph.node(step.node)
    match step.part:
        case "stem" | "downsample" | "head":
            assert node.options is not None
            shape = schedule.buffers[step.output].shape
            return save_kind(step.part, node.options, node.site, tape, *inputs, shape=shape)
        case "link":
            ratio = node.stride // schedule.graph.node(step.inputs[0]).stride
            return save_adapter(tape, inputs[0], node.channels, ratio)
        case "dpe":
            return save_dpe(tape, *inputs)
        case "fusion":
            return save_fusing(node.layer_settings, node.site, tape, *inputs)
        case "mixer":
            mix = save_ganglion_mixing if node.ganglion else save_mixing
            return mix(node.layer_settings, node.site, tape, *inputs)
        case "ffn":
            return save_feeding(node.layer_settings, node.site, tape, *inputs)
