"""The compiled scan reads maps where they lie: whatever their strides, results are the same bit for bit."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from sparx_dsl.ops.arguments import ScanInputs
from sparx_dsl.ops.cpu import kernels, library

pytestmark = pytest.mark.skipif(library.problem() is not None, reason="the compiled library is not there")

SIZES = [(1, 1, 1, 1), (2, 1, 5, 9), (1, 2, 16, 64), (2, 2, 17, 65), (1, 1, 200, 150)]
"""Batch, groups, channels of a group, length: below, at and above whole vectors, pieces, and blocks side by side."""


def channels_first(map_: Tensor) -> Tensor:
    return map_.contiguous()


def half_of_more(map_: Tensor) -> Tensor:
    """As Mamba's code has it: half of the channels of a projection."""
    return torch.cat([map_, map_ + 1], dim=1).chunk(2, dim=1)[0]


def half_of_more_last(map_: Tensor) -> Tensor:
    return torch.cat([map_, map_ + 1], dim=1).transpose(1, 2).contiguous().transpose(1, 2)[:, : map_.shape[1]]


def every_second(map_: Tensor) -> Tensor:
    """Neither channels nor positions are neighbours in memory."""
    return map_.repeat_interleave(2, dim=1).repeat_interleave(2, dim=2)[:, ::2, ::2]


def channels_last(map_: Tensor) -> Tensor:
    return map_.transpose(1, 2).contiguous().transpose(1, 2)


LAYOUTS = [channels_first, half_of_more, half_of_more_last, every_second]


def scan_inputs(batch: int, groups: int, share: int, length: int, dtype: torch.dtype) -> ScanInputs:
    generator = torch.Generator().manual_seed(length)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator).to(dtype)

    channels, states = groups * share, 2
    rates = -torch.rand(channels, states, generator=generator)
    lines = normal(batch, groups, states, length), normal(batch, groups, states, length)
    u, delta = channels_last(normal(batch, channels, length)), channels_last(normal(batch, channels, length))
    return ScanInputs(u, delta, rates, *lines, torch.ones(channels), None)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("sizes", SIZES)
def test_a_scan_does_not_depend_on_strides(
    sizes: tuple[int, int, int, int], layout: Callable[[Tensor], Tensor], dtype: torch.dtype
) -> None:
    inputs = scan_inputs(*sizes, dtype)
    other = inputs._replace(u=layout(inputs.u), delta=layout(inputs.delta))
    gradient = channels_last(torch.ones_like(inputs.u).cumsum(2))
    assert torch.equal(other.u, inputs.u)
    assert torch.equal(kernels.scan(other), kernels.scan(inputs))
    expected = kernels.scan_backward(gradient, inputs)
    for found, wanted in zip(kernels.scan_backward(layout(gradient), other), expected, strict=True):
        assert (found is None) == (wanted is None)
        assert found is None or wanted is None or torch.equal(found, wanted)


def test_gradients_that_are_the_same_everywhere_are_read_where_they_lie() -> None:
    inputs = scan_inputs(2, 1, 20, 30, torch.float32)
    one = torch.ones(())
    expected = kernels.scan_backward(torch.ones_like(inputs.u), inputs)
    found = kernels.scan_backward(one.expand(inputs.u.shape), inputs)
    assert torch.equal(found[0], expected[0])
    assert torch.equal(found[1], expected[1])
