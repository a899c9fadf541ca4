"""The price of one step of a schedule, by the rule of the kind that runs there."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sparx_dsl.graph import Node
from sparx_dsl.pricing.layer import (
    price_adapter,
    price_dpe,
    price_feeding,
    price_fusing,
    price_ganglion_mixing,
    price_mixing,
)
from sparx_dsl.pricing.price import ZERO, Price
from sparx_dsl.pricing.rule import price_kind
from sparx_dsl.schedule import Gather, Run, Schedule


def price_step(schedule: Schedule, step: Run | Gather) -> Price:
    """Parameters and MACs of a step; gathering moves and computes nothing."""
    if isinstance(step, Gather):
        return ZERO
    return PART_PRICES[step.part](schedule, schedule.graph.node(step.node), step)


def _end(schedule: Schedule, node: Node, run: Run) -> Price:
    """A stem, downsampling or head; its rule is given the size of the map (or image) that goes in."""
    assert node.options is not None
    assert node.role != "layer"
    height, width = schedule.buffers[run.inputs[0]].shape[2:]
    return price_kind(node.role, node.options, node.site, height, width)


def _link(schedule: Schedule, node: Node, run: Run) -> Price:
    return price_adapter(schedule.buffers[run.inputs[0]].shape[1], node.channels, *node.map_size(schedule.size))


def _dpe(schedule: Schedule, node: Node, run: Run) -> Price:
    return price_dpe(node.site, *node.map_size(schedule.size))


def _fusion(schedule: Schedule, node: Node, run: Run) -> Price:
    return price_fusing(node.layer_settings.fusion, node.site, *node.map_size(schedule.size))


def _mixer(schedule: Schedule, node: Node, run: Run) -> Price:
    settings = node.layer_settings
    rule = price_ganglion_mixing if node.ganglion else price_mixing
    return rule(settings.mixer, node.site, *node.map_size(schedule.size), layer_scale=settings.layer_scale is not None)


def _ffn(schedule: Schedule, node: Node, run: Run) -> Price:
    settings = node.layer_settings
    return price_feeding(
        settings.ffn, node.site, *node.map_size(schedule.size), layer_scale=settings.layer_scale is not None
    )


PART_PRICES: Mapping[str, Callable[[Schedule, Node, Run], Price]] = {
    "stem": _end, "downsample": _end, "head": _end, "link": _link,
    "dpe": _dpe, "fusion": _fusion, "mixer": _mixer, "ffn": _ffn,
}  # fmt: skip
