"""Modules of other packages' kinds, in the process that builds them: what is not as it was planned ends the build."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

import pytest
import torch
from torch import Tensor, nn

import sparx_dsl
from sparx_dsl import Kind
from sparx_dsl.language.base import KindOptions, Site
from sparx_dsl.language.roles import FfnOptions, MixerOptions, Role
from sparx_dsl.lowering.kind_modules import kind_of_step
from sparx_dsl.pricing.tape import FakeTensor, Tape
from sparx_dsl.registry import builtin_kinds, default_registry
from sparx_dsl.schedule import Run
from tests.support.kinds import kinds_restored, registered


class Own(FfnOptions, frozen=True):
    """A 1×1 convolution."""

    kind: Literal["own"] = "own"


def cost(options: KindOptions, site: Site, tape: Tape, x: FakeTensor) -> FakeTensor:
    """Of the convolution."""
    return tape.convolution(x, site.channels)


def sound(options: KindOptions, site: Site, *, device: Any = None, dtype: Any = None) -> nn.Module:
    """The convolution."""
    return nn.Conv2d(site.channels, site.channels, 1, device=device, dtype=dtype)


class Halved(MixerOptions, frozen=True):
    """A mixer that is given twice the channels."""

    kind: Literal["halved"] = "halved"

    def projected(self, channels: int) -> int:
        """Twice as many."""
        return 2 * channels


def halving(options: KindOptions, site: Site, *, device: Any = None, dtype: Any = None) -> nn.Module:
    """The convolution to half the channels."""
    return nn.Conv2d(2 * site.channels, site.channels, 1, device=device, dtype=dtype)


def halving_cost(options: KindOptions, site: Site, tape: Tape, x: FakeTensor) -> FakeTensor:
    """Of that convolution."""
    return tape.convolution(x, site.channels)


class Then(nn.Module):
    """The convolution, and something behind it."""

    def __init__(self, convolution: nn.Module, behind: Any) -> None:
        super().__init__()
        self.convolution, self.behind = convolution, behind

    def forward(self, x: Tensor) -> Any:
        """Whatever is made of the convolution's result."""
        return self.behind(self.convolution(x))


def followed(behind: Callable[[Tensor], object]) -> Any:
    """A module that makes something else of the convolution's result."""

    def make(options: KindOptions, site: Site, **place: Any) -> nn.Module:
        return Then(sound(options, site, **place), behind)

    return make


def listed(x: Tensor) -> object:
    """No tensor."""
    return [x]


def narrower(x: Tensor) -> object:
    """A column less."""
    return x[..., 1:]


def wider_numbers(x: Tensor) -> object:
    """Another dtype."""
    return x.double()


def number(*_: object, **__: object) -> int:
    """No module."""
    return 3


def lazy(*_: object, **__: object) -> nn.Module:
    """A module whose parameters have no shape yet."""
    return nn.LazyConv2d(8, 1)


def fails(*_: object, **__: object) -> Any:
    """Raises."""
    raise ZeroDivisionError("by zero")


def elsewhere(options: KindOptions, site: Site, **_: object) -> nn.Module:
    """On another device than it is asked to."""
    return sound(options, site)


def biased_twice(options: KindOptions, site: Site, **place: Any) -> nn.Module:
    """With more parameters than the cost counts."""
    module = sound(options, site, **place)
    module.register_parameter("more", nn.Parameter(torch.empty(site.channels, **place)))
    return module


OWN = Kind("ffn", "own", Own, module=sound, cost=cost)
SPEC: dict[str, Any] = {
    "sparx": 1, "name": "own", "stem": {"kind": "patch"}, "layer": {"mixer": {"kind": "depthwise"}},
    "stages": [{"channels": 8, "depth": 2, "layers": {2: {"ffn": {"kind": "own"}}}}], "input": {"size": 16},
}  # fmt: skip


FAILING: dict[Role, str] = {"stem": "patch", "downsample": "conv", "head": "linear"}
"""The kinds whose costs are exchanged."""


