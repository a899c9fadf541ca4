"""Spaces cannot produce a broken backbone: counts, points, draws and moves against combinations that are all tried."""

from __future__ import annotations

import itertools
import math
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings

import sparx_dsl
import sparx_dsl.search
from sparx_dsl.kinds.downsamples.conv.options import ConvDownsample
from sparx_dsl.kinds.heads.linear.options import LinearHead
from sparx_dsl.language.base import KindOptions, Problem, Site
from sparx_dsl.language.frozen import FrozenDict
from sparx_dsl.search import Point, Space, load_space, make_space
from tests.support.paths import SPACES, SPECS
from tests.support.spaces import Assignment, Drawn, drawn_spaces, sound_spaces
from tests.support.strategies import examples

WIDE = SPACES / "wide.yaml"
FEW = settings(max_examples=examples(0.4), suppress_health_check=cast("list[HealthCheck]", list(HealthCheck)))

SoundSpace = tuple[Drawn, list[Assignment]]


@pytest.fixture(scope="module")
def wide() -> Space:
    """A space of far more than 10^12 points."""
    return load_space(WIDE)


def key_of_point(point: Point) -> tuple[tuple[str, int], ...]:
    """A point as a value that sorts."""
    return tuple(sorted(point.picks.items()))


def tied(first: Point, second: Point) -> list[str]:
    """The choices that exist in both points and differ."""
    return [name for name, value in first.picks.items() if second.picks.get(name, value) != value]


# Counting and numbering.


@FEW
@given(sound_spaces())
def test_the_points_are_the_combinations_that_connect(sound: SoundSpace) -> None:
    """``count`` and ``enumerate`` give exactly the combinations that the language accepts, each once."""
    drawn, points = sound
    space = drawn.space()
    found = [key_of_point(point) for point in space.enumerate()]
    assert sorted(found) == sorted(tuple(sorted(point.items())) for point in points)
    assert space.count == len(found)
    assert space.exact


def small(*stages: dict[str, Any], **layer: Any) -> dict[str, Any]:
    """A base of these stages."""
    made = [{"channels": 16, **stage} for stage in stages]
    return {"sparx": 1, "name": "base", "stem": {"kind": "patch"}, "layer": {"mixer": {"kind": "ssm"}, **layer},
            "stages": made}  # fmt: skip


def link(source: str, target: str) -> dict[str, str]:
    """A link."""
    return {"from": source, "to": target}


EDGES = {
    "a link gives a normal layer a fusion": Drawn(
        small({"depth": 3}), {"stages.1.channels": [16, 18], "on": [False, True]},
        links={"on": ("add", link("stage1.layer1", "stage1.layer3"))}),
    "a cut can leave a ganglion layer nothing": Drawn(
        small({"depth": 2}), {"stages.1.S": [1, 2], "stages.1.cross_stage": ["none", "first"], "cut": [False, True]},
        links={"cut": ("cut", link("stage1.layer1", "stage1.layer2"))}),
    "a link can save a ganglion layer": Drawn(
        small({"depth": 2}, {"depth": 2}), {"stages.2.S": [1, 2], "stages.2.cross_stage": ["none", "first"],
                                            "save": [False, True]},
        links={"save": ("add", link("stage1.layer2", "stage2.layer1"))}),
    "without its stage's input a first layer reads nothing": Drawn(
        small({"depth": 4}), {"stages.1.S": [1, 2, 3, 4], "stages.1.cross_stage": ["none", "first"]}),
    "links end where layers are": Drawn(
        small({"depth": 2}, {"depth": 2}), {"stages.1.depth": [1, 3], "stages.2.depth": [2, 3], "on": [False, True]},
        links={"on": ("add", link("stage1.layer3", "stage2.layer3"))}),
    "a link that the rule has already": Drawn(
        small({"depth": 4, "S": 2}), {"stages.1.M": [1, 2], "stages.1.S": [2, 4], "on": [False, True]},
        links={"on": ("add", link("stage1.layer1", "stage1.layer4"))}),
    "overrides of the base need their layers": Drawn(
        small({"depth": 3, "layers": {3: {"dpe": True}}}), {"stages.1.depth": [3, 4], "stages.1.S": [None, 4]}),
    "a narrow stem": Drawn(
        {**small({"depth": 1}), "layer": {"mixer": {"kind": "ssm"}}},
        {"stages.1.channels": [1, 2], "stem": [{"kind": "conv"}, {"kind": "patch"}]}),
    "a mixer too narrow for the fusion": Drawn(
        small({"depth": 1, "S": 1, "channels": 1}, fusion={"kind": "dmca", "groups": 1}),
        {"layer.mixer": [{"kind": "ss2d"}, {"kind": "ss2d", "expand": 4}], "stages.1.channels": [1, 2]}),
}  # fmt: skip


