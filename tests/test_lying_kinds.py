"""Kinds of other packages whose costs say less than their modules do: each is named, with its package and its layer."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, Literal

import pytest
import torch
from torch import Tensor, nn

import sparx_dsl
from sparx_dsl import Kind, SparxError
from sparx_dsl.kind import KindOptions
from sparx_dsl.language.base import Site
from sparx_dsl.language.roles import FfnOptions
from sparx_dsl.lowering.kind_saved import saved_inside
from sparx_dsl.pricing import saved_parts
from sparx_dsl.pricing.tape import FakeTensor, Tape
from sparx_dsl.schedule import Run
from tests.support.backbones import attending, mixed, scans
from tests.support.kinds import registered
from tests.support.spec_oracle import Mapping


class Own(FfnOptions, frozen=True):
    """A feed-forward network of another package."""

    kind: Literal["own"] = "own"


class Exponential(nn.Module):
    """exp(x + weight), whose result is saved for the backward pass."""

    def __init__(self, site: Site, **factory: Any) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(site.channels, 1, 1, **factory))

    def forward(self, x: Tensor) -> Tensor:
        """A map (batch, channels, height, width) to one of its shape; autograd saves another of its size."""
        return (x + self.weight).exp() * 2.0


class Reading(Exponential):
    """The same, which looks at the values of its maps in training."""

    def forward(self, x: Tensor) -> Tensor:
        """A map (batch, channels, height, width) to one of its shape."""
        return super().forward(x / float(x.detach().abs().max()) if self.training else x)


def make_reading(options: KindOptions, site: Site, **factory: Any) -> nn.Module:
    """The module that looks at values."""
    return Reading(site, **factory)


def make(options: KindOptions, site: Site, **factory: Any) -> nn.Module:
    """The module."""
    return Exponential(site, **factory)


def honest(options: KindOptions, site: Site, tape: Tape, x: FakeTensor) -> FakeTensor:
    """The cost that says what is saved."""
    tape.weight(site.channels)
    inner = tape.elementwise(tape.elementwise(x))
    tape.save(inner)
    return tape.elementwise(inner)


def saves_nothing(options: KindOptions, site: Site, tape: Tape, x: FakeTensor) -> FakeTensor:
    """The cost that does not."""
    tape.weight(site.channels)
    tape.save()
    return tape.elementwise(tape.elementwise(tape.elementwise(x)))


def counts(amount: float) -> Any:
    """A cost of so many multiply-accumulates."""

    def cost(options: KindOptions, site: Site, tape: Tape, x: FakeTensor) -> FakeTensor:
        tape.multiply(amount)  # pyright: ignore[reportArgumentType]
        return honest(options, site, tape, x)

    return cost


SPEC: dict[str, Any] = {
    "sparx": 1, "name": "own", "stem": {"kind": "patch"}, "layer": {"mixer": {"kind": "ssm"}}, "input": {"size": 16},
    "stages": [{"channels": 8, "depth": 2, "layers": {2: {"ffn": {"kind": "own"}}}}],
}  # fmt: skip


def kind(cost: Any) -> Kind:
    """The kind with a cost."""
    return Kind("ffn", "own", Own, module=f"{__name__}:make", cost=cost, owner="other")


@pytest.mark.parametrize("spec", [mixed(), scans(), attending()], ids=lambda spec: spec["name"])
def test_what_a_module_saves_without_values_is_what_its_cost_says(spec: Mapping) -> None:
    """To the byte for every part of built-in kinds, so another one is refused for nothing but what it saves."""
    model = sparx_dsl.build(spec).train()
    schedule = model.schedule
    planned = {part.module: part.inner for part in saved_parts(schedule)}
    for step in schedule.steps:
        if isinstance(step, Run):
            shapes = [schedule.buffers[name].shape for name in step.inputs]
            assert saved_inside(model.get_submodule(step.module), shapes) == planned[step.module], step.module


def test_a_kind_that_saves_more_than_it_says_has_no_budget() -> None:
    """It is built and run as ever; within a budget it is refused, and as it says what it saves it is not."""
    with registered(kind(honest)):
        model = sparx_dsl.build(SPEC, activation_budget="1GiB")
        model(torch.randn(1, 3, 16, 16)).sum().backward()
    with registered(kind(saves_nothing)):
        model = sparx_dsl.build(SPEC)
        with pytest.raises(SparxError) as caught:
            sparx_dsl.recompute(model, "1GiB")
    (mistake,) = caught.value.diagnostics
    assert mistake.code == "SPX415"
    # The norm in front of it saves two statistics for each of 4 × 4 positions, and the module a map of 8 channels.
    said = "the ffn kind 'own' of other saves 640 bytes for its backward pass where its cost says 128"
    assert said in mistake.message
    assert mistake.message.endswith("at stage1.layer2")


def test_a_kind_that_needs_values_has_no_budget() -> None:
    """What it saves cannot be asked of it; it is built and run as ever, and the error names it and its layer."""
    with registered(replace(kind(honest), module=make_reading)):
        model = sparx_dsl.build(SPEC)
        model(torch.randn(1, 3, 16, 16)).sum().backward()
        with pytest.raises(SparxError) as caught:
            sparx_dsl.recompute(model, "1GiB")
    (mistake,) = caught.value.diagnostics
    assert mistake.code == "SPX411"
    assert mistake.message.startswith("the module of the ffn kind 'own' of other fails without values, ")
    assert mistake.message.endswith("at stage1.layer2")
    assert mistake.help == "this is an error in other, not in the spec"


@pytest.mark.parametrize("amount", [math.nan, math.inf, -math.inf, 0.5, -(2**70)])
def test_no_price_is_no_number(amount: float) -> None:
    """A cost that counts what is no whole number, or less than nothing, is refused wherever it is asked."""
    with registered(kind(counts(amount))):
        for ask in (sparx_dsl.cost, sparx_dsl.prices, sparx_dsl.check, sparx_dsl.build):
            with pytest.raises(
                SparxError, match=r"the cost of the ffn kind 'own' of other is .*, at stage1\.layer2"
            ) as caught:
                ask(SPEC)
            assert {mistake.code for mistake in caught.value.diagnostics} == {"SPX407"}
