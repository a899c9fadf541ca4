"""Convolutions over patches in bfloat16, a few patches wide: what float64 gives, where oneDNN misreads maps."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from sparx_dsl.inference.passes.channels_last import channels_last
from sparx_dsl.nn.convolution import convolution
from sparx_dsl.nn.patches import padded_to_patches
from sparx_dsl.ops import convolution_operators

ROUNDINGS = 2.0**-7
"""Two of bfloat16, of the largest value."""
PATCHES = ((16, 4, 0, 4), (24, 4, 0, 7), (8, 8, 0, 8), (12, 7, 3, 14), (40, 7, 3, 14), (16, 4, 0, 8), (8, 2, 0, 2))
"""Channels, the side of a patch, padding, and the width of a map."""


def case(channels: int, side: int, padding: int, width: int) -> tuple[nn.Conv2d, Tensor, Tensor]:
    """A convolution in bfloat16, a channels-last map (2, channels, 2·side, width), and the result in float64."""
    torch.manual_seed(0)
    conv = convolution(channels, 16, side, stride=side, padding=padding).to(torch.bfloat16).requires_grad_(False)
    x = torch.randn(2, channels, 2 * side, width).to(torch.bfloat16).contiguous(memory_format=torch.channels_last)
    assert conv.bias is not None
    return conv, x, functional.conv2d(x.double(), conv.weight.double(), conv.bias.double(), side, padding)


def by_operator(conv: nn.Conv2d, x: Tensor) -> Tensor:
    """What the operator gives that compiled graphs hold, for weights in the layout of maps."""
    weight = conv.weight.contiguous(memory_format=torch.channels_last)
    side, padding = conv.stride[0], (conv.kernel_size[0] // 2 if conv.padding[0] else 0)
    return convolution_operators.convolution(x, weight, conv.bias, ([padding] * 2, [side] * 2, [1, 1], 1), "none")


def by_module(conv: nn.Conv2d, x: Tensor) -> Tensor:
    """What the convolution of deployed backbones gives."""
    return channels_last(conv)(x)


def by_plain_operators(conv: nn.Conv2d, x: Tensor) -> Tensor:
    """What that convolution gives where something looks on at operators."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return by_module(conv, x)


@pytest.mark.parametrize("computed", [by_operator, by_module, by_plain_operators])
@pytest.mark.parametrize("patches", PATCHES, ids=str)
def test_a_convolution_over_few_patches_is_that_of_float64(
    computed: Callable[[nn.Conv2d, Tensor], Tensor], patches: tuple[int, int, int, int]
) -> None:
    """Deployed, whatever looks on, in the layout of deployed backbones."""
    conv, x, exact = case(*patches)
    with torch.no_grad():
        found = computed(conv, x)
    assert (found - exact).abs().max() <= ROUNDINGS * exact.abs().max()


@pytest.mark.parametrize("patches", [each for each in PATCHES if each[2] == 0], ids=str)
@pytest.mark.parametrize("autocast", [False, True])
def test_maps_are_laid_out_for_plain_convolutions_over_patches(
    patches: tuple[int, int, int, int], autocast: bool
) -> None:
    """Whatever layout the part before has left a map in."""
    conv, x, exact = case(*patches)
    given = x.float() if autocast else x
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
        found = conv(padded_to_patches(given, patches[1], crops=True))
    assert (found - exact).abs().max() <= ROUNDINGS * exact.abs().max()