@pytest.mark.parametrize(
    ("module", "code", "said"),
    [
        (fails, "SPX409", "cannot be made, ZeroDivisionError"),
        (number, "SPX409", "is not a torch.nn.Module but int"),
        (lazy, "SPX409", "parameters without a shape"),
        (elsewhere, "SPX411", "makes weight on another device than it is asked to, meta"),
        (followed(fails), "SPX411", "fails on the device meta, ZeroDivisionError"),
        (followed(listed), "SPX411", "gives list, not a tensor"),
        (followed(narrower), "SPX411", "gives the shape (1, 8, 4, 3) where (1, 8, 4, 4) was planned"),
        (followed(wider_numbers), "SPX411", "gives torch.float64 where torch.float32 was planned"),
        (biased_twice, "SPX410", "has 96 parameters where 88 were planned"),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:Lazy modules:UserWarning")
def test_a_module_is_what_was_planned(module: Any, code: str, said: str) -> None:
    """Its shape, dtype, device and parameters; else the kind is named, and the layer."""
    with registered(replace(OWN, module=module)), pytest.raises(sparx_dsl.SparxError) as caught:
        sparx_dsl.build(SPEC)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == code
    assert said in diagnostic.message
    assert "the ffn kind 'own'" in diagnostic.message
    assert diagnostic.message.endswith("at stage1.layer2")


def test_a_sound_module_is_built() -> None:
    """Where it is asked to be."""
    with registered(OWN):
        model = sparx_dsl.build(SPEC, dtype="bfloat16")
        assert isinstance(model.get_submodule("stage1.layer2.ffn"), nn.Module)
        assert {parameter.dtype for parameter in model.parameters()} == {torch.bfloat16}


def test_a_mixer_is_given_what_its_projection_gives() -> None:
    """As many channels as it says, with which its module is tried before it is built."""
    mixer = Kind("mixer", "halved", Halved, module=halving, cost=halving_cost)
    with registered(mixer):
        model = sparx_dsl.build(
            SPEC | {"layer": {"mixer": {"kind": "halved"}}, "stages": [{"channels": 8, "depth": 2}]}
        )
        assert model(torch.zeros(1, 3, 16, 16)).shape[0] == 1
    with registered(replace(mixer, module=sound)), pytest.raises(sparx_dsl.SparxError, match="SPX411"):
        sparx_dsl.build(SPEC | {"layer": {"mixer": {"kind": "halved"}}, "stages": [{"channels": 8, "depth": 2}]})


def test_a_module_that_is_not_there_has_no_price() -> None:
    """A text that leads nowhere is found before anything is built."""
    with (
        registered(replace(OWN, module="no_such_package.modules:build")),
        pytest.raises(sparx_dsl.SparxError) as caught,
    ):
        sparx_dsl.cost(SPEC)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "SPX409"
    assert "was not found: no_such_package.modules:build, at stage1.layer2" in diagnostic.message


@pytest.mark.parametrize("role", ["stem", "downsample", "head"])
def test_a_cost_that_fails_is_named_with_its_node(role: Role) -> None:
    """Also outside of layers, and whichever call asks for it."""
    (built_in,) = [kind for kind in builtin_kinds() if (kind.role, kind.name) == (role, FAILING[role])]
    spec = SPEC | {"stages": [{"channels": 8, "depth": 1}] * 2, role: {"kind": FAILING[role]}}
    node = "stage2.downsample" if role == "downsample" else role
    with kinds_restored():
        default_registry().add(replace(built_in, cost=fails, owner="other"), replace=True)
        for price in (sparx_dsl.cost, sparx_dsl.prices, sparx_dsl.check):
            with pytest.raises(sparx_dsl.SparxError, match=f"SPX407.* of other fails with ZeroDivision.*, at {node}"):
                price(spec)


def test_the_kind_of_a_step_may_be_gone() -> None:
    """As where a backbone comes from another process."""
    with registered(OWN):
        schedule = sparx_dsl.plan(SPEC)
        (step,) = [each for each in schedule.steps if isinstance(each, Run) and each.module == "stage1.layer2.ffn"]
        assert kind_of_step(schedule, step) == (OWN, Own())
    assert kind_of_step(pickle.loads(pickle.dumps(schedule)), copy.copy(step)) is None  # noqa: S301
