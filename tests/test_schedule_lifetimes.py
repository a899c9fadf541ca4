"""The life of every buffer of a spec's schedule, for specs by hypothesis."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

import sparx_dsl
from sparx_dsl.language.dtypes import DType
from sparx_dsl.language.frozen import FrozenDict
from sparx_dsl.schedule import Free, Gather, verify_schedule
from sparx_dsl.schedule.values import IMAGES
from tests.support import strategies

sizes = st.tuples(st.integers(1, 70), st.integers(1, 70))
DTYPES: tuple[DType, ...] = ("float64", "float32", "bfloat16", "float16")


def simulated(schedule: sparx_dsl.Schedule) -> tuple[list[int], set[str]]:
    """The bytes held while each step runs, by the definition of a life, and the names held at the very end."""
    item = {"float64": 8, "float32": 4, "bfloat16": 2, "float16": 2}[schedule.dtype]
    runs = [step for step in schedule.steps if not isinstance(step, Free)]
    births = {IMAGES: -1} | {step.output: place for place, step in enumerate(runs)}
    ends = dict(births)
    for place, step in enumerate(runs):
        ends |= dict.fromkeys(step.inputs, place)
    ends |= dict.fromkeys(schedule.outputs, len(runs))
    held: list[int] = []
    for place in range(len(runs)):
        total = 0
        for name, birth in births.items():
            if birth <= place <= ends[name]:
                elements = item
                for side in schedule.buffers[name].shape:
                    elements *= side
                total += elements
        held.append(total)
    return held, {name for name, end in ends.items() if end == len(runs)}


@given(strategies.specs(), sizes, st.integers(1, 3), st.sampled_from(DTYPES), st.data())
def test_schedules_of_specs_hold_what_the_definition_says(
    spec: sparx_dsl.Spec, size: tuple[int, int], batch: int, dtype: DType, data: st.DataObject
) -> None:
    """For any spec, size, batch and dtype the schedule is sound, and its bytes at every step are the simulation's."""
    features = data.draw(st.one_of(st.none(), st.sets(st.integers(1, len(spec.stages)), min_size=1)))
    wanted = None if features is None else tuple(sorted(features))
    schedule = sparx_dsl.plan(spec, size, batch, dtype, wanted)
    assert verify_schedule(schedule) == ()
    held, left = simulated(schedule)
    own = [
        bytes_ for step, bytes_ in zip(schedule.steps, schedule.live_bytes, strict=True) if not isinstance(step, Free)
    ]
    assert own == held
    assert left == set(schedule.outputs) == set(schedule.lives[-1])
    assert schedule.peak_bytes == max(held)
    assert schedule.bound_bytes <= schedule.peak_bytes
    first = held.index(max(held))
    assert schedule.peak_step == [step for step in schedule.steps if not isinstance(step, Free)][first]


@given(strategies.specs())
def test_every_buffer_is_read_or_given(spec: sparx_dsl.Spec) -> None:
    """Nothing is computed in vain: each buffer has a reader or is an output."""
    schedule = sparx_dsl.plan(spec)
    runs = [step for step in schedule.steps if not isinstance(step, Free)]
    read = {name for step in runs for name in step.inputs}
    assert {step.output for step in runs} <= read | set(schedule.outputs)


@given(strategies.specs())
def test_a_gather_has_several_features(spec: sparx_dsl.Spec) -> None:
    """One feature is read as it is; a concatenation joins two at least, each of them once."""
    schedule = sparx_dsl.plan(spec)
    for step in schedule.steps:
        if isinstance(step, Gather):
            assert len(step.inputs) == len(set(step.inputs)) >= 2


def test_a_buffer_without_a_size_is_reported() -> None:
    """``verify_schedule`` names buffers that are written but have no size."""
    schedule = sparx_dsl.plan({"sparx": 1, "name": "x", "stem": {"kind": "conv"}, "layer": {"mixer": {"kind": "ss2d"}},
                               "stages": [{"channels": 8, "depth": 1}]})  # fmt: skip
    buffers = {name: buffer for name, buffer in schedule.buffers.items() if name != "stem"}
    assert verify_schedule(replace(schedule, buffers=FrozenDict(buffers))) == ("stem has no size",)
