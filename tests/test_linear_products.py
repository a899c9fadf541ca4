"""1×1 convolutions as linear layers, and torchao's int8 on them."""

from __future__ import annotations

import copy
import warnings
from typing import Any, cast

import pytest
import torch
from torch import nn

import sparx_dsl
from sparx_dsl.inference.deploy import deploy
from sparx_dsl.inference.passes.linear_products import QUANTIZABLE, is_product
from tests.support.backbones import MIXERS, mixed, scans, small
from tests.support.compiled import images_for
from tests.support.deployed import trained


@pytest.mark.parametrize("spec", [*map(small, MIXERS), mixed(), scans()], ids=[*MIXERS, "mixed", "scans"])
@torch.no_grad()
def test_results_are_the_same(spec: dict[str, object]) -> None:
    """Every product is a linear layer of torch then, and the backbone computes what it did."""
    model = trained(sparx_dsl.build(spec))
    images = images_for(model.spec, 2)
    linear = deploy(model, QUANTIZABLE)
    torch.testing.assert_close(linear(images), model(images), atol=1e-5, rtol=1e-4)
    assert not [module for module in linear.modules() if isinstance(module, nn.Conv2d) and is_product(module)]
    before = sum(isinstance(module, nn.Conv2d) and is_product(module) for module in model.modules())
    after = sum(type(module) is nn.Linear for module in linear.modules())
    assert after == before + sum(type(module) is nn.Linear for module in model.modules())


@pytest.mark.parametrize("config", ["Int8WeightOnlyConfig", "Int8DynamicActivationInt8WeightConfig"])
@pytest.mark.parametrize("mixer", MIXERS)
@torch.no_grad()
def test_torchao_quantizes_them(mixer: str, config: str) -> None:
    """Every linear layer has a weight of 8 bits then, and results are close; without the pass it finds the head."""
    with warnings.catch_warnings(action="ignore"):
        pytest.importorskip("torchao")
        import torchao.quantization  # pyright: ignore

    tools = cast("Any", torchao.quantization)  # pyright: ignore
    weights_only = config == "Int8WeightOnlyConfig"
    made: Any = tools.Int8WeightOnlyConfig if weights_only else tools.Int8DynamicActivationInt8WeightConfig
    model = trained(sparx_dsl.build(small(mixer)))
    images = images_for(model.spec, 2)
    linear = deploy(model, QUANTIZABLE)
    quantized = copy.deepcopy(linear)
    plain = copy.deepcopy(model)
    with warnings.catch_warnings(action="ignore"):
        for each in (quantized, plain):
            tools.quantize_(each, made())
    of_eight_bits, of_plain = ([type(each.weight).__name__ for each in one.modules() if type(each) is nn.Linear
                                and type(each.weight) is not nn.Parameter] for one in (quantized, plain))  # fmt: skip
    assert len(of_eight_bits) == sum(type(module) is nn.Linear for module in linear.modules())
    assert len(of_plain) <= 1 < len(of_eight_bits)
    expected, found = model(images), quantized(images)
    assert float((found - expected).abs().max()) < 0.05 * float(expected.abs().max())
