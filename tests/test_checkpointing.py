"""Training within a budget of bytes: the same gradients, the budget kept, the cheapest choice, clear refusals."""

from __future__ import annotations

import copy
import pickle
from typing import cast

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

import sparx_dsl
from sparx_dsl.lowering import Backbone
from sparx_dsl.lowering.budget import activation_bytes
from tests.support.backbones import mixed
from tests.support.strategies import examples, specs
from tests.support.training_steps import images_of, loss_of, saved_bytes, step

torch_warns = pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")


@st.composite
def backbones(draw: st.DrawFn) -> Backbone:
    """A backbone of a small generated spec, for logits or for some stages' maps."""
    spec = draw(specs(most_stages=3, deepest=3))
    stages = range(1, len(spec.stages) + 1)
    features = draw(st.none() | st.sets(st.sampled_from(stages), min_size=1).map(lambda few: tuple(sorted(few))))
    torch.manual_seed(0)
    return sparx_dsl.build(spec, features=features)


@settings(max_examples=examples(0.2), deadline=None)
@given(model=backbones(), share=st.floats(0, 1))
def test_a_step_of_training_is_the_same_bit_for_bit(model: Backbone, share: float) -> None:
    """Loss, gradients, drawn numbers and running statistics are those of the plain backbone, whatever the budget."""
    least, whole = activation_bytes(model, 2)
    images = images_of(model, 2)
    twin = copy.deepcopy(model)
    expected = step(model, images)
    found = step(sparx_dsl.recompute(twin, least + int(share * (whole - least)), 2), images)
    assert found.keys() == expected.keys()
    assert [name for name, value in found.items() if not torch.equal(value, expected[name])] == []


READ_OFTEN = """
sparx: 1
name: read_often
input: {size: 32}
stem: {kind: patch}
layer: {dpe: true, mixer: {kind: ss2d, state: 1}}
stages: [{channels: 12, depth: 4, S: 1, intra: all, cross_stage: first}]
head: {kind: linear, classes: 10}
"""


@pytest.mark.parametrize(
    "spec", [READ_OFTEN, READ_OFTEN.replace("dpe: true", "dpe: true, norm: batch"), "sparx_mamba_t"]
)
def test_gradients_are_added_in_the_same_order(spec: str) -> None:
    """Features that several layers read, gathered again: sums of three gradients depend on which two come first."""
    model = sparx_dsl.build(spec)
    images = torch.randn(1, 3, 64, 64)
    twin = sparx_dsl.recompute(copy.deepcopy(model), activation_bytes(model, 1)[0], 1)
    assert any(path.endswith("gather") for path in twin.recomputed)
    expected, found = step(model, images), step(twin, images)
    assert [name for name, value in found.items() if not torch.equal(value, expected[name])] == []


@pytest.mark.parametrize("trains", [True, False])
def test_the_mode_may_change_between_the_passes(trains: bool) -> None:
    """What backward runs again trains, or evaluates, as the forward pass did; then the model is as it was set."""
    model = sparx_dsl.build(READ_OFTEN.replace("dpe: true", "dpe: true, norm: batch") + "drop_path: 0.5\n")
    images = torch.randn(2, 3, 32, 32)
    found: list[list[Tensor]] = []
    for each in (model, sparx_dsl.recompute(copy.deepcopy(model), activation_bytes(model, 2)[0], 2)):
        loss = loss_of(each.train(trains), images)
        each.train(not trains)
        found.append(list(torch.autograd.grad(loss, list(each.parameters()))))
        assert {module.training for module in each.modules()} == {not trains}
    assert all(map(torch.equal, *found))


# What the loss itself saves: the results, and a few numbers.
LOSS_BYTES = 64


@settings(max_examples=examples(0.2), deadline=None)
@given(model=backbones(), share=st.floats(0, 1))
def test_the_budget_is_kept(model: Backbone, share: float) -> None:
    """What autograd holds after the forward pass stays within the budget, but for what the loss itself saves."""
    keep_to_the_budget(model, share)


PADDED = """
sparx: 1
name: padded
input: {size: [32, 24]}
stem: {kind: patch}
layer: {mixer: {kind: window_attention, heads: 1}}
stages: [{channels: 8, depth: 2}]
head: {kind: linear, classes: 10}
"""


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_the_budget_is_kept_in_padded_windows(share: float) -> None:
    """Attention with one head in windows that hang over the map, of which a CPU saves more than the device ``meta``."""
    model = sparx_dsl.build(PADDED)
    assert activation_bytes(model, 2)[1] == 303_092
    keep_to_the_budget(model, share)


