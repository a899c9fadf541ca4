"""Kinds that are registered in a process, as a notebook does: found, replaced, priced anew, copied and pickled."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import torch
from pydantic import Field
from torch import nn

import sparx_dsl
from sparx_dsl import Kind, register
from sparx_dsl.errors import CodeEntry
from sparx_dsl.language.base import Problem, Site
from sparx_dsl.language.roles import FfnOptions
from sparx_dsl.pricing.tape import FakeTensor, Tape
from sparx_dsl.registry import builtin_kinds, default_registry
from tests.support.checkpoints import same, snapshot
from tests.support.commands import sparx
from tests.support.kinds import kinds_restored
from tests.support.saved_tensors import saved_by_torch


class Widened(FfnOptions, frozen=True):
    """1×1 to more channels, and back."""

    kind: Literal["widened"] = "widened"
    ratio: Annotated[int, Field(ge=1, le=8)] = 2

    def problems(self, site: Site) -> Iterator[Problem]:
        """Nothing wider than 1024 channels."""
        if self.ratio * site.channels > 1024:
            yield Problem("ratio", "WIDE001", "more than 1024 hidden channels", "write less")


class WidenedFfn(nn.Sequential):
    """The module."""

    def __init__(self, channels: int, hidden: int, device: Any, dtype: Any) -> None:
        super().__init__(
            nn.Conv2d(channels, hidden, 1, device=device, dtype=dtype),
            nn.GELU(),
            nn.Conv2d(hidden, channels, 1, device=device, dtype=dtype),
        )


def build(options: Widened, site: Site, *, device: Any = None, dtype: Any = None) -> WidenedFfn:
    """Make it."""
    return WidenedFfn(site.channels, options.ratio * site.channels, device, dtype)


def cost(options: Widened, site: Site, tape: Tape, x: FakeTensor) -> FakeTensor:
    """Tell it."""
    return tape.convolution(tape.activation(tape.convolution(x, options.ratio * site.channels)), site.channels)


def dearer(options: Widened, site: Site, tape: Tape, x: FakeTensor) -> FakeTensor:
    """The same, and a product more for each channel."""
    tape.multiply(x.shape[1])
    return cost(options, site, tape, x)


CODES = (CodeEntry("WIDE001", "too wide", "There are limits."),)
WIDENED = Kind("ffn", "widened", Widened, module=build, cost=cost, codes=CODES, title="wide FFN")

SPEC: dict[str, Any] = {
    "sparx": 1, "name": "small", "stem": {"kind": "patch"}, "input": {"size": 32}, "head": {"kind": "linear"},
    "layer": {"mixer": {"kind": "ss2d"}, "ffn": {"kind": "widened"}},
    "stages": [{"channels": 16, "depth": 2}, {"channels": 32, "depth": 2, "S": 1}],
}  # fmt: skip


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """What a test registers is gone after it."""
    with kinds_restored():
        yield


def codes_of(call: Callable[..., object], *given: object) -> list[str]:
    """What a call is charged with."""
    with pytest.raises(sparx_dsl.SparxError) as caught:
        call(*given)
    return [mistake.code for mistake in caught.value.diagnostics]


def test_a_registered_kind_does_what_a_built_in_one_does(tmp_path: Path) -> None:
    """Read, written, priced to the last parameter and saved byte, built, trained, deployed, saved and loaded."""
    register(WIDENED)
    spec = sparx_dsl.parse_spec(SPEC)
    assert sparx_dsl.parse_spec(sparx_dsl.dump_spec(spec)) == spec
    price, model = sparx_dsl.cost(spec, batch=2), sparx_dsl.build(spec)
    assert price.saved_bytes == sum(saved_by_torch(price.schedule).values())
    assert price.params == sum(tensor.numel() for tensor in model.parameters())
    images = torch.randn(2, 3, 32, 32)
    model(images).square().mean().backward()
    assert all(tensor.grad is not None for tensor in model.parameters())
    torch.testing.assert_close(sparx_dsl.deploy(model)(images), model.eval()(images), rtol=1e-4, atol=1e-5)
    sparx_dsl.save_checkpoint(model, tmp_path / "model.safetensors")
    torch.testing.assert_close(sparx_dsl.build(tmp_path / "model.safetensors").eval()(images), model(images))


def test_its_codes_are_explained() -> None:
    """What its options complain with has a meaning, as long as it is registered."""
    register(WIDENED)
    assert codes_of(sparx_dsl.parse_spec, {**SPEC, "stages": [{"channels": 1024, "depth": 1}]}) == ["WIDE001"]
    assert sparx_dsl.explain_code("wide001") == "WIDE001: too wide\n\nThere are limits.\n"
    assert sparx("explain", "WIDE001").stdout == sparx_dsl.explain_code("WIDE001")


def test_codes_that_are_none_take_nothing_from_the_others() -> None:
    """A kind whose codes cannot be loaded: or are one of this package's, changes no explanation."""
    before = sparx_dsl.explain_code("SPX204")
    register(replace(WIDENED, codes="no_such_package.codes:CODES"))
    register(replace(WIDENED, name="other", options=named("other"), codes=(CodeEntry("SPX204", "mine", "No."), 3)))
    assert sparx_dsl.explain_code("SPX204") == before
    with pytest.raises(sparx_dsl.SparxError) as caught:
        sparx_dsl.explain_code("WIDE001")
    (mistake,) = caught.value.diagnostics
    assert mistake.code == "SPX530"
    assert "the codes of the ffn kind 'widened' of this process cannot be loaded" in mistake.notes[0]


