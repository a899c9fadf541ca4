"""The price of whole backbones against what torch builds and counts: exact parameters, exact MACs.

Torch's counter sees every convolution, linear layer and matrix product, two operations for a MAC, and counts them on
the meta device as well. It counts a grouped convolution by its groups, a convolution on a padded map at its output's
size, attention in whole windows, and neither biases nor norms: all as the price rules do. Two things it does not see,
because they are element-wise: the selective scans, and the scale on the residual path. The tests add those by formula.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sparx_dsl
import strategies
from sparx_dsl.schedule import Run

SPECS = Path(__file__).parent.parent / "specs"
ZOO = sorted([*SPECS.glob("*.yaml"), *SPECS.glob("ablations/*.yaml")])
sizes = st.tuples(st.integers(1, 75), st.integers(1, 75))

DIRECTIONS = {"ss2d": 4, "ssm": 1, "bi_ssm": 2}
"""How many scans a mixer runs."""


def unseen(schedule: sparx_dsl.Schedule) -> int:
    """The MACs that torch's counter does not see: scans, and the scale on each residual path (one for each value)."""
    macs = 0
    for node in schedule.graph.layers():
        chosen = node.layer_settings
        height, width = node.map_size(schedule.size)
        if chosen.mixer.kind in DIRECTIONS:
            mixer: Any = chosen.mixer
            values = DIRECTIONS[mixer.kind] * mixer.expand * node.channels * height * width
            macs += 9 * values * mixer.state + values
        if chosen.layer_scale is not None:
            macs += node.channels * height * width * (2 if chosen.ffn.kind != "none" else 1)
    return macs


def built(spec: sparx_dsl.Spec) -> Any:
    """The module on the meta device, ready to count."""
    return sparx_dsl.build(spec, device="meta").eval()


def counted(model: Any, images: tuple[int, ...]) -> int:
    """The operations that torch counts in one forward pass."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.empty(images, device="meta"))
    return counter.get_total_flops()


def check(spec: sparx_dsl.Spec, *at: tuple[int, int]) -> None:
    """Compare parameters and, at each of these sizes, MACs with those of the module."""
    model = built(spec)
    for size in at:
        price = sparx_dsl.cost(spec, size)
        assert price.params == sum(parameter.numel() for parameter in model.parameters())
        images = price.schedule.buffers["images"].shape
        assert 2 * (price.macs - unseen(price.schedule)) == counted(model, images)


@pytest.mark.parametrize("path", ZOO, ids=lambda path: str(path.relative_to(SPECS).with_suffix("")))
def test_the_zoo_costs_what_torch_counts(path):
    """Every spec that comes with the project has exactly the priced parameters, and MACs at a size without symmetry."""
    check(sparx_dsl.load_spec(path), (45, 67))


@pytest.mark.parametrize("name", ["sparx_mamba_t", "sparx_swin_t", "vmamba_t"])
def test_the_zoo_costs_what_torch_counts_at_its_own_size(name):
    """At 224 × 224, the size of the paper's tables, the MACs are exact as well."""
    check(sparx_dsl.load_spec(SPECS / f"{name}.yaml"), (224, 224))


@settings(max_examples=strategies.examples(0.5))
@given(strategies.specs(deepest=4), sizes)
def test_generated_backbones_cost_what_torch_counts(spec, size: tuple[int, int]):
    """Whatever is mixed in a backbone, at whatever size of image, parameters and MACs are those of the module."""
    check(spec, size)


@settings(max_examples=strategies.examples(1.7))
@given(strategies.specs(most_stages=2, deepest=3))
def test_generated_backbones_have_the_priced_parameters(spec):
    """The number of parameters is exact, whatever the backbone."""
    assert sparx_dsl.cost(spec).params == sum(parameter.numel() for parameter in built(spec).parameters())


@given(strategies.specs(), sizes, st.integers(1, 9))
def test_prices_are_for_one_image(spec, size: tuple[int, int], batch: int):
    """Parameters and MACs do not depend on the batch or the dtype; bytes do."""
    one, many = sparx_dsl.cost(spec, size), sparx_dsl.cost(spec, size, batch, "float64")
    assert (one.params, one.macs, one.rows) == (many.params, many.macs, many.rows)
    assert many.peak_bytes == 2 * batch * one.peak_bytes == many.schedule.peak_bytes
    assert many.bound_bytes == 2 * batch * one.bound_bytes


@given(strategies.specs(), sizes)
def test_rows_are_the_steps_and_sum_to_the_whole(spec, size: tuple[int, int]):
    """There is one row for each part that runs, in order, and the rows sum to the whole."""
    price = sparx_dsl.cost(spec, size)
    runs = [step for step in price.schedule.steps if isinstance(step, Run)]
    assert [(row.node, row.part) for row in price.rows] == [(run.node, run.part) for run in runs]
    assert price.params == sum(row.params for row in price.rows)
    assert price.macs == sum(row.macs for row in price.rows)
    assert all(row.stage == price.schedule.graph.node(row.node).stage for row in price.rows)


@given(strategies.specs(), st.data())
def test_features_cost_a_prefix(spec, data: st.DataObject):
    """The maps of the first stages cost what the whole backbone costs up to there: links beyond are left out."""
    last = data.draw(st.integers(1, len(spec.stages)))
    some, whole = sparx_dsl.cost(spec, features=(last,)), sparx_dsl.cost(spec)
    assert list(some.rows) == [row for row in whole.rows if row.stage <= last and row.part != "head"]


@given(strategies.specs(), sizes)
def test_one_column_more_costs_no_less(spec, size: tuple[int, int]):
    """Parameters do not depend on the size of the image, and MACs never shrink with it."""
    small, large = sparx_dsl.cost(spec, size), sparx_dsl.cost(spec, (size[0], size[1] + 1))
    assert small.params == large.params
    assert small.macs <= large.macs


@given(strategies.specs())
def test_a_graph_has_the_price_of_its_spec(spec):
    """``cost`` takes a graph in place of its spec."""
    assert sparx_dsl.cost(sparx_dsl.connect(spec)).rows == sparx_dsl.cost(spec).rows


def test_rows_of_sparx_mamba_t(golden):
    """The rows of SparX-Mamba-T at 224 × 224: parameters and MACs of every part."""
    price = sparx_dsl.cost(SPECS / "sparx_mamba_t.yaml")
    lines = [f"{row.node:<20} {row.part:<12} {row.params:>12,} {row.macs:>16,}" for row in price.rows]
    golden.check("\n".join([*lines, f"{'':<20} {'sum':<12} {price.params:>12,} {price.macs:>16,}"]))
