"""What kinds of other packages declare, in the process that reads a spec: what fails or is nonsense names the kind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Any, Literal, cast

import pydantic
import pytest
from pydantic import AfterValidator

import sparx_dsl
from sparx_dsl import Kind, register
from sparx_dsl.kind import PACKAGE
from sparx_dsl.language.base import KindOptions, Problem, divisor_help
from sparx_dsl.language.flow import Flow
from sparx_dsl.language.kind_options import load_facet
from sparx_dsl.language.roles import DownsampleOptions, FfnOptions, HeadOptions, MixerOptions, Role, StemOptions
from sparx_dsl.language.shrinking import Shrinking
from sparx_dsl.registry import builtin_kinds, default_registry
from tests.support.kinds import kinds_restored

SPEC: dict[str, Any] = {
    "sparx": 1, "name": "own", "stem": {"kind": "patch"}, "layer": {"mixer": {"kind": "depthwise"}},
    "stages": [{"channels": 8, "depth": 2}],
}  # fmt: skip


def fails(*_: object) -> Any:
    """As a method or a property of somebody else may."""
    raise ZeroDivisionError("by \x1b zero")


def gives(value: object) -> Any:
    """A method that gives a value."""

    def given(*_: object) -> object:
        return value

    return given


def channels_of(_: object, channels: int) -> int:
    """As many channels as there are."""
    return channels


def only_even(value: int) -> int:
    """A validator that says what is wrong."""
    if value % 2:
        raise ValueError("only even ones")
    return value


def refuses(value: object) -> object:
    """A validator that fails, and does not say what is wrong."""
    raise ZeroDivisionError(value)


ROLES: dict[Role, type[KindOptions]] = {
    "stem": StemOptions, "downsample": DownsampleOptions, "mixer": MixerOptions, "ffn": FfnOptions, "head": HeadOptions,
}  # fmt: skip
SOUND: dict[Role, dict[str, Any]] = {
    "stem": {"stride": property(gives(4))},
    "downsample": {},
    "mixer": {"projected": channels_of},
    "ffn": {},
    "head": {"output": gives((10,))},
}


def read(role: Role, members: dict[str, Any], module: str | None = "a:Module", width: int = 16) -> sparx_dsl.Spec:
    """A spec of two stages, 8 channels and that many, with a kind of that role whose options have these members."""
    body = {"__annotations__": {"kind": Literal["own"]}, "kind": "own", "__module__": __name__}
    options = cast("type[KindOptions]", type("Own", (ROLES[role],), {**body, **SOUND[role], **members}, frozen=True))
    register(Kind(role, "own", options, module=module, cost=gives(None)))
    stages, own = [*SPEC["stages"], {"channels": width, "depth": 1}], {role: {"kind": "own"}}
    changes = {"layer": SPEC["layer"] | own} if role in ("mixer", "ffn") else own
    return sparx_dsl.parse_spec(SPEC | {"stages": stages} | changes)


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """What a test registers is gone after it."""
    with kinds_restored():
        yield


@pytest.mark.parametrize("role", ROLES)
def test_sound_options_are_read(role: Role) -> None:
    """The least that a kind of each role declares."""
    read(role, {})


@pytest.mark.parametrize(
    ("role", "members", "said"),
    [
        ("ffn", {"canonical": gives(3)}, "are invalid: canonical returns 3"),
        ("ffn", {"canonical": fails}, "fail: canonical raises ZeroDivisionError"),
        ("ffn", {"__hash__": fails}, "fail: hash raises ZeroDivisionError"),
        ("ffn", {"problems": fails}, "fail: problems raises ZeroDivisionError"),
        ("ffn", {"problems": gives([3])}, "are invalid: problems returns 3"),
        ("ffn", {"problems": gives([None])}, "are invalid: problems returns None"),
        ("ffn", {"problems": gives([Problem("kind", "OWN001", cast("str", 3))])}, "problems returns a Problem"),
        ("stem", {"stride": property(gives(0))}, "are invalid: stride returns 0"),
        ("stem", {"stride": property(gives(True))}, "are invalid: stride returns True"),
        ("stem", {"stride": property(gives((4, 4)))}, "are invalid: stride returns (4, 4)"),
        ("stem", {"stride": StemOptions.stride}, "fail: stride raises NotImplementedError"),
        ("downsample", {"total_stride": property(gives("2\x1b"))}, "total_stride returns 2\\x1b"),
        ("stem", {"shrinkings": property(gives([Shrinking(4)]))}, "are invalid: shrinkings returns a list"),
        ("stem", {"shrinkings": property(gives((Shrinking(2),)))}, "are invalid: shrinkings returns (Shrinking(by=2"),
        ("downsample", {"shrinkings": property(gives((Shrinking(2), 1)))}, "shrinkings returns (Shrinking(by=2"),
        ("mixer", {"projected": MixerOptions.projected}, "fail: projected raises NotImplementedError"),
        ("mixer", {"projected": gives(2**40)}, "are invalid: projected returns 1099511627776"),
        ("mixer", {"has_projection": property(gives(1))}, "are invalid: has_projection returns 1"),
        ("mixer", {"projection_bias": property(gives([]))}, "are invalid: projection_bias returns a list"),
        ("head", {"reads_all_stages": property(gives(None))}, "are invalid: reads_all_stages returns None"),
    ],
)  # fmt: skip
def test_what_is_declared_must_be_what_it_says(role: Role, members: dict[str, Any], said: str) -> None:
    """Each thing that options declare is asked for once, and named where it fails or is of another type."""
    with pytest.raises(sparx_dsl.SparxError) as caught:
        read(role, members)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "SPX408"
    assert said in diagnostic.message
    assert f"the options of the {role} kind 'own'" in diagnostic.message
    assert diagnostic.message.isprintable()
    assert "not in the spec" in (diagnostic.help or "")


@pytest.mark.parametrize(
    ("output", "said"),
    [
        (fails, "fail: output raises ZeroDivisionError"),
        (HeadOptions.output, "fail: output raises NotImplementedError"),
        (gives(10), "are invalid: output returns 10"),
        (gives((10, 0)), "are invalid: output returns (10, 0)"),
        (gives([10]), "are invalid: output returns a list"),
    ],
)
def test_a_head_gives_a_shape(output: Any, said: str) -> None:
    """It is asked for it when a schedule is made."""
    spec = read("head", {"output": output})
    with pytest.raises(sparx_dsl.SparxError) as caught:
        sparx_dsl.plan(spec)
    (diagnostic,) = caught.value.diagnostics
    assert (diagnostic.code, said in diagnostic.message, diagnostic.message[-9:]) == ("SPX408", True, ", at head")


@pytest.mark.parametrize(
    ("stride", "width", "said"),
    [
        (2, 8, "has no module, so its total_stride must be 1, got 2"),
        (1, 16, "has no module, so the channels must stay 8, got 16"),
        (1, 8, None),
    ],
)
def test_a_downsampling_without_a_module_leaves_the_map_as_it_is(stride: int, width: int, said: str | None) -> None:
    """Its stride is 1, and the stage behind it as wide as the one before."""
    members = {"total_stride": property(gives(stride))}
    if said is None:
        assert read("downsample", members, None, width).stages[1].channels == width
        return
    with pytest.raises(sparx_dsl.SparxError, match=said):
        read("downsample", members, None, width)


def test_a_problem_of_an_end_stands_at_its_key() -> None:
    """Of the stem, of a downsampling and of the head, under the code of the kind."""
    for role in ("stem", "downsample", "head"):
        with kinds_restored(), pytest.raises(sparx_dsl.SparxError) as caught:
            read(role, {"problems": gives([Problem("kind", "OWN001", "not here", "go away")])})
        (diagnostic,) = caught.value.diagnostics
        assert (diagnostic.code, diagnostic.where.path) == ("OWN001", f"{role}.kind")


def test_a_validator_that_fails_names_its_kind() -> None:
    """A kind that is built in has no such validators, and what one raises is an error of ours."""
    failing = {"check": pydantic.model_validator(mode="before")(refuses)}
    with pytest.raises(sparx_dsl.SparxError) as caught:
        read("ffn", failing)
    (diagnostic,) = caught.value.diagnostics
    assert (diagnostic.code, diagnostic.where.path) == ("SPX408", "layer.ffn")
    assert "the options of the ffn kind 'own'" in diagnostic.message
    assert "fail with ZeroDivisionError" in diagnostic.message
    own = default_registry().find("ffn", "own")
    assert own is not None
    default_registry().add(replace(own, owner=PACKAGE), replace=True)
    with pytest.raises(ZeroDivisionError):
        sparx_dsl.parse_spec(SPEC | {"layer": {"mixer": {"kind": "depthwise"}, "ffn": {"kind": "own"}}})


def test_what_a_validator_says_is_passed_on() -> None:
    """A ``ValueError`` of an option's own validator is an error at the option's value, in its words."""
    even = {"__annotations__": {"kind": Literal["own"], "ratio": Annotated[int, AfterValidator(only_even)]}}
    read("ffn", even | {"ratio": 2})
    layer = {"mixer": {"kind": "depthwise"}, "ffn": {"kind": "own", "ratio": 3}}
    with pytest.raises(sparx_dsl.SparxError) as caught:
        sparx_dsl.parse_spec(SPEC | {"layer": layer})
    (diagnostic,) = caught.value.diagnostics
    assert (diagnostic.code, diagnostic.where.path) == ("SPX199", "layer.ffn.ratio")
    assert "the invalid value 3" in diagnostic.message
    assert "only even ones" in diagnostic.message


def test_a_problem_under_several_mixers_is_reported_once() -> None:
    """Where layers share a fusion and differ in their mixers, it is one value that is wrong."""
    layer = {"mixer": {"kind": "depthwise"}, "fusion": {"kind": "dmca", "groups": 3}}
    other = {"mixer": {"kind": "window_attention", "head_width": 4}}
    stages = [{"channels": 8, "depth": 4, "S": 1, "layers": {3: other}}]
    with pytest.raises(sparx_dsl.SparxError) as caught:
        sparx_dsl.parse_spec(SPEC | {"layer": layer, "stages": stages})
    (diagnostic,) = caught.value.diagnostics
    assert (diagnostic.code, diagnostic.where.path) == ("SPX213", "layer.fusion.groups")


def test_a_missing_mixer_is_what_is_wrong() -> None:
    """Not the kinds of other packages beside it."""
    read("ffn", {})
    with pytest.raises(sparx_dsl.SparxError) as caught:
        sparx_dsl.parse_spec(SPEC | {"layer": {"ffn": {"kind": "own"}}})
    assert [each.code for each in caught.value.diagnostics] == ["SPX220"]


def test_a_default_kind_has_to_be_there_and_to_have_defaults() -> None:
    """Where a spec names none, since it stands there."""
    mlp = default_registry().find("ffn", "mlp")
    assert mlp is not None
    given = sparx_dsl.parse_spec(SPEC)
    needy = type("Needy", (mlp.load_options(),), {"__annotations__": {"more": int}, "__module__": __name__})
    register(replace(mlp, options=needy), replace=True)
    with pytest.raises(sparx_dsl.SparxError, match=r"SPX408.* default") as caught:
        sparx_dsl.parse_spec(SPEC)
    assert (caught.value.diagnostics[0].help or "").startswith("give every option a default")
    default_registry().remove(next(kind for kind in default_registry() if (kind.role, kind.name) == ("ffn", "mlp")))
    with pytest.raises(sparx_dsl.SparxError, match=r"SPX412.*'mlp', the default, is not registered"):
        sparx_dsl.parse_spec(SPEC)
    assert given.layer.ffn is None


def test_what_is_built_in_is_not_excused() -> None:
    """A facet of ours that cannot be loaded is an error of ours."""
    kind = next(iter(builtin_kinds()))
    with pytest.raises(ModuleNotFoundError):
        load_facet(kind, "no_such_package.facets:FACET", "diagram", Flow)


@pytest.mark.parametrize("channels", [1, 12, 97, 360, 4096, 10007, 65536])
@pytest.mark.parametrize("value", [-3, 1, 7, 50, 4000, 70000])
def test_the_divisors_that_lie_closest_are_named(channels: int, value: int) -> None:
    """The smaller of two that are as close, in order."""
    divisors = [number for number in range(1, channels + 1) if channels % number == 0]
    nearest = sorted(sorted(divisors, key=lambda number: abs(number - value))[:4])
    said = divisor_help("groups", channels, value)
    assert said == f"groups that divide {channels} and lie closest: {', '.join(map(str, nearest))}"