def named(name: str) -> Any:
    """A class of options for a kind of that name."""
    return type("Other", (Widened,), {"__annotations__": {"kind": Literal[name]}, "kind": name})  # pyright: ignore[reportInvalidTypeForm]


def test_a_name_is_taken_once() -> None:
    """A second kind of a role and name is refused with the remedy, and nothing changes."""
    register(WIDENED)
    register(WIDENED)  # the very same again is no second one
    with pytest.raises(ValueError, match=r"of this process is registered already; .*replace=True"):
        register(replace(WIDENED, cost=dearer))
    with pytest.raises(ValueError, match="the ffn kind 'mlp' of sparx_dsl is registered already"):
        register(replace(WIDENED, name="mlp", options=named("mlp")))
    assert default_registry().find("ffn", "widened") is WIDENED


def test_options_that_cannot_be_read_are_refused_at_once() -> None:
    """Not at the first spec."""
    with pytest.raises(TypeError, match="do not derive from MixerOptions"):
        register(Kind("mixer", "widened", Widened, module=build, cost=cost))
    with pytest.raises(TypeError, match=r'write kind: Literal\["wider"\]'):
        register(replace(WIDENED, name="wider"))
    assert default_registry().find("mixer", "widened") is None


def test_no_price_outlives_its_cost() -> None:
    """With another cost of the same options every price is the new one: of graphs, of specs, and of spaces."""
    register(WIDENED)
    spec = sparx_dsl.parse_spec(SPEC)
    space = sparx_dsl.make_space(spec, {"layer.ffn.ratio": [1, 2, 3]})
    point = space.sample(0)
    before = [sparx_dsl.cost(spec).macs, sparx_dsl.prices(spec).macs, space.prices(point).macs]
    batched = space.prices_of([point]).macs
    more = 2 * 16 + 2 * 32
    register(replace(WIDENED, cost=dearer), replace=True)
    after = [sparx_dsl.cost(spec).macs, sparx_dsl.prices(spec).macs, space.prices(point).macs]
    assert after == [amount + more for amount in before]
    assert list(space.prices_of([point]).macs) == list(batched + more)


@pytest.mark.parametrize("value", ["no_such_package.facets:FACET", 3])
def test_what_a_kind_says_for_later_is_read_when_it_is_needed(value: object, tmp_path: Path) -> None:
    """A broken facet for checkpoints or for deployment is named where a model has the kind, and harms no other."""
    register(replace(WIDENED, checkpoint=value, inference=value))
    other = sparx_dsl.build({**SPEC, "layer": {"mixer": {"kind": "ss2d"}}})
    sparx_dsl.save_checkpoint(other, tmp_path / "model.safetensors")
    assert sparx_dsl.load_checkpoint(other, tmp_path / "model.safetensors").complete
    assert sparx_dsl.deploy(other) is not None
    own = sparx_dsl.build(SPEC)
    assert codes_of(sparx_dsl.deploy, own) == ["SPX413"]
    assert codes_of(lambda: sparx_dsl.save_checkpoint(own, tmp_path / "model.pth", format="vmamba")) == ["SPX413"]


class Newer(Widened, frozen=True):
    """The same kind with one option more."""

    scale: bool = False


class Older(FfnOptions, frozen=True):
    """The same kind with other options."""

    kind: Literal["widened"] = "widened"


def test_a_spec_says_that_its_kind_was_registered_anew() -> None:
    """It holds options of the class that was there; its text, and an edit of it, are read with the new class."""
    register(WIDENED)
    spec = sparx_dsl.parse_spec(SPEC)
    register(replace(WIDENED, options=Newer), replace=True)
    for call in (sparx_dsl.plan, sparx_dsl.cost, sparx_dsl.prices, sparx_dsl.check, sparx_dsl.build):
        assert codes_of(call, spec) == ["SPX412"]
    edited = spec.edit({"stages.1.depth": 3})
    assert isinstance(edited.layer.ffn, Newer)
    assert isinstance(spec.edit({"layer.ffn.scale": True}).layer.ffn, Newer)
    assert sparx_dsl.build(sparx_dsl.parse_spec(sparx_dsl.dump_spec(spec)), device="meta") is not None
    register(replace(WIDENED, options=Older), replace=True)
    assert codes_of(edited.edit, {"layer.ffn.ratio": 2}) == ["SPX101"]


