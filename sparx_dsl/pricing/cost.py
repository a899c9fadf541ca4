"""The price of a whole backbone, step by step, without torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sparx_dsl.graph import ConnectionGraph, Node, connect
from sparx_dsl.pricing.layer import (
    price_adapter,
    price_dpe,
    price_feeding,
    price_fusing,
    price_ganglion_mixing,
    price_mixing,
)
from sparx_dsl.pricing.price import Price
from sparx_dsl.schedule import DType, Run, Schedule, plan
from sparx_dsl.spec import Spec, default_registry


@dataclass(frozen=True, slots=True)
class CostRow:
    """The price of one part of one node: parameters, and multiply-accumulates for one image."""

    node: str
    part: str
    stage: int
    params: int
    macs: int


@dataclass(frozen=True)
class Cost:
    """What a backbone costs: exact parameters and MACs (for one image), and the bytes of its feature buffers."""

    schedule: Schedule
    rows: tuple[CostRow, ...]

    @property
    def params(self) -> int:
        """Trainable parameters."""
        return sum(row.params for row in self.rows)

    @property
    def macs(self) -> int:
        """Multiply-accumulates for one image, by the paper's counting rule."""
        return sum(row.macs for row in self.rows)

    @property
    def peak_bytes(self) -> int:
        """The most bytes of feature buffers held at once, for the schedule's batch and dtype."""
        return self.schedule.peak_bytes

    @property
    def bound_bytes(self) -> int:
        """What no order of the steps can beat, in bytes."""
        return self.schedule.bound_bytes


def cost(
    spec: Spec | ConnectionGraph,
    size: tuple[int, int] | None = None,
    batch: int = 1,
    dtype: DType = "float32",
    features: tuple[int, ...] | None = None,
) -> Cost:
    """Price a backbone for images of ``size`` (height, width), by default the spec's; raises what ``plan`` raises."""
    graph = connect(spec) if isinstance(spec, Spec) else spec
    return price_schedule(plan(graph, size, batch, dtype, features))


def price_schedule(schedule: Schedule) -> Cost:
    """The price of every step of a schedule."""
    runs = [step for step in schedule.steps if isinstance(step, Run)]
    return Cost(schedule, tuple(_row(schedule, run) for run in runs))


def _row(schedule: Schedule, run: Run) -> CostRow:
    node = schedule.graph.node(run.node)
    price = PART_PRICES[run.part](schedule, node, run)
    return CostRow(run.node, run.part, node.stage, price.params, price.macs)


def _end(schedule: Schedule, node: Node, run: Run) -> Price:
    """A stem, downsampling or head; its rule is given the size of the map (or image) that goes in."""
    assert node.options is not None
    assert node.role != "layer"
    rule = default_registry().of(node.role, node.options).load_price()
    price: Price = rule(node.options, node.site, *schedule.buffers[run.inputs[0]].shape[2:])
    return price


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
