"""The front of a study: what nothing beats, found with few comparisons."""

from __future__ import annotations

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


class Counted(float):
    """A value that counts how often it is compared."""

    compared = 0

    def __neg__(self) -> Counted:
        return Counted(-float(self))

    def __lt__(self, other: float) -> bool:
        Counted.compared += 1
        return float(self) < float(other)

    def __le__(self, other: float) -> bool:
        Counted.compared += 1
        return float(self) <= float(other)


@pytest.mark.parametrize("directions", [("maximize",), ("maximize", "minimize")])
def test_the_front_of_many_trials_takes_few_comparisons(directions: tuple[Direction, ...]) -> None:
    """Where every trial is better than all before it, and where none beats another: no more than sorting takes."""
    rows = [(tuple(Counted(number) for _ in directions), True) for number in range(4_096)]
    Counted.compared = 0
    found = front_of(directions, rows)
    assert len(found) == (1 if len(directions) == 1 else len(rows))
    assert 0 < Counted.compared < 12 * len(rows)


def front_of(directions: tuple[Direction, ...], rows: Sequence[Row]) -> Sequence[TrialRecord]:
    """The front of trials with these values, each feasible or not."""
    trials = tuple(
        TrialRecord(number, "complete", None, values, {"held": -1.0 if feasible else 1.0})
        for number, (values, feasible) in enumerate(rows)
    )
    return StudyResult(SMALL, tuple("abcd"[: len(directions)]), directions, trials).front
