"""Kernels with packed weights give what the operators give, and leave to them all that is not a whole map."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from sparx_dsl.ops.cpu import kernels, library, maps
from sparx_dsl.ops.inference import depthwise_convolution, map_norm, ss2d_in_place
from sparx_dsl.ops.packed_maps import PackedDepthwise, PackedNorm, PackedScan
from tests.support.scans import ss2d_arguments

pytestmark = pytest.mark.skipif(library.problem() is not None, reason=str(library.problem()))

DTYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
CHANNELS = 48
Call = Callable[[Tensor], Tensor]


def of_channels(x: Tensor) -> Tensor:
    """The same map, channels-last."""
    return x.contiguous(memory_format=torch.channels_last)


def calls(*, may_overwrite: bool) -> dict[str, tuple[Call, Call]]:
    """For each kernel of one map, itself with packed weights, and the operator."""
    weight, bias = torch.randn(CHANNELS, 1, 5, 5), torch.randn(CHANNELS)
    convolve, normalise = PackedDepthwise(weight, bias), PackedNorm(bias, bias, 1e-5)
    packed = maps.packed(weight, bias)
    return {
        "depthwise": (
            lambda x: convolve(x, "gelu", may_overwrite=may_overwrite),
            lambda x: depthwise_convolution(x, *packed, "gelu", may_overwrite=may_overwrite),
        ),
        "norm": (
            lambda x: normalise(x, may_overwrite=may_overwrite),
            lambda x: map_norm(x, bias, bias, 1e-5, may_overwrite=may_overwrite),
        ),
    }


@DTYPES
@pytest.mark.parametrize("may_overwrite", [False, True])
def test_they_give_what_the_operators_give(dtype: torch.dtype, may_overwrite: bool) -> None:
    """To the bit, in the same memory, of maps with any layout, without elements, and of one position."""
    torch.manual_seed(0)
    wide = torch.randn(2, 2 * CHANNELS, 6, 5).to(dtype)
    given = [wide[:, :CHANNELS].contiguous(), of_channels(wide)[:, CHANNELS:], of_channels(wide[:, :CHANNELS])]
    given += [given[2][:0], given[2][:, :, :1, :1], of_channels(wide[:1, :CHANNELS])]
    for packed, operator in calls(may_overwrite=may_overwrite).values():
        for x in given:
            first, second = (x.clone(memory_format=torch.preserve_format) for _ in range(2))
            found, expected = packed(first), operator(second)
            assert torch.equal(found, expected)
            assert found.stride() == expected.stride()
            assert (found.data_ptr() == first.data_ptr()) == (expected.data_ptr() == second.data_ptr())
            assert first._version == second._version  # pyright: ignore[reportPrivateUsage]


@pytest.mark.parametrize("name", ["depthwise", "norm"])
def test_what_is_no_whole_map_is_refused(name: str) -> None:
    """Of other channels, dimensions and dtypes, and one whose memory was freed, in part or all: as operators do."""
    whole = of_channels(torch.randn(2, CHANNELS, 6, 5))
    packed, _ = calls(may_overwrite=False)[name]
    for wrong in (whole[:, 17:], whole[0], whole.double(), whole.half()):
        with pytest.raises(ValueError, match=r"^(x|weight) has"):
            packed(wrong)
    for kept in (whole.untyped_storage().nbytes() - 4, 0):
        freed = whole.clone()
        freed.untyped_storage().resize_(kept)
        with pytest.raises((ValueError, RuntimeError), match=r"the memory was freed|out of bounds for storage"):
            packed(freed)


@DTYPES
def test_the_scan_is_the_operator(dtype: torch.dtype) -> None:
    """To the bit; a projection of another shape, and a map with gaps, are refused as the operator refuses them."""
    x, projected, dt_weight, dt_bias, A, D = (each.float() for each in ss2d_arguments(1, 2, CHANNELS, 6, 5, 3, 1))
    x, projected = of_channels(x).to(dtype), projected.to(dtype)
    parameters = kernels.ss2d_parameters(dt_weight, dt_bias, A, D)
    found, expected = x.clone(), x.clone()
    scan = PackedScan(parameters)
    scan(found, projected)
    ss2d_in_place(expected, projected, *parameters.values())
    assert torch.equal(found, expected)
    with pytest.raises(ValueError, match=r"^projected has shape"):
        scan(found, projected[:, :, :-1])
    with pytest.raises(ValueError, match=r"^x cannot be overwritten"):
        scan(x.contiguous(), projected)
    freed = projected.clone()
    freed.untyped_storage().resize_(4)
    with pytest.raises(ValueError, match="the memory was freed"):
        scan(found, freed)


def test_packed_weights_are_copies() -> None:
    """What becomes of the memory that they were packed from is no matter."""
    weight, bias, x = torch.randn(CHANNELS, 1, 3, 3), torch.randn(CHANNELS), of_channels(torch.randn(1, CHANNELS, 4, 4))
    normed, convolved = PackedNorm(bias, bias, 1e-5), PackedDepthwise(weight, bias)
    first = normed(x), convolved(x, "none")
    for each in (weight, bias):
        each.zero_()
        each.untyped_storage().resize_(0)
    assert torch.equal(normed(x), first[0])
    assert torch.equal(convolved(x, "none"), first[1])
