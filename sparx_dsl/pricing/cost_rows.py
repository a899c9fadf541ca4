"""The price of a whole backbone: step by step, node by node, stage by stage, connection by connection."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sparx_dsl.graph import ConnectionGraph, Edge, connect
from sparx_dsl.graph.nodes import EdgeKind
from sparx_dsl.language.dtypes import ITEM_BYTES, DType
from sparx_dsl.language.notebook import shown
from sparx_dsl.language.spec import Spec
from sparx_dsl.pricing.price import Convention, Totals, checked_convention
from sparx_dsl.pricing.saved import saved_steps
from sparx_dsl.pricing.steps import price_step
from sparx_dsl.schedule import Features, Free, Gather, Run, Schedule, plan
from sparx_dsl.schedule.steps import adapted_name


@dataclass(frozen=True)
class SavedBytes:
    """What a schedule's steps save, computed when first needed."""

    schedule: Schedule

    @functools.cached_property
    def of_steps(self) -> tuple[int, ...]:
        """The bytes of every step but those that free a buffer; raises ``SparxError`` as ``saved_steps`` does."""
        return tuple(saved.bytes for saved in saved_steps(self.schedule))


@dataclass(frozen=True, slots=True)
class CostRow:
    """The price of a step (a part of a node, or the gathering of what a ganglion layer reads), or of several."""

    node: str
    part: str
    """The part's name, or ``gather``."""
    stage: int
    """The stage's position, from 1: the first for the stem, the last for the head."""
    params: int
    macs: int
    """Multiply-accumulates for one image, by the convention of the whole."""
    flops: int
    """Floating-point operations for one image: two for each MAC, one for each that a scan's formula counts."""
    traffic_bytes: int
    """What the step reads (inputs and parameters, each once) and writes (its output), for the whole batch."""
    held_bytes: int
    """The feature buffers that are held while the step runs, for the whole batch; of several steps, the most."""
    saved: SavedBytes = field(repr=False, compare=False)
    places: tuple[int, ...] = field(repr=False, compare=False)
    """Which of the schedule's steps these are, not counting those that free a buffer."""

    @property
    def saved_bytes(self) -> int:
        """The bytes that autograd saves here for the backward pass and no step before has saved, for the whole batch.

        Raises ``SparxError`` (SPX407) for a kind whose cost is broken.
        """
        return sum(self.saved.of_steps[place] for place in self.places)


@dataclass(frozen=True, slots=True)
class EdgeCost:
    """The price of one connection: the bytes that it carries, and the adapter that brings them into shape."""

    source: str
    target: str
    kind: EdgeKind
    slot: int | None
    bytes: int
    """The feature as the target reads it, behind the adapter where there is one, for the whole batch."""
    params: int
    """Parameters of the adapter; 0 where there is none."""
    macs: int
    """Multiply-accumulates of the adapter for one image; 0 where there is none."""


@dataclass(frozen=True)
class Cost:
    """What a backbone costs, in exact integers.

    MACs and FLOPs are for one image, bytes for the batch and the dtype of the schedule.
    """

    schedule: Schedule
    rows: tuple[CostRow, ...]
    convention: Convention = "paper"
    """How MACs are counted."""

    def _repr_html_(self) -> str:
        """How notebooks show it: what each stage costs, and each node to unfold."""
        return shown("sparx_dsl.render.notebook:cost_html", self)

    def __repr__(self) -> str:
        prices = f"params={self.params:,}, macs={self.macs:,}, peak_bytes={self.peak_bytes:,}"
        return f"Cost({self.schedule.graph.spec.name!r}, {prices})"

    @property
    def params(self) -> int:
        """Trainable parameters."""
        return sum(row.params for row in self.rows)

    @property
    def macs(self) -> int:
        """Multiply-accumulates for one image, by the convention."""
        return sum(row.macs for row in self.rows)

    @property
    def flops(self) -> int:
        """Floating-point operations for one image: two for each MAC, one for each that a scan's formula counts.

        That is what ``torch.utils.flop_counter.FlopCounterMode`` counts of the module on the meta device, and the two
        element-wise things that it does not see: scans, and the scales on residual paths.
        """
        return sum(row.flops for row in self.rows)

    @property
    def traffic_bytes(self) -> int:
        """Bytes moved: each step reads its inputs and its parameters once, and writes its output once."""
        return sum(row.traffic_bytes for row in self.rows)

    @property
    def saved_bytes(self) -> int:
        """Bytes that autograd holds for the backward pass after a forward pass in training, for the schedule's batch.

        Each piece of memory counts once, the images too; weights and running statistics do not. Computed when first
        needed.
        """
        return sum(row.saved_bytes for row in self.rows)

    @property
    def peak_bytes(self) -> int:
        """The most bytes of feature buffers held at once, for the schedule's batch and dtype."""
        return self.schedule.peak_bytes

    @property
    def bound_bytes(self) -> int:
        """What no order of the steps can beat, in bytes."""
        return self.schedule.bound_bytes

    @property
    def totals(self) -> Totals:
        """The sums and the peak; what ``prices`` gives without the steps."""
        return Totals(self.params, self.macs, self.flops, self.peak_bytes, self.traffic_bytes)

    @property
    def whole(self) -> CostRow:
        """All steps in one row, whose node and part are empty."""
        return _summed(self.rows, "")

    def of_node(self, name: str) -> CostRow:
        """All steps of a node in one row, whose part is empty; raises ``LookupError`` for what does not run."""
        rows = [row for row in self.rows if row.node == name]
        if not rows:
            raise LookupError(f"no step of {name} runs")
        return _summed(rows, name)

    def of_stage(self, stage: int) -> CostRow:
        """All steps of a stage (from 1) in one row, whose node and part are empty; raises ``LookupError``."""
        rows = [row for row in self.rows if row.stage == stage]
        if not rows:
            raise LookupError(f"no step of stage {stage} runs")
        return _summed(rows, "")

    @functools.cached_property
    def edges(self) -> tuple[EdgeCost, ...]:
        """The price of every connection between nodes that run, in the order of the graph."""
        running = {row.node for row in self.rows}
        writers = {step.output: step for step in self.schedule.steps if isinstance(step, Run)}
        return tuple(
            _edge(self.schedule, edge, writers, self.convention)
            for edge in self.schedule.graph.edges
            if edge.source in running and edge.target in running
        )


