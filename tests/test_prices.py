"""The price of whole backbones against what torch builds and counts: exact parameters, exact MACs.

Torch's counter sees every convolution, linear layer and matrix product, two operations for a MAC, and counts them on
the meta device as well. It counts a grouped convolution by its groups, a convolution on a padded map at its output's
size, attention in whole windows, and neither biases nor norms: all as the price rules do. The scans are operators with
a formula of their own, which the tests have from the paper's counting script. What the counter does not see, because it
is element-wise, is the scale on the residual path; the tests add it.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sparx_dsl
from sparx_dsl.pricing import price_schedule
from sparx_dsl.schedule import Free, Run
from tests.support import strategies
from tests.support.counted import built, counted, scans_and_scales
from tests.support.golden_text import Golden
from tests.support.paths import SPECS, ZOO

sizes = st.tuples(st.integers(1, 75), st.integers(1, 75))


def check(spec: sparx_dsl.Spec, *at: tuple[int, int]) -> None:
    """Compare parameters and, at each of these sizes, MACs with those of the module."""
    model = built(spec)
    for size in at:
        price = sparx_dsl.cost(spec, size)
        assert price.params == sum(parameter.numel() for parameter in model.parameters())
        images = price.schedule.buffers["images"].shape
        scans, scales = scans_and_scales(price.schedule)
        operations = counted(model, images)
        assert 2 * (price.macs - scans - scales) + scans == operations
        assert price.flops == operations + 2 * scales


@pytest.mark.parametrize("path", ZOO, ids=lambda path: str(path.relative_to(SPECS).with_suffix("")))
def test_the_zoo_costs_what_torch_counts(path: Path) -> None:
    """Every spec that comes with the project has exactly the priced parameters, and MACs at a size without symmetry."""
    check(sparx_dsl.load_spec(path), (45, 67))


@pytest.mark.parametrize("name", ["sparx_mamba_t", "sparx_swin_t", "vmamba_t"])
def test_the_zoo_costs_what_torch_counts_at_its_own_size(name: str) -> None:
    """At 224 × 224, the size of the paper's tables, the MACs are exact as well."""
    check(sparx_dsl.load_spec(SPECS / f"{name}.yaml"), (224, 224))


@settings(max_examples=strategies.examples(0.5))
@given(strategies.specs(deepest=4), sizes)
def test_generated_backbones_cost_what_torch_counts(spec: sparx_dsl.Spec, size: tuple[int, int]) -> None:
    """Whatever is mixed in a backbone, at whatever size of image, parameters and MACs are those of the module."""
    check(spec, size)


@settings(max_examples=strategies.examples(1.7))
@given(strategies.specs(most_stages=2, deepest=3))
def test_generated_backbones_have_the_priced_parameters(spec: sparx_dsl.Spec) -> None:
    """The number of parameters is exact, whatever the backbone."""
    assert sparx_dsl.cost(spec).params == sum(parameter.numel() for parameter in built(spec).parameters())


@given(strategies.specs(), sizes, st.integers(1, 9))
def test_prices_are_for_one_image(spec: sparx_dsl.Spec, size: tuple[int, int], batch: int) -> None:
    """Parameters and MACs do not depend on the batch or the dtype; bytes do."""
    one, many = sparx_dsl.cost(spec, size), sparx_dsl.cost(spec, size, batch, "float64")
    assert (one.params, one.macs, one.flops) == (many.params, many.macs, many.flops)
    for row, other in zip(one.rows, many.rows, strict=True):
        assert (row.node, row.part, row.params, row.macs, row.flops) == (
            other.node, other.part, other.params, other.macs, other.flops)  # fmt: skip
        moved = row.traffic_bytes - 4 * row.params
        assert other.traffic_bytes == 2 * batch * moved + 8 * row.params
    assert many.peak_bytes == 2 * batch * one.peak_bytes == many.schedule.peak_bytes
    assert many.bound_bytes == 2 * batch * one.bound_bytes


