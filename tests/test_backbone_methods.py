"""What a backbone says of itself to optimizers, sharding and fine-tuning, and the maps that it gives on request."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.distributed.algorithms._checkpoint import checkpoint_wrapper

import sparx_dsl
from sparx_dsl import Backbone, SparxError, Spec
from sparx_dsl.lowering import with_outputs
from sparx_dsl.nn.layer import DropPath
from tests.support.backbones import mixed, tiny
from tests.support.diagnostics import codes
from tests.support.hooks import noting
from tests.support.strategies import specs

SPECS = {"mixed": mixed(), "tiny": tiny()}


@pytest.fixture(params=SPECS)
def model(request: pytest.FixtureRequest) -> Backbone:
    """A backbone with links between its stages, in evaluation."""
    torch.manual_seed(0)
    return sparx_dsl.build(SPECS[request.param]).eval()


def drop_rates(model: nn.Module) -> dict[str, float]:
    """The rate of each part that has stochastic depth, by its path."""
    anything: Any = model
    modules: dict[str, nn.Module] = dict(anything.named_modules())
    return {path: module.rate for path, module in modules.items() if isinstance(module, DropPath)}


def images_of(model: Backbone) -> Tensor:
    """Two images of the spec's size."""
    return torch.randn(2, model.spec.input.channels, *model.spec.input.size)


@settings(max_examples=25, deadline=None)
@given(specs(), st.booleans())
def test_every_parameter_is_in_one_group(spec: Spec, coarse: bool) -> None:
    """One pattern matches each name, and the patterns stand in the order of depth that rates have."""
    model = sparx_dsl.build(spec, device="meta")
    patterns = list(model.group_matcher(coarse).values())
    group = {name: [place for place, pattern in enumerate(patterns) if re.match(pattern, name)]
             for name, _ in model.named_parameters()}  # fmt: skip
    assert {len(places) for places in group.values()} == {1}
    names = [name for each in sparx_dsl.param_groups(model, 0, 0.5) for name in each["param_names"]]
    places = [group[name][0] for name in names]
    assert places == sorted(places)
    if not coarse:
        scales = {name: each["lr_scale"] for each in sparx_dsl.param_groups(model, 0, 0.5)
                  for name in each["param_names"]}  # fmt: skip
        assert len({(scales[name], group[name][0]) for name in names}) == len(set(scales.values()))


def test_what_takes_no_decay_is_what_groups_say(model: Backbone) -> None:
    """The names of the groups without weight decay."""
    groups = sparx_dsl.param_groups(model, 0.1)
    free = {name for group in groups if group["weight_decay"] == 0 for name in group["param_names"]}
    assert model.no_weight_decay() == free
    assert any(name.endswith(".bias") for name in free)


@settings(max_examples=25, deadline=None)
@given(specs(), st.floats(0, 0.99))
def test_drop_path_is_that_of_a_new_backbone(spec: Spec, rate: float) -> None:
    """Its rates, and its spec, are those of the backbone that is built from the spec with that rate."""
    model = sparx_dsl.build(spec, device="meta")
    model.set_drop_path(rate)
    other = sparx_dsl.build(spec.edit({"drop_path": rate}), device="meta")
    assert drop_rates(model) == drop_rates(other)
    assert model.schedule == other.schedule


def test_drop_path_acts_and_is_kept(model: Backbone) -> None:
    """Training draws what to drop; evaluation, weights and the rest of the spec are as before."""
    images = images_of(model)
    before, weights = model(images), copy.deepcopy(model.state_dict())
    anything: Any = checkpoint_wrapper.apply_activation_checkpointing  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    wrapped = copy.deepcopy(model)
    anything(wrapped, check_fn=is_layer)
    for each in (model, wrapped):
        each.set_drop_path(0.9)
        assert max(drop_rates(each).values()) == 0.9
        assert torch.equal(each(images), before)
        torch.manual_seed(0)
        first = each.train()(images)
        assert not torch.equal(first, each(images))
        each.eval()
    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items() if "running" not in name
               and "num_batches" not in name)  # fmt: skip


