"""The Triton kernels in Triton's interpreter against a loop over steps in float64."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import asdict
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from sparx_dsl.ops.triton_kernels.candidates import candidates
from sparx_dsl.ops.triton_kernels.settings import WalkShape
from tests.support.triton_kernels import (
    TOLERANCE,
    Kernels,
    check,
    differences,
    interpreted_kernels,
    scan_inputs,
    scan_oracle,
    ss2d_inputs,
    ss2d_oracle,
)

DTYPES = sorted(TOLERANCE, key=str)
FORWARD = [
    {"channels": 16, "warps": 1, "ahead": 1},
    {"channels": 32, "warps": 1, "ahead": 4},
    {"channels": 16, "warps": 1, "ahead": 2, "segments": 4, "rows": 4},
    {"channels": 16, "warps": 1, "ahead": 1, "segments": 2, "rows": 2, "images": 2, "group": 2},
    {"channels": 16, "warps": 1, "ahead": 1, "images": 16, "dot": True},
    {"channels": 16, "warps": 1, "ahead": 1, "segments": 8, "rows": 8, "images": 2, "dot": True},
    {"channels": 16, "warps": 1, "ahead": 2, "segments": 3, "rows": 2},
]
"""Settings of the fused forward: whole walks and segments, by one launch and by three, with and without products."""
BACKWARD = [
    {"channels": 16, "warps": 1, "ahead": 2, "segments": 16, "rows": 16, "dot": True, "group": 3},
    {"channels": 16, "warps": 1, "ahead": 1, "segments": 8, "rows": 8, "images": 2, "dot": True, "group": 2},
    {"channels": 32, "warps": 1, "ahead": 2, "images": 16, "dot": True, "group": 2},
]
"""Settings of the fused backward, likewise."""
FEW = settings(max_examples=6)


@pytest.fixture(scope="module")
def kernels() -> Generator[Kernels, None, None]:
    """The interpreted kernels."""
    yield from interpreted_kernels()


@FEW
@given(
    batch=st.integers(1, 2), groups=st.integers(1, 2), size=st.integers(1, 18), length=st.integers(1, 35),
    state=st.integers(1, 3), rows=st.booleans(), softplus=st.booleans(), dtype=st.sampled_from(DTYPES),
)  # fmt: skip
def test_the_scan_is_the_loop_over_steps(
    kernels: Kernels, batch: int, groups: int, size: int, length: int, state: int, rows: bool, softplus: bool,
    dtype: torch.dtype,
) -> None:  # fmt: skip
    """The scan and its gradients agree with the loop, for any shape, groups, strides and dtype."""
    inputs = scan_inputs(batch, groups, size, length, state, dtype, rows=rows, softplus=softplus)
    check(kernels, "scan", scan_oracle, inputs, TOLERANCE[dtype])


@FEW
@given(
    batch=st.integers(1, 2), inner=st.integers(1, 16), height=st.integers(1, 4), width=st.integers(1, 4),
    rank=st.integers(1, 3), state=st.integers(1, 2), dtype=st.sampled_from(DTYPES),
)  # fmt: skip
def test_the_fused_ss2d_is_four_loops(
    kernels: Kernels, batch: int, inner: int, height: int, width: int, rank: int, state: int, dtype: torch.dtype
) -> None:
    """The fused SS2D and its gradients agree with four loops, for any map."""
    inputs = ss2d_inputs(batch, inner, height, width, rank, state, dtype)
    check(kernels, "ss2d", ss2d_oracle, inputs, TOLERANCE[dtype])


@pytest.mark.parametrize("forward", FORWARD, ids=lambda each: f"{each.get('segments', 1)} of {each.get('rows', 1)}")
def test_no_setting_changes_the_result(kernels: Kernels, forward: Mapping[str, int]) -> None:
    """However the forward is divided, with rows, channels, steps and states left over."""
    inputs = ss2d_inputs(3, 17, 2, 3, 2, 3, torch.float32)
    expected = ss2d_oracle(*(each.double() for each in inputs))
    assert differences([kernels("ss2d", *inputs, settings=forward)], [expected])[0] <= TOLERANCE[torch.float32]


@pytest.mark.parametrize("backward", BACKWARD, ids=["segments", "images", "whole walks"])
def test_no_setting_changes_a_gradient(kernels: Kernels, backward: Mapping[str, int]) -> None:
    """However the backward is divided, with rows, channels, steps and states left over."""
    inputs = ss2d_inputs(3, 17, 2, 3, 3, 3, torch.float32)
    check(kernels, "ss2d", ss2d_oracle, inputs, TOLERANCE[torch.float32], backward=backward)


def test_no_candidate_changes_the_result(kernels: Kernels) -> None:
    """Whatever tuning measures of the forward, and may choose."""
    inputs = ss2d_inputs(2, 2, 1, 2, 1, 1, torch.float32)
    options = candidates("forward", WalkShape(2, 2, 2, 1, 1, precise=True), (9, 0))
    assert len(options) > 3
    expected = ss2d_oracle(*(each.double() for each in inputs))
    for chosen in map(asdict, options):
        assert differences([kernels("ss2d", *inputs, settings=chosen)], [expected])[0] <= TOLERANCE[torch.float32]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_every_dtype_by_products_of_tiles(kernels: Kernels, dtype: torch.dtype) -> None:
    """A rank whose time steps are products, in all three dtypes."""
    check(kernels, "ss2d", ss2d_oracle, ss2d_inputs(1, 12, 3, 4, 13, 1, dtype), TOLERANCE[dtype])


@pytest.mark.parametrize(("rank", "state"), [(16, 1), (20, 1), (9, 5)])
def test_many_states_and_a_high_rank(kernels: Kernels, rank: int, state: int) -> None:
    """State sizes and ranks beyond the usual ones, and a rank that fills its tile, with no place for the bias."""
    check(kernels, "ss2d", ss2d_oracle, ss2d_inputs(1, 3, 2, 3, rank, state, torch.float32), 1e-4)


@pytest.mark.parametrize(("rank", "state"), [(65, 1), (1, 9)])
def test_what_registers_do_not_hold_is_not_fused(kernels: Kernels, rank: int, state: int) -> None:
    """Ranks and states of any size are served, by the scan over four sequences."""
    check(kernels, "ss2d", ss2d_oracle, ss2d_inputs(1, 2, 1, 2, rank, state, torch.float32), 1e-4)


def test_time_steps_from_none_to_lines(kernels: Kernels) -> None:
    """Biases from where softplus is an exponential to where it is a line."""
    inputs = ss2d_inputs(1, 16, 2, 3, 1, 1, torch.float32)
    inputs[3] = torch.linspace(-18.0, 60.0, 64).view(4, 16)
    check(kernels, "ss2d", ss2d_oracle, inputs, 1e-4)


def test_groups_that_fill_their_blocks(kernels: Kernels) -> None:
    """Groups of 16 channels, so that no block has a rest."""
    check(kernels, "scan", scan_oracle, scan_inputs(1, 2, 16, 18, 1, torch.float32), 1e-4)


def test_a_long_walk_keeps_its_digits(kernels: Kernels) -> None:
    """Over 500 steps with small time steps no error grows."""
    inputs = scan_inputs(1, 1, 2, 500, 1, torch.float32)
    inputs[6] = torch.full((2,), -9.0)
    check(kernels, "scan", scan_oracle, inputs, 1e-4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_inputs_scaled_by_a_thousand_stay_finite(kernels: Kernels, dtype: torch.dtype) -> None:
    """No NaN and no Inf in the result or a gradient for inputs around 1e3."""
    inputs = ss2d_inputs(1, 4, 4, 5, 2, 2, dtype, scale=1e3)
    results = [kernels("ss2d", *inputs), *kernels("ss2d_backward", inputs[0], *inputs)]
    assert all(each.isfinite().all() for each in results)


def test_float16_parts_beyond_its_range_cancel(kernels: Kernels) -> None:
    """Where two walks give what float16 can't hold, their sum may still be held."""
    x, projected, weight, bias, A, _ = ss2d_inputs(1, 2, 2, 2, 1, 1, torch.float16)
    # Rows both ways give 6e4 at each place and twice, columns the opposite.
    D = torch.tensor([6e4, -6e4, 6e4, -6e4]).repeat_interleave(2)
    inputs = [x.fill_(1.0), projected.zero_(), weight, bias, A, D]
    assert kernels("ss2d", *inputs).abs().max() == 0