@given(strategies.specs(), sizes)
def test_rows_are_the_steps_and_sum_to_the_whole(spec: sparx_dsl.Spec, size: tuple[int, int]) -> None:
    """There is one row for each step but the frees, in order; the rows sum to nodes, stages, and the whole."""
    price = sparx_dsl.cost(spec, size)
    steps = [step for step in price.schedule.steps if not isinstance(step, Free)]
    parts = [(step.node, step.part if isinstance(step, Run) else "gather") for step in steps]
    assert [(row.node, row.part) for row in price.rows] == parts
    nodes = [price.of_node(name) for name in dict.fromkeys(row.node for row in price.rows)]
    stages = [price.of_stage(stage) for stage in range(1, len(spec.stages) + 1)]
    for amount in ("params", "macs", "flops", "traffic_bytes"):
        whole = getattr(price, amount)
        assert all(sum(getattr(row, amount) for row in rows) == whole for rows in (price.rows, nodes, stages))
        assert getattr(price.totals, amount) == whole
    assert all(max(row.held_bytes for row in rows) == price.peak_bytes for rows in (price.rows, nodes, stages))
    held = {step: sum(price.schedule.buffers[name].bytes for name in names)
            for step, names in zip(price.schedule.steps, price.schedule.lives, strict=True)}  # fmt: skip
    assert [row.held_bytes for row in price.rows] == [held[step] for step in steps]
    assert all(row.stage == price.schedule.graph.node(row.node).stage for row in price.rows)


@given(strategies.specs(), st.data())
def test_features_cost_a_prefix(spec: sparx_dsl.Spec, data: st.DataObject) -> None:
    """The maps of the first stages cost what the whole backbone costs up to there: links beyond are left out."""
    last = data.draw(st.integers(1, len(spec.stages)))
    some, whole = sparx_dsl.cost(spec, features=(last,)), sparx_dsl.cost(spec)
    # What is held is less: no later layer waits for these maps.
    before = [row for row in whole.rows if row.stage <= last and row.part != "head"]
    assert [replace(row, held_bytes=0) for row in some.rows] == [replace(row, held_bytes=0) for row in before]
    assert all(row.held_bytes <= other.held_bytes for row, other in zip(some.rows, before, strict=True))


@given(strategies.specs(), sizes)
def test_one_column_more_costs_no_less(spec: sparx_dsl.Spec, size: tuple[int, int]) -> None:
    """Parameters do not depend on the size of the image, and MACs never shrink with it."""
    small, large = sparx_dsl.cost(spec, size), sparx_dsl.cost(spec, (size[0], size[1] + 1))
    assert small.params == large.params
    assert small.macs <= large.macs


@given(strategies.specs())
def test_a_graph_has_the_price_of_its_spec(spec: sparx_dsl.Spec) -> None:
    """``cost`` takes a graph in place of its spec."""
    assert sparx_dsl.cost(sparx_dsl.connect(spec)).rows == sparx_dsl.cost(spec).rows
    assert sparx_dsl.prices(sparx_dsl.connect(spec)) == sparx_dsl.prices(spec)


@settings(max_examples=strategies.examples(3))
@given(strategies.specs(), sizes, st.integers(1, 4), st.sampled_from(["float32", "bfloat16"]))
def test_the_fast_totals_are_those_of_the_steps(
    spec: sparx_dsl.Spec, size: tuple[int, int], batch: int, dtype: Any
) -> None:
    """``prices``, which makes no schedule, gives what ``cost`` sums up, links or not."""
    assert sparx_dsl.prices(spec, size, batch, dtype) == sparx_dsl.cost(spec, size, batch, dtype).totals


