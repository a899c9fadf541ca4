"""The steps of a schedule, recorded on a tape one after the other."""

from __future__ import annotations

from typing import assert_never

from sparx_dsl.graph.nodes import Node
from sparx_dsl.language.shrinking import between
from sparx_dsl.pricing import layer
from sparx_dsl.pricing.kind_cost import KindCostError, record_kind
from sparx_dsl.pricing.layer_cost import layer_cost
from sparx_dsl.pricing.price import ZERO, Price
from sparx_dsl.pricing.stage_cost import head_price, opening_cost
from sparx_dsl.pricing.tape.fake_tensor import FakeTensor
from sparx_dsl.pricing.tape.tape import Tape
from sparx_dsl.schedule.step import Gather, Run
from sparx_dsl.schedule.values import Schedule


def price_step(schedule: Schedule, step: Run | Gather) -> Price:
    """Parameters and MACs of a step; gathering moves and computes nothing. Raises ``SparxError`` (SPX406, SPX407)."""
    if isinstance(step, Gather):
        return ZERO
    node = schedule.graph.node(step.node)
    try:
        return _price(schedule, step, node)
    except KindCostError as error:
        raise error.at(node.name) from error.__cause__


def _price(schedule: Schedule, step: Run, node: Node) -> Price:
    size = node.map_size(schedule.size)
    if node.settings is None:
        assert node.options is not None
        given = [schedule.buffers[name].shape[1:] for name in step.inputs]
        if node.role == "head":
            return head_price(node.options, node.site, tuple(given), schedule.buffers[step.output].shape[1:])
        assert node.role != "layer"
        _, height, width = given[0]
        return opening_cost(node.role, node.options, node.site, (height, width), size).price
    if step.part == "link":
        source = schedule.graph.node(step.inputs[0])
        tape = Tape(saves=False)
        x = tape.new(1, *schedule.buffers[step.inputs[0]].shape[1:])
        layer.adapter(tape, x, node.channels, between(source.shrinkings, node.shrinkings))
        return tape.price
    site = node.site
    cost = layer_cost(node.settings, site.channels, node.number, site.features, site.reduction, *size)
    return cost.parts[step.part]


def record_step(schedule: Schedule, step: Run | Gather, tape: Tape, inputs: tuple[FakeTensor, ...]) -> FakeTensor:
    """Record on a tape what a step does in training; returns the fake tensor of its result.

    Tensors have the shapes of the schedule's buffers. Raises ``SparxError`` for a kind that has no cost (SPX406), or a
    broken one (SPX407).
    """
    try:
        return _record(schedule, step, tape, inputs)
    except KindCostError as error:
        raise error.at(step.node) from error.__cause__


def _record(schedule: Schedule, step: Run | Gather, tape: Tape, inputs: tuple[FakeTensor, ...]) -> FakeTensor:
    if isinstance(step, Gather):
        return tape.concatenate(inputs)
    node = schedule.graph.node(step.node)
    match step.part:
        case "stem" | "downsample" | "head":
            assert node.options is not None
            shape = schedule.buffers[step.output].shape
            return record_kind(step.part, node.options, node.site, tape, *inputs, shape=shape)
        case "link":
            source = schedule.graph.node(step.inputs[0])
            return layer.adapter(tape, inputs[0], node.channels, between(source.shrinkings, node.shrinkings))
        case "dpe":
            return layer.dpe(tape, *inputs)
        case "fusion":
            return layer.fusing(node.layer_settings, node.site, tape, *inputs)
        case "mixer":
            mix = layer.ganglion_mixing if node.ganglion else layer.mixing
            return mix(node.layer_settings, node.site, tape, *inputs, drop_path=node.drop_path)
        case "ffn":
            return layer.feeding(node.layer_settings, node.site, tape, *inputs, drop_path=node.drop_path)
        case "norm":
            return layer.end_norm(node.site, tape, *inputs)
        case _:
            assert_never(step.part)