def spread(tensor: Any) -> Any:
    """The same values with gaps between them in memory; what is no tensor stays."""
    if not isinstance(tensor, Tensor):
        return tensor
    places = tuple(slice(None, None, 2) for _ in tensor.shape)
    return torch.empty([2 * side for side in tensor.shape], dtype=tensor.dtype)[places].copy_(tensor)


def test_values_may_lie_apart(kernels: Kernels) -> None:
    """No tensor needs to be contiguous, parameters included."""
    scan = [spread(each) for each in scan_inputs(1, 2, 3, 9, 2, torch.float32)]
    check(kernels, "scan", scan_oracle, scan, TOLERANCE[torch.float32])
    ss2d = [spread(each) for each in ss2d_inputs(1, 3, 2, 3, 2, 2, torch.float32)]
    check(kernels, "ss2d", ss2d_oracle, ss2d, TOLERANCE[torch.float32])


def test_steps_of_the_bias_alone(kernels: Kernels) -> None:
    """A rank of zero: the time steps are those of the bias, at every position."""
    x, projected, weight, *rest = inputs = ss2d_inputs(1, 3, 2, 9, 0, 1, torch.float32)
    values = torch.cat([projected.new_zeros(*projected.shape[:3], 4, 1), torch.unflatten(projected, 3, (4, -1))], 4)
    wide = [x, values.flatten(3), weight.new_ones(*weight.shape[:2], 1), *rest]
    found, expected = (kernels("ss2d_backward", x, *each) for each in (inputs, wide))
    assert torch.allclose(kernels("ss2d", *inputs), kernels("ss2d", *wide), rtol=1e-5)
    assert all(torch.allclose(found[place], expected[place], rtol=1e-5, atol=1e-6) for place in (0, 3, 4, 5))


