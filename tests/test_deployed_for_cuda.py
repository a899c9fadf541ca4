"""What deployment makes for CUDA, run on the CPU, where its operators are plain PyTorch."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from torch import nn

import sparx_dsl
from sparx_dsl.inference.deploy import CUDA, INFERENCE, deploy, passes_for
from sparx_dsl.inference.map_modules import MapDepthwise, MapLayerNorm, MapNorm, PaddedProduct
from sparx_dsl.inference.passes.base import modules_of
from sparx_dsl.inference.passes.map_kernels import MapKernels, PadProducts
from sparx_dsl.lowering import Backbone
from sparx_dsl.nn.norm import ChannelNorm
from tests.support.backbones import small
from tests.support.deployed import DOUBLE, SINGLE, images_of, results, trained, worst_error
from tests.support.strategies import examples, specs

ODD = small(
    "ss2d",
    stages=[
        {"channels": 12, "depth": 2, "S": 1, "layer": {"norm": "group"}},
        {"channels": 20, "depth": 2, "S": 1, "layer": {"norm": "layer"}},
    ],
    layer={"mixer": {"kind": "ss2d"}, "fusion": {"kind": "dmca", "groups": 1}, "ffn": {"kind": "conv"}},
)
"""A backbone with two norms whose channels are no multiple of eight."""


def odd() -> Backbone:
    """A backbone of ``ODD`` with weights of no initial value."""
    torch.manual_seed(0)
    return trained(sparx_dsl.build(ODD))


@settings(max_examples=examples(0.04), deadline=None)
@given(spec=specs(most_stages=2, deepest=2))
def test_results_are_those_of_the_plain_backbone(spec: sparx_dsl.Spec) -> None:
    """In double precision nothing but rounding tells the two apart, and a second deployment changes nothing."""
    torch.manual_seed(0)
    model = trained(sparx_dsl.build(spec, dtype=torch.float64))
    images, deployed = images_of(model, 2), deploy(model, CUDA)
    assert worst_error(results(deployed, images), results(model, images)) < DOUBLE
    assert worst_error(results(deploy(deployed, CUDA), images), results(model, images)) < DOUBLE


@pytest.mark.parametrize("single", [MapKernels(), PadProducts()], ids=lambda each: each.name)
def test_each_pass_keeps_the_results(single: MapKernels | PadProducts) -> None:
    """Channels of any number, behind the passes that all devices share."""
    model = odd()
    images, deployed = images_of(model, 2), deploy(model, (*INFERENCE[:-2], single))
    assert worst_error(results(deployed, images), results(model, images)) < SINGLE


def test_passes_are_chosen_by_device() -> None:
    """The kernels and tiles of the CPU are left out for CUDA, wherever one parameter is there."""
    assert passes_for({"cuda"}) == passes_for({"cpu", "cuda"}) == CUDA
    assert passes_for({"cpu"}) == passes_for({"meta"}) == passes_for(()) == INFERENCE
    names = [each.name for each in CUDA]
    assert "tile the batch" not in names
    assert "compiled kernels" not in names


def test_all_norms_and_depthwise_convolutions_are_operators() -> None:
    """None is left to PyTorch, and channels of products are multiples of eight."""
    deployed = deploy(odd(), CUDA)
    norms = [type(each) for _, each in modules_of(deployed, nn.Module) if isinstance(each, nn.GroupNorm | ChannelNorm)]
    assert set(norms) == {MapNorm, MapLayerNorm}
    depthwise = [each for _, each in modules_of(deployed, nn.Conv2d) if each.groups == each.in_channels > 1]
    assert depthwise
    assert all(isinstance(each, MapDepthwise) for each in depthwise)
    padded = [each for _, each in modules_of(deployed, PaddedProduct)]
    assert padded
    assert all(side % 8 == 0 for each in padded for side in each.weight.shape[:2])


def test_it_compiles_whole() -> None:
    """The operators stay operators in the compiler's graph, for images of any size."""
    model = odd()
    deployed = deploy(model, CUDA)
    compiled = torch.compile(deployed, fullgraph=True, backend="aot_eager")
    images = images_of(model, 1)
    assert worst_error(results(compiled, images), results(deployed, images)) < SINGLE


def test_gradients_of_images_go_through() -> None:
    """A deployed backbone gives the gradient of its images."""
    model = odd()
    deployed, images = deploy(model, CUDA), images_of(model, 1)
    found, expected = (
        torch.autograd.grad(each(given := images.clone().requires_grad_()).sum(), given)[0]
        for each in (deployed, model)
    )
    assert worst_error([found], [expected]) < 10 * SINGLE


def test_autocast_and_other_dtypes() -> None:
    """In bfloat16, or under autocast to it, results agree as far as that dtype goes."""
    model = odd()
    images = images_of(model, 2)
    expected = results(model, images)
    with torch.autocast("cpu", torch.bfloat16):
        assert worst_error(results(deploy(model, CUDA), images), expected) < 0.05
    low = deploy(model, CUDA).bfloat16()
    assert worst_error(results(low, images.bfloat16()), expected) < 0.05


def test_transforms_see_plain_modules() -> None:
    """PyTorch transforms no operator with a derivative of its own, so its functions get modules without any."""
    deployed, x = deploy(odd(), CUDA), torch.randn(3, 2, 24, 6, 6)
    modules = [each for _, each in modules_of(deployed, nn.Module) if type(each) in (MapDepthwise, MapNorm)]
    fitting = [each for each in modules if each.get_parameter("weight").shape[0] == 24]
    assert {type(each) for each in fitting} == {MapDepthwise, MapNorm}
    for module in fitting:
        assert worst_error([torch.func.vmap(module)(x)], [torch.stack([module(each) for each in x])]) < SINGLE
