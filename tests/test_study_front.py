"""The front of a study: what nothing beats, found at once."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparx_dsl import StudyResult, TrialRecord
from sparx_dsl.search.studies.objectives import Direction
from tests.support import studies

SMALL = studies.small_space()
Row = tuple[tuple[float, ...], bool]
VALUES = st.integers(0, 4).map(float)
DIRECTIONS = st.lists(st.sampled_from(("maximize", "minimize")), min_size=1, max_size=4).map(tuple)


@given(DIRECTIONS, st.data())
def test_the_front_is_what_nothing_beats(directions: tuple[Direction, ...], data: st.DataObject) -> None:
    """A trial is on the front where each other feasible one is worse in one value, or equal and later."""
    row = st.tuples(st.tuples(*[VALUES] * len(directions)), st.booleans())
    rows = data.draw(st.lists(row, max_size=12))
    found = front_of(directions, [(values, feasible) for values, feasible in rows])
    signs = [1 if direction == "maximize" else -1 for direction in directions]
    good = [
        (number, [sign * value for sign, value in zip(signs, values, strict=True)])
        for number, (values, feasible) in enumerate(rows) if feasible
    ]  # fmt: skip
    wanted = {
        number for number, own in good
        if all(any(map(float.__lt__, other, own)) or (other == own and later >= number) for later, other in good)
    }  # fmt: skip
    assert {trial.number for trial in found} == wanted
    firsts = [-signs[0] * trial.values[0] for trial in found]
    assert firsts == sorted(firsts)


@pytest.mark.parametrize("directions", [("maximize",), ("maximize", "minimize")])
def test_the_front_of_many_trials_is_found_at_once(directions: tuple[Direction, ...]) -> None:
    """Where every trial is better than all before it, and where none beats another; the bar shows the front."""
    rows = [((float(number),) * len(directions), True) for number in range(20_000)]
    started = time.process_time()
    found = front_of(directions, rows)
    assert len(found) == (1 if len(directions) == 1 else len(rows))
    assert time.process_time() - started < 5


def front_of(directions: tuple[Direction, ...], rows: Sequence[Row]) -> Sequence[TrialRecord]:
    """The front of trials with these values, each feasible or not."""
    trials = tuple(
        TrialRecord(number, "complete", None, values, {"held": -1.0 if feasible else 1.0})
        for number, (values, feasible) in enumerate(rows)
    )
    return StudyResult(SMALL, tuple("abcd"[: len(directions)]), directions, trials).front
