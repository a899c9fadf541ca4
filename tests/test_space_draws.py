"""Points drawn from a space, and moves between them: none leads to a broken backbone."""

from __future__ import annotations

import itertools
import random
from collections import Counter

import pytest
from hypothesis import given

import sparx_dsl
from sparx_dsl.search import Point, Space, load_space, make_space
from tests.support.paths import SPACES, SPECS
from tests.support.spaces import FEW, SoundSpace, sound_spaces

WIDE = SPACES / "wide.yaml"


@pytest.fixture(scope="module")
def wide() -> Space:
    """A space of far more than 10^12 points."""
    return load_space(WIDE)


def tied(first: Point, second: Point) -> list[str]:
    """The choices that exist in both points and differ."""
    return [name for name, value in first.picks.items() if second.picks.get(name, value) != value]


@FEW
@given(sound_spaces())
def test_a_sample_is_a_point_and_its_seed_decides(sound: SoundSpace) -> None:
    """What is drawn is one of the points, and equal seeds draw equal points."""
    space = sound[0].space()
    every = set(space.enumerate())
    for seed in range(5):
        assert space.sample(seed) in every
        assert space.sample(seed) == space.sample(random.Random(seed))


def test_draws_are_even() -> None:
    """Every point is drawn about as often as any other, however unevenly the choices are tied."""
    base = sparx_dsl.load_spec(SPECS / "sparx_mamba_t.yaml")
    space = make_space(base, {"stages.3.depth": [4, 5, 6], "stages.3.S": [1, 5], "stages.3.M": {"from": 1, "to": 5},
                              "stages.3.layers.6.mixer": [{"kind": "ss2d"}, {"kind": "ssm"}]})  # fmt: skip
    rng = random.Random(0)
    drawn = Counter(space.sample(rng) for _ in range(200 * space.count))
    assert space.count == len(drawn)
    # Chi-squared of about 40 degrees of freedom: 100 is beyond one in a million.
    assert sum((times - 200) ** 2 / 200 for times in drawn.values()) < 100


def test_a_vast_space_is_drawn_from_and_never_listed(wide: Space) -> None:
    """2,000 points of more than 10^12 are all valid, and mutation, crossover and neighbours stay inside."""
    assert wide.count > 10**12
    rng = random.Random(3)
    points = [wide.sample(rng) for _ in range(2_000)]
    assert len(set(points)) == 2_000
    for point in points:
        wide.spec(point)
    for first, second in itertools.pairwise(points[:40]):
        assert wide.spec(wide.mutate(first, rng))
        assert wide.spec(wide.crossover(first, second, rng))
        assert wide.spec(next(wide.neighbours(first)))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_twenty_thousand_points_of_a_vast_space_are_valid(wide: Space, seed: int) -> None:
    """Not one of 5 times 4,000 drawn points fails to validate and connect."""
    rng = random.Random(seed)
    for _ in range(4_000):
        spec = wide.spec(wide.sample(rng))
        assert len(sparx_dsl.connect(spec).layers()) == sum(stage.depth for stage in spec.stages)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_points_of_a_vast_space_are_built_and_run(wide: Space, seed: int) -> None:
    """Each of 5 times 50 drawn backbones has the parameters that it is priced at, and gives finite logits."""
    import torch

    rng = random.Random(100 + seed)
    image = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(seed))
    for _ in range(50):
        point = wide.sample(rng)
        model = sparx_dsl.build(wide.spec(point)).eval()
        with torch.inference_mode():
            logits = model(image)
        assert sum(parameter.numel() for parameter in model.parameters()) == wide.prices(point).params
        assert logits.shape == (1, 1000)
        assert logits.isfinite().all()


@FEW
@given(sound_spaces())
def test_decisions_made_one_by_one_lead_to_every_point(sound: SoundSpace) -> None:
    """Whatever is picked of what ``decide`` offers is a point, each point can be reached, and nothing else is asked."""
    space = sound[0].space()
    reached: set[Point] = set()
    for seed in range(10):
        rng = random.Random(seed)
        reached.add(space.decide(lambda choice, values, rng=rng: rng.choice(values)))
    assert reached <= set(space.enumerate())
    for aim in itertools.islice(space.enumerate(), 5):
        assert space.decide(lambda choice, values, aim=aim: aim.picks[choice.name]) == aim


@FEW
@given(sound_spaces())
def test_a_mutation_changes_one_choice(sound: SoundSpace) -> None:
    """A mutation is a point that differs in one choice of those that both points have."""
    space = sound[0].space()
    rng = random.Random(0)
    every = set(space.enumerate())
    for point in list(every)[:8]:
        others = [other for other in every if len(tied(point, other)) == 1]
        if others:
            assert space.mutate(point, rng) in others
        else:
            with pytest.raises(sparx_dsl.SparxError) as caught:
                space.mutate(point, rng)
            assert [mistake.code for mistake in caught.value.diagnostics] == ["SPX742"]


@FEW
@given(sound_spaces())
def test_neighbours_are_all_that_differ_in_one_choice(sound: SoundSpace) -> None:
    """``neighbours`` gives each such point once; so it is symmetric."""
    space = sound[0].space()
    every = list(space.enumerate())
    for point in every[:10]:
        found = list(space.neighbours(point))
        assert len(found) == len(set(found))
        assert set(found) == {other for other in every if len(tied(point, other)) == 1}


@FEW
@given(sound_spaces())
def test_a_child_has_its_parents_values(sound: SoundSpace) -> None:
    """Each choice of a child that a parent has too has a parent's value; a point crossed with itself is itself."""
    space = sound[0].space()
    rng = random.Random(0)
    every = set(space.enumerate())
    for _ in range(8):
        first, second = space.sample(rng), space.sample(rng)
        child = space.crossover(first, second, rng)
        assert child in every
        for name, value in child.picks.items():
            have = {parent.picks[name] for parent in (first, second) if name in parent.picks}
            assert value in have or not have
        assert space.crossover(first, first, rng) == first
