"""What stands around a layer's kinds: drop path, the scale of the residual path, link adapters, norms."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from sparx_dsl.language.shrinking import Shrinking
from sparx_dsl.nn.layer import DropPath, Feeding, LinkAdapter
from sparx_dsl.nn.layer_scale import LayerScale
from sparx_dsl.nn.norm import make_norm
from tests.support.modules import random_map


def test_drop_path_drops_whole_samples_and_keeps_the_mean() -> None:
    """At rate 0.3 about 3 samples in 10 are zero and the others scaled up; in evaluation nothing happens."""
    torch.manual_seed(0)
    x, drop = torch.ones(20_000, 2, 1, 1), DropPath(0.3)
    result = drop(x)
    assert torch.equal(result[:, 0], result[:, 1])
    assert torch.allclose(result.unique(), torch.tensor([0, 1 / 0.7]))
    assert abs((result[:, 0] == 0).float().mean() - 0.3) < 0.015
    assert drop.eval()(x) is x
    assert DropPath(0.0)(x) is x


@pytest.mark.parametrize("rate", [-0.1, 1.0])
def test_drop_path_refuses_rates_that_leave_nothing(rate: float) -> None:
    """A rate outside [0, 1) is an error."""
    with pytest.raises(ValueError, match=r"\[0, 1\)"):
        DropPath(rate)


def test_the_scale_stands_on_the_residual_path() -> None:
    """With a scale s the result is s(x) + branch, not x + s(branch)."""
    scale = LayerScale(3, 1.0).double()
    with torch.no_grad():
        scale.weight.copy_(torch.tensor([2.0, 3.0, 4.0]))
        scale.bias.copy_(torch.tensor([1.0, 0.0, -1.0]))
    part = Feeding(nn.Identity(), nn.Hardtanh(), scale, DropPath(), None)
    x = random_map(3, 2, 2)
    expected = x * scale.weight[:, None, None] + scale.bias[:, None, None] + x.clamp(-1, 1)
    torch.testing.assert_close(part(x), expected)


@settings(max_examples=30, deadline=None)
@given(height=st.integers(1, 12), width=st.integers(1, 12), ratio=st.integers(1, 5))
def test_link_adapters_average_real_positions(height: int, width: int, ratio: int) -> None:
    """Sizes are rounded up, and a pool that reaches past the edge averages what is there."""
    x = random_map(3, height, width)
    result = LinkAdapter(3, 3, (Shrinking(ratio),))(x)
    assert result.shape[2:] == (math.ceil(height / ratio), math.ceil(width / ratio))
    row, column = (side - 1 for side in result.shape[2:])
    torch.testing.assert_close(result[:, :, row, column], x[:, :, row * ratio :, column * ratio :].mean((2, 3)))
    assert LinkAdapter(3, 5, (Shrinking(ratio),)).double()(x).shape[1] == 5


def test_norms_share_their_epsilon() -> None:
    """eps is 1e-5 in all three norms."""
    assert {make_norm(name, 4).eps for name in ("group", "layer", "batch", "rms")} == {1e-5}
