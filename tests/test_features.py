"""What ``features`` can ask for: stages by number and by name, layers, the stem, and the head's result beside maps."""

from __future__ import annotations

from collections import UserList
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

import sparx_dsl
from sparx_dsl import Spec
from sparx_dsl.weights import load_model
from tests.support.backbones import mixed
from tests.support.compiled import images_for, map_of, naive
from tests.support.deployed import trained
from tests.support.strategies import specs


def node_names(spec: Spec) -> list[str]:
    """Every node that can be asked for, in the order in which they run."""
    names = [node.name for node in sparx_dsl.connect(spec).nodes]
    return [name for name in names if not name.endswith("downsample")]


def spellings(spec: Spec, name: str) -> list[int | str]:
    """All the ways to ask for a node."""
    last = {f"{stage.name}.layer{len(stage.layers)}": stage for stage in spec.resolved}
    if name not in last:
        return [name]
    stage = last[name]
    return [name, stage.name, stage.position, stage.position - 1 - len(spec.stages)]


def watched(model: nn.Module, names: list[str], images: Tensor) -> list[Tensor]:
    """The maps of these nodes, as hooks on them see them in a run of the whole."""
    seen: dict[str, Tensor] = {}

    def hook(name: str) -> Any:
        return lambda module, inputs, output: seen.update({name: map_of(output).clone()})  # pyright: ignore

    handles = [model.get_submodule(name).register_forward_hook(hook(name)) for name in names]
    model(images)
    for handle in handles:
        handle.remove()
    return [seen[name] for name in names]


@settings(max_examples=20, deadline=None)
@given(spec=specs(most_stages=3, deepest=3), data=st.data())
@torch.no_grad()
def test_features_are_what_the_whole_backbone_computes(spec: Spec, data: st.DataObject) -> None:
    """In any order, by any of their names, each map is the one that the node gives in the whole backbone."""
    names = data.draw(st.lists(st.sampled_from(node_names(spec)), min_size=1, unique=True))
    asked = [data.draw(st.sampled_from(spellings(spec, name))) for name in names]
    whole = sparx_dsl.build(spec).eval()
    model = sparx_dsl.build(spec, features=asked).eval()
    state = whole.state_dict()
    model.load_state_dict({name: state[name] for name in model.state_dict()})
    images = images_for(spec, 2)
    found = model(images)
    assert all(map(torch.equal, found, watched(whole, names, images)))
    assert all(map(torch.equal, found, naive(model, images)))
    info = model.feature_info
    maps = [each for name, each in zip(names, found, strict=True) if name != "head"]
    assert info.channels() == [each.shape[1] for each in maps]
    assert info.module_name() == [name for name in names if name != "head"]


@settings(max_examples=10, deadline=None)
@given(spec=specs(most_stages=2, deepest=3), data=st.data())
def test_nothing_runs_after_the_last_that_is_wanted(spec: Spec, data: st.DataObject) -> None:
    """The steps end with the node that gives the last map, and only its parameters are there."""
    name = data.draw(st.sampled_from(node_names(spec)))
    model = sparx_dsl.build(spec, features=(name,), device="meta")
    order = [node.name for node in sparx_dsl.connect(spec).nodes]
    later = order[order.index(name) + 1 :]
    assert not [path for path in model.state_dict() if path.startswith(tuple(f"{each}." for each in later))]
    price = sparx_dsl.cost(spec, features=(name,))
    assert price.params == sum(parameter.numel() for parameter in model.parameters())


def test_every_sequence_and_integer_is_one() -> None:
    """Lists, tuples, ranges, sequences of other libraries and arrays; integers of numpy. What has no order is none."""
    wanted = sparx_dsl.plan(mixed(), features=(1, 2))
    given: Any
    for given in ([1, 2], range(1, 3), UserList([1, 2]), (np.int64(1), np.uint8(2)), (-3, -2), ["stage1", 2]):
        assert sparx_dsl.plan(mixed(), features=given) == wanted
    for given in (
        np.array([1, 2]),
        np.array(["stage1", "stage2"]),
        torch.tensor([1, 2]),
        [torch.tensor(1), np.array(2)],
    ):
        assert sparx_dsl.plan(mixed(), features=given) == wanted
    for given in (
        {1, 2},
        {1: 2},
        "stage1",
        b"12",
        np.array(1),
        np.array([[1, 2]]),
        np.array([1.0, 2.0]),
        1,
        torch.tensor(1),
        torch.tensor([1.0]),
        [torch.tensor(True)],
        [torch.tensor([1, 2])],
        [np.True_],
    ):
        with pytest.raises(sparx_dsl.SparxError, match="SPX322"):
            sparx_dsl.plan(mixed(), features=given)
    given = {"size": (np.int64(64), 64), "batch": np.int32(2)}
    assert sparx_dsl.plan(mixed(), **given) == sparx_dsl.plan(mixed(), (64, 64), 2)


ASKED = ("head", "stage2.layer1", "stem", -1)


@torch.no_grad()
def test_a_deployed_backbone_gives_the_same_maps() -> None:
    """What is asked for is not written over by later layers."""
    model = trained(sparx_dsl.build(mixed(), features=ASKED))
    images = images_for(model.spec, 2)
    for expected, found in zip(model(images), sparx_dsl.deploy(model)(images), strict=True):
        torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_logits_beside_maps_in_training() -> None:
    """Gradients of both reach the stem; a budget for the backward pass leaves them as they are."""
    model = sparx_dsl.build(mixed(), features=ASKED)
    images = images_for(model.spec, 2)

    def gradients(run: nn.Module) -> list[Tensor]:
        torch.manual_seed(3)
        loss: Tensor = sum((each.square().mean() for each in run(images)), torch.zeros(()))
        return list(torch.autograd.grad(loss, list(run.parameters())))

    from sparx_dsl.lowering.budget import activation_bytes

    least, _ = activation_bytes(model, batch=2)
    thrifty = sparx_dsl.recompute(model, least, batch=2)
    assert all(map(torch.equal, gradients(thrifty), gradients(model)))


def test_names_of_features_are_in_the_file(tmp_path: Path) -> None:
    """A model for features comes back as one, also by names, and can be asked for others."""
    model = sparx_dsl.build(mixed(), features=ASKED).eval()
    sparx_dsl.save_checkpoint(model, tmp_path / "maps.safetensors")
    loaded = load_model(tmp_path / "maps.safetensors").eval()
    images = images_for(model.spec)
    assert loaded.schedule == model.schedule
    assert all(map(torch.equal, loaded(images), model(images)))
    other = load_model(tmp_path / "maps.safetensors", features=["stage1", "head"]).eval()
    assert torch.equal(other(images)[1], model(images)[0])


def test_a_stage_gives_the_maps_of_layers_that_are_asked_for() -> None:
    """As a call by hand; a name that is none of its layers is a ``TypeError``."""
    model = sparx_dsl.build(mixed()).eval()
    stage, x = model.get_submodule("stage2"), torch.randn(1, model.feature_info.channels(0), 8, 8)
    last, first = stage(x, layers=("layer1",))
    assert torch.equal(last, stage(x))
    entry = stage.get_submodule("downsample")(x)
    assert torch.equal(first, stage.get_submodule("layer1")(entry, entry))
    with pytest.raises(TypeError, match="layer9"):
        stage(x, layers=("layer9",))