@pytest.mark.parametrize("drawn", EDGES.values(), ids=EDGES)
def test_links_and_layers_come_and_go(drawn: Drawn) -> None:
    """The cases that draws seldom meet have exactly the points that connect."""
    points = drawn.assignments()
    assert 0 < len(points) < math.prod(map(len, drawn.values.values()))
    assert sorted(map(key_of_point, drawn.space().enumerate())) == sorted(
        tuple(sorted(point.items())) for point in points
    )


@pytest.mark.parametrize(("options", "key"), [(LinearHead, "head"), (ConvDownsample, "downsample")])
def test_what_a_kind_says_of_its_place_is_heard(
    monkeypatch: pytest.MonkeyPatch, options: type[KindOptions], key: str
) -> None:
    """A head or a downsampling, of a user's package perhaps, that does not take every width narrows the choices."""

    def too_narrow(own: KindOptions, site: Site) -> Iterator[Problem]:
        if site.channels < 16:
            yield Problem("kind", "SPX215", "wider!")

    monkeypatch.setattr(options, "problems", too_narrow)
    others = {"head": [{"kind": "none"}, {"kind": "linear"}], "downsample": [{"kind": "conv"}, {"kind": "merge"}]}
    drawn = Drawn(small({"depth": 1}, {"depth": 1}), {"stages.1.channels": [8, 16], "stages.2.channels": [8, 16],
                                                      key: others[key]})  # fmt: skip
    points = drawn.assignments()
    assert len(points) == 6
    assert sorted(map(key_of_point, drawn.space().enumerate())) == sorted(
        tuple(sorted(point.items())) for point in points
    )


def test_a_tied_choice_writes_to_the_layers_that_are_there() -> None:
    """A choice for all layers of a stage leaves out those that the chosen depth does not have."""
    base = sparx_dsl.parse_spec(small({"depth": 2}))
    mixers = [{"kind": "ssm"}, {"kind": "ss2d"}]
    space = make_space(base, {"stages.1.depth": [1, 2, 3], "same": {"at": "stages.1.layers.*.mixer", "values": mixers}})
    assert space.count == 6
    for point in space.enumerate():
        layers = sparx_dsl.connect(space.spec(point)).layers()
        assert {layer.layer_settings.mixer.kind for layer in layers} == {mixers[point.picks["same"]]["kind"]}


def test_all_stages_together_keep_the_limit_of_layers() -> None:
    """Depths that add up to more layers than a backbone may have are left out."""
    space = make_space(sparx_dsl.parse_spec(small({"depth": 1}, {"depth": 1}, {"depth": 1})),
                       {"stages.*.depth": {"from": 312, "to": 512, "step": 100}})  # fmt: skip
    depths = [312, 412, 512]
    assert space.count == sum(sum(row) <= 1024 for row in itertools.product(depths, repeat=3))


@FEW
@given(drawn_spaces())
def test_a_value_that_fits_nowhere_is_a_mistake(drawn: Drawn) -> None:
    """A space is refused exactly where a value is part of no combination that connects, and all of these are named."""
    points = drawn.assignments()
    used = {(name, number) for point in points for name, number in point.items()}
    expected: list[str] = []
    for name, values in drawn.values.items():
        unused = [value for number, value in enumerate(values) if (name, number) not in used]
        if len(unused) == len(values):
            expected.append(f"{name} never fits")
        else:
            expected += [f"{name}: {value} fits" if type(value) is int else f"{name}: " for value in unused]
    if not expected:
        assert drawn.space().count == len(points)
        return
    with pytest.raises(sparx_dsl.SparxError) as caught:
        drawn.space()
    found = [(mistake.code, mistake.message) for mistake in caught.value.diagnostics]
    if not points:
        # Where nothing fits, the first choice that alone leaves no point is named, or those that do not go together.
        ((code, _),) = found
        assert code in ("SPX720", "SPX721")
        return
    assert len(found) == len(expected)
    for (code, message), start in zip(found, expected, strict=True):
        assert code == "SPX720"
        assert message.startswith(start)


@FEW
@given(sound_spaces())
def test_points_are_numbered(sound: SoundSpace) -> None:
    """``point`` and ``number`` are inverse, and so are ``values`` and ``point_from``."""
    space = sound[0].space()
    for number in range(space.count):
        point = space.point(number)
        assert space.number(point) == number
        assert space.point_from(space.values(point)) == point
    with pytest.raises(IndexError):
        space.point(space.count)


@FEW
@given(sound_spaces())
def test_every_point_is_the_edited_base(sound: SoundSpace) -> None:
    """The backbone of a point is the base with the point's values, it round-trips, and it leads back to a twin."""
    drawn, points = sound
    space = drawn.space()
    base = sparx_dsl.parse_spec(drawn.base)
    for picks in points[:6]:
        spec = space.spec(Point(FrozenDict(picks)))
        assert spec == drawn.spec_of(base, picks)
        assert sparx_dsl.parse_spec(sparx_dsl.dump_spec(spec)) == spec
        back = space.point_of(spec)
        assert back is not None
        assert sparx_dsl.search.fingerprint(space.spec(back)) == sparx_dsl.search.fingerprint(spec)


# Drawing.


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


# Moves.


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
