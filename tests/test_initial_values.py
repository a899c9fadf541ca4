"""Initial values of every kind's module, and what takes no weight decay."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch.nn import functional

from sparx_dsl.kinds.mixers.bi_ssm.options import BiSSM
from sparx_dsl.kinds.mixers.ss2d.options import SS2D
from sparx_dsl.language.base import Site
from sparx_dsl.nn.convolution import pointwise
from sparx_dsl.nn.init import initialise, no_weight_decay
from sparx_dsl.nn.layer import normal_mixing
from sparx_dsl.nn.layer_scale import LayerScale
from tests.support.modules import builder


def test_initial_values_are_the_published_ones() -> None:
    """Truncated normals of 0.02, zero biases, Mamba's time steps and decays; the x projections as a linear layer's."""
    torch.manual_seed(0)
    options = SS2D(state=4)
    model: Any = normal_mixing(options, Site(64, 64), builder("mixer", options), LayerScale(64, 1.0))
    mixer = model.mixer
    assert abs(model.projection.weight.std() - 0.02) < 0.001
    assert not model.projection.bias.any()
    assert torch.equal(mixer.A_logs[5], torch.arange(1.0, 5.0).log())
    assert torch.equal(mixer.D, torch.ones(512))
    steps = functional.softplus(mixer.dt_bias)
    assert steps.min() > 0.00099
    assert 0.097 < steps.max() < 0.1001
    assert abs(steps.log().mean() - math.log(0.01)) < 0.2
    assert mixer.dt_weight.abs().max() <= 0.5 + 1e-6
    assert mixer.dt_weight.abs().max() > 0.49
    assert 0.08 < mixer.x_proj_weight.abs().max() <= 128**-0.5
    assert torch.equal(model.layer_scale.weight, torch.ones(64))


def test_a_weight_is_drawn_with_the_deviation_that_its_module_states() -> None:
    """A convolution or linear layer of this project says it; to change it and initialise again draws with another."""
    torch.manual_seed(0)
    conv = pointwise(64, 256)
    assert vars(conv)["weight_std"] == 0.02
    vars(conv)["weight_std"] = 0.1
    initialise(conv)
    assert abs(conv.weight.std() - 0.1) < 0.005


def test_the_scan_parameters_take_no_weight_decay() -> None:
    """A_logs, D and the time-step bias are named, in both scans of a bidirectional block, beside vectors."""
    options = BiSSM()
    module = normal_mixing(options, Site(16, 16), builder("mixer", options))
    names = no_weight_decay(module)
    leaves = ("A_logs", "D", "dt_bias")
    own = {f"mixer.{scan}.{leaf}" for scan in ("scan", "backward_scan") for leaf in leaves}
    assert names == own | {name for name, parameter in module.named_parameters() if parameter.ndim < 2}
