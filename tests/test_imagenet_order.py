"""The order in which the example of training on a folder visits its images: laws of each step, epoch and process."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

# Some libraries script functions when they are imported.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


def test_each_step_has_its_own_images_and_random_numbers() -> None:
    """In an epoch no image is visited twice, and no augmentation is the same."""
    from examples.imagenet_data import Order

    order = Order(images=50, batch=8, repeats=1, seed=3)
    visits = [visit for step in order.visits(0, 2 * order.epoch_steps) for visit in step]
    first, second = (visits[: len(visits) // 2], visits[len(visits) // 2 :])
    for epoch in (first, second):
        assert len({image for image, _ in epoch}) == len(epoch) == 48
    assert [image for image, _ in first] != [image for image, _ in second]
    assert len({seed for _, seed in visits}) == len(visits)


@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 4), st.integers(0, 2**32 - 1), st.integers(0, 7))
def test_any_number_of_processes_visits_the_same(
    processes: int, share: int, repeats: int, seed: int, first: int
) -> None:
    """At every step, from whichever step on, and each process as many as the others."""
    from examples.imagenet_data import Order

    batch = processes * share
    alone = Order(3 * batch + 1, batch, repeats, seed)
    several = [Order(3 * batch + 1, batch, repeats, seed, rank, processes) for rank in range(processes)]
    steps = list(alone.visits(0, 8))[first:]
    for step, *parts in zip(steps, *(each.visits(first, 8) for each in several), strict=True):
        assert {len(part) for part in parts} == {share}
        assert sorted(visit for part in parts for visit in part) == sorted(step)


def test_repeated_images_are_augmented_differently() -> None:
    """An image that stands three times in an epoch has three seeds, in the same step of three processes."""
    from examples.imagenet_data import Order

    parts = [next(Order(30, 6, 3, 0, rank, 3).visits(0, 1)) for rank in range(3)]
    for visits in zip(*parts, strict=True):
        assert len({image for image, _ in visits}) == 1
        assert len({seed for _, seed in visits}) == 3