def test_a_spec_says_that_its_kind_is_gone() -> None:
    """Whatever is asked of it, and however it is edited; a model that was built runs on."""
    register(WIDENED)
    spec, model = sparx_dsl.parse_spec(SPEC), sparx_dsl.build(SPEC)
    default_registry().remove(WIDENED)
    assert codes_of(sparx_dsl.recompute, model, "1GiB") == ["SPX412"]
    for call in (sparx_dsl.plan, sparx_dsl.cost, sparx_dsl.prices, sparx_dsl.check, sparx_dsl.build):
        assert codes_of(call, spec) == ["SPX412"]
    assert codes_of(sparx_dsl.parse_spec, SPEC) == ["SPX106"]
    assert codes_of(spec.edit, {"name": "other"}) == ["SPX106"]
    assert model(torch.randn(1, 3, 32, 32)).shape == (1, 1000)


def test_the_schema_and_the_messages_follow_the_kinds() -> None:
    """An editor and a mistake know the kinds that are registered now."""
    assert '"widened"' not in str(sparx_dsl.json_schema()).replace("'", '"')
    before = sparx_dsl.json_schema()
    register(WIDENED)
    branches = str(sparx_dsl.json_schema())
    assert "'const': 'widened'" in branches
    assert "'scale'" not in branches
    register(replace(WIDENED, options=Newer), replace=True)
    assert "'scale'" in str(sparx_dsl.json_schema())
    with pytest.raises(sparx_dsl.SparxError, match="the key") as caught:
        sparx_dsl.parse_spec({**SPEC, "layer": {**SPEC["layer"], "ffn": {}}})
    assert "widened" in str(caught.value)
    default_registry().remove(next(kind for kind in default_registry() if kind.name == "widened"))
    assert sparx_dsl.json_schema() == before


def test_a_default_kind_can_be_replaced() -> None:
    """What stands where a spec names nothing is the kind that is registered now."""
    own = next(kind for kind in builtin_kinds() if (kind.role, kind.name) == ("ffn", "mlp"))
    options = own.load_options()
    wider = type("Wider", (options,), {"__annotations__": {"ratio": int}, "ratio": 8})
    layer = {"mixer": {"kind": "ss2d"}}
    before = sparx_dsl.cost({**SPEC, "layer": layer}).params
    register(replace(own, options=wider), replace=True)
    assert sparx_dsl.cost({**SPEC, "layer": layer}).params > before


def test_models_are_copied_and_pickled() -> None:
    """With their kinds' modules, weights and options; the kind itself is no part of them."""

    def local(options: Widened, site: Site, *, device: Any = None, dtype: Any = None) -> nn.Module:
        return build(options, site, device=device, dtype=dtype)

    register(replace(WIDENED, module=local))
    model = sparx_dsl.build(SPEC)
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):  # noqa: S301
        assert same(snapshot(model), snapshot(twin))
        assert twin.spec == model.spec
    spec = sparx_dsl.parse_spec(SPEC)
    assert pickle.loads(pickle.dumps(spec)) == copy.deepcopy(spec) == spec  # noqa: S301


RUNNING = [kind for kind in builtin_kinds() if kind.runs]


@pytest.mark.parametrize("kind", RUNNING, ids=lambda kind: f"{kind.role}-{kind.name}")
def test_a_built_in_kind_passes_as_one_of_another_package(kind: Kind) -> None:
    """Everything that is asked of kinds of other packages holds for those of this one, and asking changes no weight."""
    stages: list[dict[str, Any]] = [{"channels": 64, "depth": 2, "S": 2}, {"channels": 128, "depth": 1, "S": 1}]
    spec: dict[str, Any] = {**SPEC, "layer": {"mixer": {"kind": "ss2d"}}, "stages": stages}
    holder = spec["layer"] if kind.role in ("mixer", "fusion", "ffn") else spec
    holder[kind.role] = {"kind": kind.name}
    torch.manual_seed(0)
    expected = snapshot(sparx_dsl.build(spec))
    register(kind, replace=True)
    found = default_registry().find(kind.role, kind.name)
    assert found is not None
    assert not found.builtin
    sparx_dsl.check(spec)
    torch.manual_seed(0)
    assert same(snapshot(sparx_dsl.build(spec)), expected)
