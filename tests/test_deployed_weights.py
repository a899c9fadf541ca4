"""Weights of deployed backbones: exchanged, written to, lent, and come later."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import nn

import sparx_dsl
from sparx_dsl.inference.deploy import deploy
from sparx_dsl.lowering import Backbone
from tests.support.backbones import mixed
from tests.support.deployed import images_of, results, trained, worst_error


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