def cost(
    spec: Spec | ConnectionGraph,
    size: tuple[int, int] | None = None,
    batch: int = 1,
    dtype: DType = "float32",
    features: Features | None = None,
    convention: Convention = "paper",
) -> Cost:
    """Price a backbone for images of ``size`` (height, width) in pixels, by default the spec's.

    Parameters, MACs and FLOPs for one image, bytes for the whole batch. Raises what ``plan`` raises, and for an
    unknown convention (SPX414).
    """
    graph = connect(spec) if isinstance(spec, Spec) else spec
    return price_schedule(plan(graph, size, batch, dtype, features), convention)


def price_schedule(schedule: Schedule, convention: Convention = "paper") -> Cost:
    """The price of every step of a schedule: parameters, MACs and FLOPs for one image, bytes for the whole batch.

    MACs are counted by that convention; raises ``SparxError`` for an unknown one (SPX414).
    """
    convention = checked_convention(convention)
    saved = SavedBytes(schedule)
    lived = zip(schedule.steps, schedule.live_bytes, strict=True)
    steps = [(step, held) for step, held in lived if not isinstance(step, Free)]
    rows = (_row(saved, step, held, place, convention) for place, (step, held) in enumerate(steps))
    return Cost(schedule, tuple(rows), convention)


def _row(saved: SavedBytes, step: Run | Gather, held: int, place: int, convention: Convention) -> CostRow:
    schedule = saved.schedule
    price = price_step(schedule, step)
    moved = sum(schedule.buffers[name].bytes for name in (*step.inputs, step.output))
    traffic = moved + price.params * ITEM_BYTES[schedule.dtype]
    part, stage = "gather" if isinstance(step, Gather) else step.part, schedule.graph.node(step.node).stage
    macs = price.macs_by(convention)
    return CostRow(step.node, part, stage, price.params, macs, price.flops, traffic, held, saved, (place,))


def _summed(rows: Sequence[CostRow], node: str) -> CostRow:
    sums = (sum(row.params for row in rows), sum(row.macs for row in rows), sum(row.flops for row in rows))
    places = tuple(place for row in rows for place in row.places)
    moved, held = sum(row.traffic_bytes for row in rows), max(row.held_bytes for row in rows)
    return CostRow(node, "", rows[0].stage, *sums, moved, held, rows[0].saved, places)


def _edge(schedule: Schedule, edge: Edge, writers: Mapping[str, Run], convention: Convention) -> EdgeCost:
    if not schedule.graph.adapted(edge):
        carried = schedule.buffers[edge.source].bytes
        return EdgeCost(edge.source, edge.target, edge.kind, edge.slot, carried, 0, 0)
    name = adapted_name(edge)
    price, carried = price_step(schedule, writers[name]), schedule.buffers[name].bytes
    macs = price.macs_by(convention)
    return EdgeCost(edge.source, edge.target, edge.kind, edge.slot, carried, price.params, macs)