@pytest.mark.parametrize(
    ("stage", "most", "code"),
    [
        ({"ganglion": [1], "cross_stage": "none"}, 100, "SPX306"),
        ({"ganglion": [1, 6], "cross_stage": "none"}, 100, "SPX306"),
        ({"S": 1, "M": "all", "cross_stage": "first"}, 15, "SPX404"),
        ({"S": 1, "M": "all", "cross_stage": "first"}, 16, None),
    ],
)
def test_what_cannot_be_connected_has_no_price(stage: dict[str, Any], most: int, code: str | None) -> None:
    """``prices`` refuses what ``cost`` does, which makes the graph: layers that read nothing, too many connections."""
    layer = {"mixer": {"kind": "depthwise"}, "fusion": {"kind": "concat"}}
    stages = [{"channels": 8, "depth": 6, **stage}]
    given: Any = {"sparx": 1, "name": "t", "stem": {"kind": "patch"}, "layer": layer, "stages": stages}
    spec = sparx_dsl.parse_spec(given, limits=sparx_dsl.Limits(connections=most))
    for price in (sparx_dsl.prices, sparx_dsl.cost):
        try:
            assert price(spec).params > 0
            found = None
        except sparx_dsl.SparxError as error:
            (found,) = (each.code for each in error.diagnostics)
        assert found == code


def test_a_cost_says_what_it_is_of_and_what_does_not_run() -> None:
    """In one line; a node or a stage of which no step runs has no row."""
    price = price_schedule(sparx_dsl.plan(SPECS / "sparx_mamba_t.yaml", features=(2,)))
    assert repr(price) == (
        f"Cost('sparx_mamba_t', params={price.params:,}, macs={price.macs:,}, peak_bytes={price.peak_bytes:,})"
    )
    assert price.of_stage(2).params > price.of_node("stage2.layer1").params > 0
    with pytest.raises(LookupError, match="stage 3"):
        price.of_stage(3)
    with pytest.raises(LookupError, match="head"):
        price.of_node("head")


@given(strategies.specs(), sizes)
def test_connections_carry_what_is_read(spec: sparx_dsl.Spec, size: tuple[int, int]) -> None:
    """A connection carries the bytes of the buffer that its target reads, and costs what its adapter costs."""
    price = sparx_dsl.cost(spec, size)
    schedule, buffers = price.schedule, price.schedule.buffers
    assert [(edge.source, edge.target, edge.kind, edge.slot) for edge in price.edges] == [
        (edge.source, edge.target, edge.kind, edge.slot) for edge in schedule.graph.edges
    ]
    for node in schedule.graph.layers():
        into = [edge for edge in price.edges if edge.target == node.name and edge.kind != "feed"]
        height, width = node.map_size(size)
        assert all(edge.bytes == 4 * node.channels * height * width for edge in into)
    adapters = [row for row in price.rows if row.part == "link"]
    assert sum(edge.params for edge in price.edges) == sum(row.params for row in adapters)
    assert sum(edge.macs for edge in price.edges) == sum(row.macs for row in adapters)
    assert all(edge.bytes == buffers[edge.source].bytes for edge in price.edges if edge.kind == "tap")


@given(strategies.specs(), sizes, st.integers(1, 3))
def test_traffic_is_every_step_reading_and_writing_once(
    spec: sparx_dsl.Spec, size: tuple[int, int], batch: int
) -> None:
    """Traffic is the schedule's replay: the bytes of each step's buffers, and of the parameters of its module."""
    schedule = sparx_dsl.plan(spec, size, batch, "float16")
    moved = 0
    for step in schedule.steps:
        if not isinstance(step, Free):
            moved += sum(schedule.buffers[name].bytes for name in [*step.inputs, step.output])
    price = sparx_dsl.cost(spec, size, batch, "float16")
    assert price.traffic_bytes == moved + 2 * price.params


def test_rows_of_sparx_mamba_t(golden: Golden) -> None:
    """The rows of SparX-Mamba-T at 224 × 224: parameters and MACs of every part."""
    price = sparx_dsl.cost(SPECS / "sparx_mamba_t.yaml")
    rows = [row for row in price.rows if row.part != "gather"]
    lines = [f"{row.node:<20} {row.part:<12} {row.params:>12,} {row.macs:>16,}" for row in rows]
    golden.check("\n".join([*lines, f"{'':<20} {'sum':<12} {price.params:>12,} {price.macs:>16,}"]))