def is_layer(module: nn.Module) -> bool:
    """What is wrapped."""
    return isinstance(module, sparx_dsl.Layer)


@pytest.mark.parametrize("rate", [-0.1, 1.0, float("nan"), "0.1", True, None], ids=str)
def test_a_rate_out_of_range_is_refused(rate: Any) -> None:
    """As in a spec, and nothing is changed; a deployed backbone has no rate."""
    model = sparx_dsl.build(tiny(drop_path=0.5), device="meta")
    before = drop_rates(model)
    with pytest.raises(SparxError):
        model.set_drop_path(rate)
    assert (drop_rates(model), model.spec.drop_path) == (before, 0.5)


def test_a_deployed_backbone_has_no_drop_path() -> None:
    """It is for inference."""
    with pytest.raises(SparxError) as caught:
        sparx_dsl.build(tiny(), deploy=True).set_drop_path(0.1)
    assert codes(caught) == ["SPX323"]


def test_units_to_shard_are_the_layers(model: Backbone) -> None:
    """Every layer once, and the adapters of links before them, which run outside of the layers that own them."""
    units = model.shard_units()
    layers = [unit for unit in units if isinstance(unit, sparx_dsl.Layer)]
    adapters = units[: len(units) - len(layers)]
    assert {id(layer) for layer in layers} == {id(each) for each in model.modules() if is_layer(each)}
    assert len(layers) == sum(stage.depth for stage in model.spec.stages)
    assert adapters
    assert all(isinstance(each, sparx_dsl.LinkAdapter) for each in adapters)
    assert len({id(unit) for unit in units}) == len(units)


@settings(max_examples=15, deadline=None)
@given(specs(deepest=3), st.data())
def test_maps_are_those_of_a_backbone_built_for_them(spec: Spec, data: st.DataObject) -> None:
    """Of any stages, with the same weights, from a classifier; and by a view of it that gives these maps."""
    stages = data.draw(st.sets(st.integers(1, len(spec.stages)), min_size=1))
    model = sparx_dsl.build(spec).eval()
    wanted = tuple(sorted(stages))
    built = sparx_dsl.build(spec, features=wanted).eval()
    built.load_state_dict(model.state_dict(), strict=False)
    images = images_of(model)
    with torch.no_grad():
        expected = built(images)
        found = model.stage_maps(images, stages)
        view = with_outputs(model, wanted)
        given = view(images)
    assert sorted(found) == list(wanted)
    for stage, each, other in zip(wanted, expected, given, strict=True):
        assert torch.equal(found[stage], each)
        assert torch.equal(other, each)
    assert view.schedule == built.schedule
    assert all(parameter is model.get_parameter(name) for name, parameter in view.named_parameters())


def test_nothing_runs_after_the_last_map(model: Backbone) -> None:
    """Neither later stages nor the head."""
    ran: list[str] = []
    for name, child in model.named_children():
        child.register_forward_hook(noting(ran, name))
    model.stage_maps(images_of(model), (2,))
    assert ran == ["stem", "stage1", "stage2"]


@pytest.mark.parametrize("stages", [(), (0,), (1, 4), (-1,)], ids=str)
def test_maps_of_other_stages_are_refused(stages: tuple[int, ...]) -> None:
    """With the numbers of those that are there; also of stages that the backbone was built without."""
    model = sparx_dsl.build(tiny(), device="meta")
    with pytest.raises(SparxError, match="name stages from 1 to 3") as caught:
        model.stage_maps(torch.empty(1, 3, 32, 32, device="meta"), stages)
    assert codes(caught) == ["SPX322"]
    short = sparx_dsl.build(tiny(), features=(1, 2), device="meta")
    with pytest.raises(SparxError) as caught:
        short.stage_maps(torch.empty(1, 3, 32, 32, device="meta"), (3,))
    assert codes(caught) == ["SPX322"]
    with pytest.raises(SparxError, match="built without") as caught:
        with_outputs(short, None)
    assert codes(caught) == ["SPX322"]
