"""The steps by which maps shrink: those of two places, and those between them."""

from __future__ import annotations

import itertools

from hypothesis import example, given
from hypothesis import strategies as st

from sparx_dsl.language.shrinking import Shrinking, between, joined, shrunk, total

STEPS = st.lists(st.builds(Shrinking, st.sampled_from([1, 2, 3, 4]), st.booleans()), max_size=5).map(tuple)
SIDES = st.integers(1, 70)


@given(STEPS, STEPS, SIDES, SIDES)
@example((), (Shrinking(4), Shrinking(2, crops=True)), 31, 9)
@example((Shrinking(3),), (Shrinking(2), Shrinking(2, crops=True)), 31, 9)
def test_steps_compose(first: tuple[Shrinking, ...], then: tuple[Shrinking, ...], height: int, width: int) -> None:
    """Joined steps make the sizes of all, and what lies between two places those of the second from the first's."""
    size = (height, width)
    near, far = joined(first), joined((*first, *then))
    assert shrunk(size, first) == shrunk(size, near)
    assert shrunk(shrunk(size, first), then) == shrunk(size, far) == shrunk(shrunk(size, near), between(near, far))
    assert total(near) * total(between(near, far)) == total(far) == total((*first, *then))
    assert all(here.crops != after.crops and here.by > 1 for here, after in itertools.pairwise(far))
