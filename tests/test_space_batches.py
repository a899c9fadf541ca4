"""Many points at once: their prices are those of the single points, and their draws are even and keep the bounds."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sparx_dsl
from sparx_dsl.language.frozen import FrozenDict
from sparx_dsl.search import Bound, Space, load_space, make_space
from sparx_dsl.search.batched import BatchPrices
from sparx_dsl.search.space.choices import Point
from tests.support import strategies
from tests.support.paths import SPACES
from tests.support.spaces import SoundSpace, sound_spaces

BASE: dict[str, Any] = {
    "sparx": 1, "name": "base", "stem": {"kind": "patch"}, "input": {"size": [40, 24]},
    "layer": {"mixer": {"kind": "ss2d"}, "fusion": {"kind": "concat"}},
    "stages": [{"channels": 8, "depth": 2}, {"channels": 16, "depth": 3, "S": 2}],
}  # fmt: skip


def cost_of(space: Space, point: Point) -> tuple[int, int, int]:
    """Parameters, MACs and peak bytes of a point by its schedule."""
    price = sparx_dsl.cost(space.spec(point))
    return price.params, price.macs, price.peak_bytes


def amounts(space: Space, points: Any) -> list[tuple[int, int, int]]:
    """The prices of many points as tuples."""
    found = space.prices_of(points)
    return [(one.params, one.macs, one.peak) for one in map(found.at, range(len(found)))]


@settings(max_examples=strategies.examples(0.7))
@given(sound_spaces())
def test_batched_prices_are_those_of_the_schedules(drawn: SoundSpace) -> None:
    """Of every point of a space, with links and heads and all: given as points or as rows, in whatever order."""
    space = drawn[0].space()
    points = list(map(space.point, range(space.count)))
    expected = [cost_of(space, point) for point in points]
    assert amounts(space, points) == expected
    rows = np.array([[point.picks.get(choice.name, -1) for choice in space.choices] for point in points])
    assert amounts(space, rows[::-1]) == expected[::-1]
    assert [space.point_at(row) for row in rows] == points


def test_batched_prices_of_a_large_space() -> None:
    """Points of a space with thirty-six choices, drawn one by one, cost what their schedules say."""
    space, rng = load_space(SPACES / "wide.yaml"), random.Random(3)
    points = [space.point(rng.randrange(space.count)) for _ in range(40)]
    assert amounts(space, points) == [cost_of(space, point) for point in points]


def test_heads_images_stems_and_single_layers_are_priced() -> None:
    """Choices of what stands around the stages, and of slots of single layers, are priced like all others."""
    choices = {
        "head": [{"kind": "none"}, {"kind": "linear"}, {"kind": "upernet"}, {"kind": "semantic_fpn"}],
        "layer.norm": ["batch", "layer"],
        "input.size": [32, [20, 33]],
        "stem": [{"kind": "conv"}, {"kind": "patch", "size": 2}],
        "stages.1.channels": [8, 16],
        "stages.2.downsample": [{"kind": "conv"}, {"kind": "merge"}, {"kind": "none"}, {"kind": "conv", "stride": 4}],
        "stages.2.layers.2.ffn": [{"kind": "none"}, {"kind": "conv"}],
        "stages.2.layers.3.dpe": [True, False],
        "stages.2.layer.layer_scale": ["none", 1.0],
    }
    space = make_space(sparx_dsl.parse_spec(BASE), choices)
    rows = space.sample_many(60, 0)
    assert amounts(space, rows) == [cost_of(space, space.point_at(row)) for row in rows]


def test_prices_beyond_64_bits_are_exact() -> None:
    """A backbone of more than 2^63 MACs has them in Python's integers, and the others of its batch keep theirs."""
    changes: dict[str, object] = {"input.size": 16384, "stem.size": 1, "layer.mixer.state": 256}
    base = sparx_dsl.parse_spec(BASE).edit(changes)
    space = make_space(base, {"stages.1.channels": [8, 65536], "stages.1.depth": [1, 512]})
    points = list(map(space.point, range(space.count)))
    found = amounts(space, points)
    assert max(macs for _, macs, _ in found) >= 2**63
    assert found == [cost_of(space, point) for point in points]


def test_rows_of_narrow_integers_are_priced() -> None:
    """Rows may be of any type of integers, also of one that holds the largest number and no more."""
    space = make_space(sparx_dsl.parse_spec(BASE), {"stages.1.channels": {"from": 8, "to": 2048, "step": 8}})
    rows = np.array([[0], [255]], dtype=np.uint8)
    assert amounts(space, rows) == [cost_of(space, space.point(number)) for number in (0, 255)]