def test_nan_is_not_hidden(kernels: Kernels) -> None:
    """A NaN among the time values reaches the result at its place."""
    inputs = ss2d_inputs(1, 2, 2, 2, 1, 1, torch.float32)
    inputs[1][0, 1, 0] = torch.nan
    assert kernels("ss2d", *inputs)[0, :, 1, 0].isnan().all()


def test_results_are_the_same_every_time(kernels: Kernels) -> None:
    """Two runs give the same bits, forward and backward."""
    inputs = ss2d_inputs(1, 17, 3, 3, 2, 1, torch.bfloat16)
    for name, arguments in (("ss2d", inputs), ("ss2d_backward", [inputs[0], *inputs])):
        first, second = (kernels(name, *arguments) for _ in range(2))
        assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_nothing_in_nothing_out(kernels: Kernels) -> None:
    """No images, or maps without positions, give results and gradients of the right shapes; the latter zero."""
    for batch, height in ((0, 2), (2, 0)):
        inputs = ss2d_inputs(batch, 3, height, 2, 1, 1, torch.float32)
        found = [kernels("ss2d", *inputs), *kernels("ss2d_backward", inputs[0], *inputs)]
        assert [each.shape for each in found] == [inputs[0].shape, *(each.shape for each in inputs)]
        assert all((each == 0).all() for each in found)


def test_results_are_channels_last(kernels: Kernels) -> None:
    """As the next layers read them, whatever the inputs' strides."""
    x, *others = ss2d_inputs(1, 3, 2, 4, 1, 1, torch.float32)
    for tensor in (x, x.contiguous(memory_format=torch.channels_last)):
        gradients = kernels("ss2d_backward", tensor, tensor, *others)
        for each in (kernels("ss2d", tensor, *others), gradients[0]):
            assert each.is_contiguous(memory_format=torch.channels_last)
    inputs = scan_inputs(1, 2, 2, 5, 1, torch.float32)
    gradients = kernels("scan_backward", inputs[0], *inputs)
    assert all(each.stride() == (20, 1, 4) for each in (kernels("scan", *inputs), *gradients[:2]))
    assert all(each.is_contiguous() for each in gradients[3:5])