def keep_to_the_budget(model: Backbone, share: float) -> None:
    """Train with a budget that lies that far between the least and the whole, and look at what is held."""
    least, whole = activation_bytes(model, 2)
    budget = least + int(share * (whole - least))
    images = images_of(model, 2)
    results = model(images)
    own = sum(each.nbytes for each in ([results] if isinstance(results, Tensor) else results))
    assert saved_bytes(sparx_dsl.recompute(model, budget, 2), images) <= budget + own + LOSS_BYTES


def test_the_whole_is_what_training_saves() -> None:
    """Without recomputing, the counted bytes are what training saves, and buffers that are only read: few."""
    model = sparx_dsl.build(mixed())
    counted = activation_bytes(model, 4)[1]
    assert 0.95 * counted < saved_bytes(model, images_of(model, 4)) <= counted


def tightest(model: Backbone) -> Backbone:
    """A copy of the model that recomputes every part that it can."""
    return sparx_dsl.recompute(copy.deepcopy(model), activation_bytes(model, 2)[0], 2)


def test_a_graph_can_be_walked_twice() -> None:
    """A kept graph, and a derivative of a derivative, compute again as often as backward comes by."""
    plain = sparx_dsl.build(mixed(), dtype=torch.float64)
    found: list[list[Tensor]] = []
    for model in (plain, tightest(plain)):
        loss = loss_of(model, images_of(model, 2).double())
        loss.backward(retain_graph=True)
        loss.backward()
        images = images_of(model, 2).double().requires_grad_()
        (slope,) = torch.autograd.grad(loss_of(model, images), images, create_graph=True)
        slope.square().sum().backward()
        found.append([parameter.grad for parameter in model.parameters() if parameter.grad is not None])
        found[-1] += [buffer.clone() for buffer in model.buffers()]
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("momentum", [0.1, None])
def test_running_statistics_of_other_norms_move_once(momentum: float | None) -> None:
    """Norms that were exchanged for those of distributed training, or that average over all, are counted once too."""
    plain = cast("Backbone", nn.SyncBatchNorm.convert_sync_batchnorm(sparx_dsl.build(mixed())))
    for norm in plain.modules():
        if isinstance(norm, nn.SyncBatchNorm):
            norm.momentum = momentum
    tight, images = tightest(plain), images_of(plain, 2)
    assert any("running_mean" in name for name, _ in plain.named_buffers())
    expected, found = step(plain, images), step(tight, images)
    assert [name for name, value in found.items() if not torch.equal(value, expected[name])] == []


def test_names_and_parameters_stay() -> None:
    """The backbone within a budget has the same parameters, under the same names, and every step in its place."""
    model = sparx_dsl.build(mixed())
    least, _ = activation_bytes(model, 2)
    tight = sparx_dsl.recompute(model, least, 2)
    assert list(tight.state_dict()) == list(model.state_dict())
    assert all(a is b for a, b in zip(tight.parameters(), model.parameters(), strict=True))
    assert tight.recomputed
    assert not model.recomputed
    assert sparx_dsl.recompute(tight, "1GiB", 2).recomputed == frozenset()


def test_copies_recompute_too() -> None:
    """A deep copy and a pickle keep the choice and the gradients."""
    model = sparx_dsl.build(mixed(), activation_budget=activation_bytes(sparx_dsl.build(mixed()), 2)[0], batch=2)
    images = images_of(model, 2)
    twins = [copy.deepcopy(model), pickle.loads(pickle.dumps(model))]  # noqa: S301
    expected = step(model, images)
    for twin in twins:
        assert twin.recomputed == model.recomputed != frozenset()
        assert all(torch.equal(value, expected[name]) for name, value in step(twin, images).items())


@torch_warns
def test_compilers_take_it_whole() -> None:
    """``torch.compile`` makes one graph of a backbone that recomputes, with the same gradients up to rounding."""
    plain = sparx_dsl.build(mixed())
    tight = sparx_dsl.recompute(copy.deepcopy(plain), activation_bytes(plain, 2)[0], 2)
    images = images_of(plain, 2)
    compiled = cast("Backbone", torch.compile(tight, backend="aot_eager", fullgraph=True))
    expected, found = step(plain, images), step(compiled, images)
    assert [value.shape for value in found.values()] == [value.shape for value in expected.values()]
    for a, b in zip(found.values(), expected.values(), strict=True):
        assert torch.allclose(a, b, rtol=1e-3, atol=1e-4)