def test_an_empty_batch_has_empty_prices() -> None:
    """No points, no prices."""
    space = make_space(sparx_dsl.parse_spec(BASE), {"stages.1.depth": [1, 2]})
    assert len(space.prices_of([])) == 0
    assert space.sample_many(0, 0).shape == (0, 1)


@settings(max_examples=strategies.examples(0.5))
@given(sound_spaces(), st.integers(0, 2**32))
def test_drawn_rows_are_points(drawn: SoundSpace, seed: int) -> None:
    """Every row is a point of the space, and the same seed draws the same rows."""
    space = drawn[0].space()
    rows = space.sample_many(20, seed)
    assert rows.shape == (20, len(space.choices))
    assert all(0 <= space.number(space.point_at(row)) < space.count for row in rows)
    assert (rows == space.sample_many(20, seed)).all()


def test_draws_are_even() -> None:
    """Of many draws every point has its part, to five standard deviations; conditions do not skew it."""
    space = load_space(SPACES / "around_mamba_t.yaml")
    free = Space(space.name, space.base, space.choices, (), space.tree)
    drawn = Counter(free.number(free.point_at(row)) for row in free.sample_many(48_000, 1))
    assert len(drawn) == free.count == 480
    assert all(abs(times - 100) < 50 for times in drawn.values())


def test_draws_keep_the_bounds() -> None:
    """Within bounds every row keeps them, and every point that keeps them is drawn."""
    space = load_space(SPACES / "around_mamba_t.yaml")
    rows = space.sample_many(6_000, 2)
    assert space.prices_of(rows).keeps(space.bounds).all()
    assert {space.number(space.point_at(row)) for row in rows} == {space.number(point) for point in space.enumerate()}


def test_bounds_that_nothing_meets_are_a_mistake() -> None:
    """Drawing many points from a space none of whose points keeps the bounds fails as drawing one does."""
    space = make_space(sparx_dsl.parse_spec(BASE), {"stages.1.depth": [1, 2]}, bounds={"params": {"most": 10}})
    with pytest.raises(sparx_dsl.SparxError) as caught:
        space.sample_many(3, 0)
    assert [mistake.code for mistake in caught.value.diagnostics] == ["SPX732"]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=5),
       st.integers(0, 9), st.integers(0, 9))  # fmt: skip
def test_which_prices_keep_bounds(rows: list[tuple[int, int, int]], least: int, most: int) -> None:
    """A batch says of each point what the bounds say of its prices."""
    columns = (np.array(column, dtype=np.int64) for column in zip(*rows, strict=True))
    found = BatchPrices(*columns)
    bounds = (Bound("params", least=least), Bound("macs", most=most), Bound("peak", least, 10**30))
    kept = [all(bound.excess(found.at(index)) == 0 for bound in bounds) for index in range(len(rows))]
    assert found.keeps(bounds).tolist() == kept


@pytest.mark.parametrize("wrong", [[4, 0, 0, 0, 0, 0], [5, 0, 0, 0, -1, 0], [-2, 0, 0, 0, -1, 0], [0, 3, 3, 3, -1, 0]])
def test_rows_that_are_no_points_are_refused(wrong: list[int]) -> None:
    """A row with a number out of range, or with values that do not fit, is charged with SPX741."""
    space = load_space(SPACES / "around_mamba_t.yaml")
    with pytest.raises(sparx_dsl.SparxError) as caught:
        space.prices_of(np.array([[0, 0, 0, 0, -1, 0], wrong]))
    assert [mistake.code for mistake in caught.value.diagnostics] == ["SPX741"]


def test_points_of_other_spaces_are_refused() -> None:
    """A point with a choice that the space does not have is charged with SPX741; an array of another shape fails."""
    space = load_space(SPACES / "around_mamba_t.yaml")
    with pytest.raises(sparx_dsl.SparxError) as caught:
        space.prices_of([Point(FrozenDict({"width": 0}))])
    assert [mistake.code for mistake in caught.value.diagnostics] == ["SPX741"]
    for rows in (np.zeros((2, 3), dtype=np.int64), np.zeros(6, dtype=np.int64), np.zeros((2, 6))):
        with pytest.raises(ValueError, match="rows of 6 integers"):
            space.prices_of(cast("Any", rows))
