"""Weights of deployed backbones: exchanged, written to, lent, and come later."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn.utils import prune

import sparx_dsl
from sparx_dsl.inference.deploy import deploy
from sparx_dsl.inference.passes.fold_batch_norm import fold_before, fold_behind
from sparx_dsl.lowering import Backbone
from tests.support.backbones import mixed
from tests.support.deployed import SINGLE, images_of, results, trained, worst_error


def test_weights_can_be_exchanged() -> None:
    """The state of one deployed backbone, loaded into another, makes it give the same."""
    first, second = (deploy(trained(sparx_dsl.build(mixed()), seed)) for seed in (1, 2))
    images = images_of(first, 2)
    assert worst_error(results(second, images), results(first, images)) > 0.01
    second.load_state_dict(first.state_dict())
    assert worst_error(results(second, images), results(first, images)) == 0


@pytest.mark.parametrize("assign", [False, True])
def test_weights_can_come_later(assign: bool) -> None:
    """A backbone that was deployed without values gives the right results once it has been given weights."""
    other = deploy(trained(sparx_dsl.build(mixed())))
    deployed, images = sparx_dsl.build(mixed(), deploy=True, device="meta"), images_of(other, 2)
    if not assign:
        deployed.to_empty(device="cpu")
    deployed.load_state_dict(other.state_dict(), assign=assign)
    assert worst_error(results(deployed, images), results(other, images)) == 0


def written_to(deployed: Backbone) -> None:
    """Write to every parameter."""
    with torch.no_grad():
        for parameter in deployed.parameters():
            parameter.mul_(1.1)


def exchanged(deployed: Backbone) -> None:
    """Put another parameter in the place of each."""
    for module in deployed.modules():
        for name, parameter in list(module.named_parameters(recurse=False)):
            setattr(module, name, nn.Parameter(1.1 * parameter, requires_grad=False))


@pytest.mark.parametrize("change", [written_to, exchanged])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_weights_that_change_are_followed(change: Callable[[Backbone], None], dtype: torch.dtype) -> None:
    """What is kept of a weight for speed is of that weight as it is now, not as it was at the last call."""
    model = trained(sparx_dsl.build(mixed(), dtype=dtype))
    deployed, images = deploy(model), images_of(model, 2)
    before = results(deployed, images)
    change(deployed)
    expected = results(copy.deepcopy(deployed), images)
    assert worst_error(expected, before) > 0
    assert worst_error(results(deployed, images), expected) == 0


@pytest.mark.parametrize("name", ["weight", "bias"])
def test_weights_can_be_computed(name: str) -> None:
    """Of a deployed backbone whose weights or biases are pruned, each is what its hook makes of others in each call."""
    model = trained(sparx_dsl.build(mixed()))
    deployed, images = deploy(model), images_of(model, 2)
    expected = results(deployed, images)
    pruned = [each for each in deployed.modules() if name in dict(each.named_parameters(recurse=False))]
    for module in pruned:
        prune.identity(module, name)
    assert pruned
    assert worst_error(results(deployed, images), expected) < SINGLE


def test_weights_can_be_lent() -> None:
    """``functional_call`` computes with the weights that it is given, and gives the own ones back."""
    model = trained(sparx_dsl.build(mixed()))
    deployed, images = deploy(model), images_of(model, 2)
    before = results(deployed, images)
    other = deploy(trained(sparx_dsl.build(mixed()), seed=3))
    with torch.no_grad():
        lent = torch.func.functional_call(deployed, {**other.state_dict()}, (images,))
    assert worst_error([lent], results(other, images)) == 0
    assert worst_error(results(deployed, images), before) == 0


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("bias", [False, True])
def test_a_folded_norm_is_rounded_once(dtype: torch.dtype, bias: bool) -> None:
    """Weights with a BatchNorm in them are those of float64, rounded to the dtype at the end and never before."""
    torch.manual_seed(0)
    norm = nn.BatchNorm2d(8).eval()
    assert norm.running_mean is not None
    assert norm.running_var is not None
    with torch.no_grad():
        for values in (norm.weight, norm.bias, norm.running_mean, norm.running_var):
            values.uniform_(0.5, 2)
    behind, before = nn.Conv2d(3, 8, 3, bias=bias).to(dtype).eval(), nn.Conv2d(8, 5, 1, bias=bias).to(dtype)
    norm.to(dtype)
    mean, variance, gain, offset = (
        each.detach().double() for each in (norm.running_mean, norm.running_var, norm.weight, norm.bias)
    )
    scale = gain / (variance + norm.eps).sqrt()
    folded = fold_behind(behind, norm)
    own = 0 if behind.bias is None else behind.bias.detach().double()
    assert folded.bias is not None
    assert torch.equal(folded.weight, (behind.weight.double() * scale[:, None, None, None]).to(dtype))
    assert torch.equal(folded.bias, ((own - mean) * scale + offset).to(dtype))
    own = 0 if before.bias is None else before.bias.detach().double()
    wide = before.weight.detach().double()[:, :, 0, 0]
    fold_before(norm, before)
    assert before.bias is not None
    assert torch.equal(before.weight[:, :, 0, 0], (wide * scale).to(dtype))
    assert torch.equal(before.bias, (own + wide @ (offset - mean * scale)).to(dtype))
