"""``verify_schedule`` on schedules whose buffers, gathers or modules were broken on purpose."""

from __future__ import annotations

import math
import operator
import re
from dataclasses import replace
from typing import Any, cast

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import sparx_dsl
from sparx_dsl.language.frozen import FrozenDict
from sparx_dsl.schedule import Buffer, Gather, Run, Schedule, Step
from sparx_dsl.schedule.verify import verified
from tests.support import strategies

TEXT = """\
sparx: 1
name: small
stem: {kind: conv}
layer: {mixer: {kind: ss2d}}
stages:
  - {channels: 8, depth: 4, S: 1}
"""


def small() -> Schedule:
    """Four layers of which each reads the ones before it."""
    return sparx_dsl.plan(TEXT, (16, 16))


def with_buffer(schedule: Schedule, key: str, **changes: object) -> Schedule:
    """The schedule with one buffer changed; its bytes follow its shape unless they are given."""
    made = replace(schedule.buffers[key], **changes)
    if "bytes" not in changes:
        made = replace(made, bytes=4 * math.prod(made.shape))
    return replace(schedule, buffers=FrozenDict({**schedule.buffers, key: made}))


def with_step(schedule: Schedule, output: str, **changes: object) -> Schedule:
    """The schedule with the step that writes ``output`` changed."""
    steps: list[Step] = [
        replace(step, **changes) if isinstance(step, Run | Gather) and step.output == output else step
        for step in schedule.steps
    ]
    return replace(schedule, steps=tuple(steps))


def gather_of(schedule: Schedule, node: str) -> Gather:
    """The step that joins what a layer reads."""
    return next(step for step in schedule.steps if isinstance(step, Gather) and step.node == node)


LAST = gather_of(small(), "stage1.layer4")
SHAPE = small().buffers["stem"].shape
BROKEN = {
    "the buffer of stem is named head": with_buffer(small(), "stem", name="head"),
    f"stem of shape {SHAPE} has 12 bytes, not {4 * math.prod(SHAPE)}": with_buffer(small(), "stem", bytes=12),
    "the images have the shape (1, 3, 16, 20), not (1, 3, 16, 16)": with_buffer(
        small(), "images", shape=(1, 3, 16, 20)
    ),
    f"stem has the shape {(1, 9, *SHAPE[2:])}, not {SHAPE}": with_buffer(small(), "stem", shape=(1, 9, *SHAPE[2:])),
    f"{LAST.output} takes {', '.join(LAST.inputs[::-1])}, not {', '.join(LAST.inputs)}": with_step(
        small(), LAST.output, inputs=LAST.inputs[::-1]
    ),
    "2 steps run the module stem": with_step(small(), "stage1.layer1", module="stem"),
}


@pytest.mark.parametrize("message", BROKEN)
def test_each_way_to_break_a_schedule_is_reported(message: str) -> None:
    """Names, bytes, shapes, the order of a gather and shared modules are each checked against the graph."""
    assert message in sparx_dsl.verify_schedule(BROKEN[message])


@pytest.mark.parametrize("message", BROKEN)
def test_a_broken_schedule_is_not_returned(message: str) -> None:
    """``plan`` returns what ``verified`` returns, which raises for a schedule that fails its checks."""
    assert verified(small()) == small()
    with pytest.raises(RuntimeError, match=re.escape(message)):
        verified(BROKEN[message])


@given(strategies.specs(), st.data())
def test_features_in_any_other_order_are_reported(spec: sparx_dsl.Spec, data: st.DataObject) -> None:
    """A gather that reads its features in an order which the slots do not have is always found."""
    schedule = sparx_dsl.plan(spec)
    gathers = [step for step in schedule.steps if isinstance(step, Gather)]
    assume(gathers)
    chosen = data.draw(st.sampled_from(gathers))
    order = tuple(data.draw(st.permutations(chosen.inputs)))
    broken = sparx_dsl.verify_schedule(with_step(schedule, chosen.output, inputs=order))
    assert (broken == ()) == (order == chosen.inputs)


@given(strategies.specs(), st.data())
def test_any_other_shape_is_reported(spec: sparx_dsl.Spec, data: st.DataObject) -> None:
    """A buffer with one more of anything is always found, also where its bytes agree with it."""
    schedule = sparx_dsl.plan(spec)
    name = data.draw(st.sampled_from(sorted(schedule.buffers)))
    shape = list(schedule.buffers[name].shape)
    shape[data.draw(st.integers(0, len(shape) - 1))] += 1
    assert sparx_dsl.verify_schedule(with_buffer(schedule, name, shape=tuple(shape)))


def test_buffers_cannot_be_changed() -> None:
    """A schedule is a value: nothing can be put into its buffers."""
    with pytest.raises(TypeError):
        operator.setitem(cast("Any", small().buffers), "other", Buffer("other", (1,), 4))
