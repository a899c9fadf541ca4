"""Prices against what is built and counted, without tolerance: the zoo at five sizes, and generated backbones.

Oracles: the parameters of the built module; ``FlopCounterMode`` on the meta device, with the scans' formula written
out here; and a replay of the schedule that keeps a table of what is held.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sparx_dsl
from sparx_dsl.schedule import Free
from tests.support import strategies
from tests.support.counted import built, counted, scans_and_scales
from tests.support.paths import SPECS, ZOO

SIZES = [(224, 224), (32, 32), (45, 67), (128, 96), (17, 200)]
sizes = st.tuples(st.integers(1, 90), st.integers(1, 90))


def replayed(schedule: sparx_dsl.Schedule) -> tuple[int, int]:
    """The peak of what is held, and what all steps read and write, in bytes; from shapes, dtype and steps alone."""
    item = {"float64": 8, "float32": 4}.get(schedule.dtype, 2)
    sizes = dict.fromkeys(schedule.buffers, item)
    for name, buffer in schedule.buffers.items():
        for side in buffer.shape:
            sizes[name] *= side
    held, peak, moved = {"images"}, 0, 0
    for step in schedule.steps:
        if isinstance(step, Free):
            held.remove(step.buffer)
            continue
        held.add(step.output)
        peak = max(peak, sum(sizes[name] for name in held))
        moved += sum(sizes[name] for name in (*step.inputs, step.output))
    return peak, moved


def check(spec: sparx_dsl.Spec, *at: tuple[int, int], batch: int = 1) -> None:
    """Compare every amount, of ``cost`` and of ``prices``, at each of these sizes."""
    model = built(spec)
    for size in at:
        price = sparx_dsl.cost(spec, size, batch)
        assert price.params == sum(parameter.numel() for parameter in model.parameters())
        scans, scales = scans_and_scales(price.schedule)
        operations = counted(model, (1, *price.schedule.buffers["images"].shape[1:]))
        assert 2 * (price.macs - scans - scales) + scans == operations
        assert price.flops == operations + 2 * scales
        peak, moved = replayed(price.schedule)
        assert (price.peak_bytes, price.traffic_bytes) == (peak, moved + 4 * price.params)
        assert sparx_dsl.prices(spec, size, batch) == price.totals


@settings(max_examples=strategies.examples(0.5))
@given(strategies.specs(deepest=4), sizes, st.integers(1, 3))
def test_generated_backbones_cost_what_is_counted(spec: sparx_dsl.Spec, size: tuple[int, int], batch: int) -> None:
    """Whatever is mixed in a backbone, at whatever size and batch, every amount is exact."""
    check(spec, size, batch=batch)


@pytest.mark.slow
@pytest.mark.parametrize("path", ZOO, ids=lambda path: str(path.relative_to(SPECS).with_suffix("")))
def test_the_zoo_is_exact_at_five_sizes(path: Path) -> None:
    """Every spec of the zoo, at its own size and at four without symmetry, costs exactly what is counted."""
    check(sparx_dsl.load_spec(path), *SIZES)


@pytest.mark.slow
@pytest.mark.parametrize("piece", range(10))
def test_a_thousand_generated_backbones_are_exact(piece: int) -> None:
    """A hundred generated backbones a piece, drawn from a seed of its own, cost exactly what is counted."""
    from hypothesis import seed

    @seed(piece)
    @settings(max_examples=100, database=None)
    @given(strategies.specs(), sizes, st.integers(1, 3))
    def all_exact(spec: sparx_dsl.Spec, size: tuple[int, int], batch: int) -> None:
        check(spec, size, batch=batch)

    all_exact()
