"""Spaces cannot produce a broken backbone: counts and points against combinations that are all tried."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any, Literal

import pytest
from hypothesis import given

import sparx_dsl
import sparx_dsl.search
from sparx_dsl.kind import Kind
from sparx_dsl.language.base import Problem, Site
from sparx_dsl.language.frozen import FrozenDict
from sparx_dsl.language.roles import DownsampleOptions, HeadOptions
from sparx_dsl.search import Point, make_space
from tests.support.kinds import registered
from tests.support.spaces import FEW, Drawn, SoundSpace, drawn_spaces, sound_spaces


def key_of_point(point: Point) -> tuple[tuple[str, int], ...]:
    """A point as a value that sorts."""
    return tuple(sorted(point.picks.items()))


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
    "what is removed below what is replaced": Drawn(
        {**small({"depth": 1}), "head": {"kind": "linear", "classes": 7, "eps": 0.1}},
        {"head": [{"kind": "linear", "classes": 3}, {"kind": "none"}, {"eps": 0.2}], "head.eps": [1e-5, None]}),
    "levels that are removed fall back": Drawn(
        small({"depth": 1, "channels": 18, "layer": {"mixer": {"kind": "window_attention", "heads": 3}}}),
        {"stages.1.channels": [16, 18], "stages.1.layer": [None, {"norm": "batch"}],
         "stages.1.layer.mixer": [None, {"kind": "window_attention"}]}),
    "options of the kind that another choice chooses": Drawn(
        small({"depth": 1}),
        {"stages.1.layer.mixer.head_width": [8, 16], "stages.1.layer.mixer.kind": ["ssm", "window_attention"]},
        when={"stages.1.layer.mixer.head_width": ("stages.1.layer.mixer.kind", ["window_attention"])}),
    "a kind and an option that make one another valid": Drawn(
        small({"depth": 2}, {"depth": 1}),
        {"stages.2.downsample.norm": ["batch", "layer"], "stages.2.downsample.kind": ["conv", "merge"],
         "stages.1.S": [2, None], "stages.1.M": [None, 2]}),
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


def too_narrow(site: Site) -> Iterator[Problem]:
    """What a kind says that does not take every width."""
    if site.channels < 16:
        yield Problem("kind", "SPX215", "wider!")


class WideHead(HeadOptions, frozen=True):
    """A head of another package, which takes wide maps only."""

    kind: Literal["wide"] = "wide"

    def problems(self, site: Site) -> Iterator[Problem]:
        """The width must suffice."""
        return too_narrow(site)

    def output(self, channels: int, height: int, width: int, image: tuple[int, int]) -> tuple[int, ...]:
        """One number for each channel."""
        return (channels,)


class WideDownsample(DownsampleOptions, frozen=True):
    """A downsampling of another package, which takes wide maps only."""

    kind: Literal["wide"] = "wide"

    def problems(self, site: Site) -> Iterator[Problem]:
        """The width must suffice."""
        return too_narrow(site)


@pytest.mark.parametrize(
    ("key", "own", "other"),
    [
        ("head", Kind("head", "wide", WideHead, module=f"{__name__}:none", owner="other"), "none"),
        ("downsample", Kind("downsample", "wide", WideDownsample, module=f"{__name__}:none", owner="other"), "merge"),
    ],
)
def test_what_a_kind_says_of_its_place_is_heard(key: str, own: Kind, other: str) -> None:
    """A head or a downsampling of a user's package that does not take every width narrows the choices."""
    values = {"stages.1.channels": [8, 16], "stages.2.channels": [8, 16], key: [{"kind": other}, {"kind": "wide"}]}
    drawn = Drawn(small({"depth": 1}, {"depth": 1}), values)
    with registered(own):
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
            expected.append(f"{name} is infeasible")
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
