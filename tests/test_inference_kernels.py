"""The compiled kernels for inference: the depthwise convolution against PyTorch's in float64, SS2D over its map."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from sparx_dsl.ops.cpu import kernels, library, maps
from sparx_dsl.ops.inference import can_overwrite, depthwise_convolution, map_norm
from sparx_dsl.ops.onednn import Activation
from tests.support.instructions import each_set, use
from tests.support.kernels import ORACLES, random_map, worst
from tests.support.scans import ss2d_arguments, ss2d_scan
from tests.support.scans import threads as with_threads
from tests.support.strategies import examples

pytestmark = pytest.mark.skipif(library.problem() is not None, reason=str(library.problem()))

TOLERANCE = {torch.float32: 2e-6, torch.bfloat16: 6e-3}


@settings(max_examples=examples(1.0), deadline=None)
@given(
    sizes=st.tuples(st.integers(1, 3), st.integers(1, 70), st.integers(1, 12), st.integers(1, 20)),
    kernel=st.sampled_from(maps.KERNELS),
    activation=st.sampled_from(list(ORACLES)),
    dtype=st.sampled_from(list(TOLERANCE)),
    may_overwrite=st.booleans(),
    bias=st.booleans(),
    threads=st.integers(1, 3),
)
def test_the_depthwise_convolution_is_that_of_pytorch(
    sizes: tuple[int, int, int, int],
    kernel: int,
    activation: Activation,
    dtype: torch.dtype,
    may_overwrite: bool,
    bias: bool,
    threads: int,
) -> None:
    """At any size, over its map and beside it."""
    torch.manual_seed(0)
    x = random_map(*sizes, dtype)
    weight = (torch.randn(sizes[1], 1, kernel, kernel) / kernel).to(dtype)
    summand = torch.randn(sizes[1]).to(dtype) if bias else None
    wide = (x.double(), weight.double(), None if summand is None else summand.double())
    expected = ORACLES[activation](functional.conv2d(*wide, padding=kernel // 2, groups=sizes[1]))
    with with_threads(threads):
        over = may_overwrite and can_overwrite(x)
        found = depthwise_convolution(x, *maps.packed(weight, summand), activation, may_overwrite=may_overwrite)
    assert (found.data_ptr() == x.data_ptr()) == over
    assert worst(found, expected) < TOLERANCE[dtype]


@each_set
@pytest.mark.parametrize("dtype", list(TOLERANCE))
def test_every_set_of_instructions_convolves(
    monkeypatch: pytest.MonkeyPatch, instructions: int, dtype: torch.dtype
) -> None:
    """Whatever this machine has, the lesser sets give the same."""
    use(monkeypatch, instructions)
    torch.manual_seed(0)
    for kernel in maps.KERNELS:
        x, weight = random_map(2, 37, 9, 11, dtype), torch.randn(37, 1, kernel, kernel).to(dtype)
        wide = functional.conv2d(x.double(), weight.double(), padding=kernel // 2, groups=37)
        for activation, oracle in ORACLES.items():
            found = depthwise_convolution(x, *maps.packed(weight, None), activation)
            assert worst(found, oracle(wide)) < TOLERANCE[dtype]


@each_set
def test_activations_are_right_everywhere(monkeypatch: pytest.MonkeyPatch, instructions: int) -> None:
    """From far below zero to far above: GELU and SiLU to 4e-7 of a number's size, and at least of one."""
    use(monkeypatch, instructions)
    values = torch.cat([torch.linspace(-12, 12, 24001), torch.tensor([-1e30, -1e4, -88.0, 88.0, 1e4, 1e30])])
    x = values[None, :, None, None].contiguous(memory_format=torch.channels_last)
    weight = torch.zeros(len(values), 1, 3, 3)
    weight[:, :, 1, 1] = 1
    for activation in ("gelu", "silu"):
        found = depthwise_convolution(x, *maps.packed(weight, None), activation).flatten().double()
        error = (found - ORACLES[activation](values.double())).abs() / values.double().abs().clamp_min(1)
        assert float(error.max()) < 4e-7, activation


@each_set
def test_what_is_no_number_stays_none(monkeypatch: pytest.MonkeyPatch, instructions: int) -> None:
    """A NaN reaches the nine positions around it, in its channel, and no others."""
    use(monkeypatch, instructions)
    for dtype in TOLERANCE:
        x = random_map(1, 20, 6, 6, dtype)
        x[0, 3, 2, 2] = math.nan
        for activation in ORACLES:
            found = depthwise_convolution(x, *maps.packed(torch.ones(20, 1, 3, 3), None), activation).isnan()
            assert found[0, 3, 1:4, 1:4].all()
            assert int(found.sum()) == 9


def test_results_are_the_same_from_run_to_run() -> None:
    """And from one number of threads to another, since no sum is split."""
    x, packed = random_map(2, 96, 14, 14), maps.packed(torch.randn(96, 1, 5, 5), torch.randn(96))
    first = depthwise_convolution(x, *packed, "gelu")
    for threads in (1, 2, 3):
        with with_threads(threads):
            assert torch.equal(depthwise_convolution(x, *packed, "gelu"), first)


def test_maps_with_gaps_are_not_overwritten() -> None:
    """A slice of channels, and a map that has too few channels for the threads, get a result of their own."""
    wide = random_map(1, 64, 5, 5)
    kept, part = wide.clone(), wide[:, 16:48]
    packed = maps.packed(torch.randn(32, 1, 3, 3), None)
    found = depthwise_convolution(part, *packed, "none", may_overwrite=True)
    assert worst(found, depthwise_convolution(part.contiguous(), *packed, "none").double()) < 1e-7
    assert torch.equal(wide, kept)
    with with_threads(3):
        assert not can_overwrite(part.contiguous(memory_format=torch.channels_last))


@pytest.mark.parametrize("dtype", list(TOLERANCE))
@pytest.mark.parametrize("batch", [1, 3])
def test_ss2d_over_its_map_is_ss2d(dtype: torch.dtype, batch: int) -> None:
    """Bit for bit."""
    x, projected, dt_weight, dt_bias, A, D = (each.float() for each in ss2d_arguments(0, batch, 40, 7, 9, 5, 2))
    parameters = kernels.ss2d_parameters(dt_weight, dt_bias, A, D)
    low = x.to(dtype).contiguous(memory_format=torch.channels_last)
    expected = ss2d_scan(low, projected.to(dtype), dt_weight, dt_bias, A, D, backend="cpu")
    torch.ops.sparx_dsl.ss2d_(low, projected.to(dtype), *parameters.values())
    assert torch.equal(low, expected)


@each_set
@pytest.mark.parametrize("rank", [1, 4, 5])
def test_pairs_of_bfloat16_give_the_products_of_float32(
    monkeypatch: pytest.MonkeyPatch, instructions: int, rank: int
) -> None:
    """With parameters that bfloat16 holds, whether products are taken in pairs or not."""
    use(monkeypatch, instructions)
    x, projected, dt_weight, dt_bias, A, D = (each.float() for each in ss2d_arguments(1, 2, 33, 6, 5, rank, 1))
    low = [each.bfloat16() for each in (x, projected, dt_weight)]
    wide = [each.float() for each in low]
    found = ss2d_scan(*low, dt_bias, A, D, backend="cpu")
    assert worst(found, ss2d_scan(*wide, dt_bias, A, D, backend="torch").double()) < 6e-3


def test_operators_have_shapes_without_values() -> None:
    """On fake tensors they compute nothing and tell the result's shape and layout."""
    x, packed = random_map(1, 16, 4, 4), maps.packed(torch.randn(16, 1, 3, 3), None)
    for name in ("depthwise_convolution", "depthwise_convolution_"):
        operator = getattr(torch.ops.sparx_dsl, name)
        torch.library.opcheck(operator, (x, *packed, "gelu"), test_utils=("test_schema", "test_faketensor"))
    for name in ("map_norm", "map_norm_"):
        operator, weight = getattr(torch.ops.sparx_dsl, name), torch.randn(16)
        torch.library.opcheck(operator, (x, weight, weight, 1e-5), test_utils=("test_schema", "test_faketensor"))
    _, projected, *others = (each.float() for each in ss2d_arguments(0, 1, 16, 4, 4, 2, 1))
    parameters = kernels.ss2d_parameters(*others).values()
    operator = torch.ops.sparx_dsl.ss2d_
    torch.library.opcheck(operator, (x, projected, *parameters), test_utils=("test_schema", "test_faketensor"))


@settings(max_examples=examples(0.5), deadline=None)
@given(
    sizes=st.tuples(st.integers(1, 9), st.integers(1, 70), st.integers(1, 9), st.integers(1, 9)),
    dtype=st.sampled_from(list(TOLERANCE)),
    mean=st.sampled_from([0.0, 1.0, -30.0]),
    may_overwrite=st.booleans(),
    threads=st.integers(1, 3),
)
def test_the_norm_is_what_it_is_defined_as(
    sizes: tuple[int, int, int, int], dtype: torch.dtype, mean: float, may_overwrite: bool, threads: int
) -> None:
    """At any size and mean, over its map and beside it, with threads on one image and on several."""
    torch.manual_seed(0)
    x = (2 * random_map(*sizes) + mean).to(dtype)
    weight, bias = torch.randn(sizes[1]), torch.randn(sizes[1])
    centred = x.double() - x.double().mean((1, 2, 3), keepdim=True)
    standard = centred / (centred.square().mean((1, 2, 3), keepdim=True) + 1e-3).sqrt()
    expected = standard * weight.double()[:, None, None] + bias.double()[:, None, None]
    with with_threads(threads):
        found = map_norm(x, weight, bias, 1e-3, may_overwrite=may_overwrite)
        assert torch.equal(map_norm(found.clone(), weight, bias, 1e-3), map_norm(found.clone(), weight, bias, 1e-3))
    assert (found.data_ptr() == x.data_ptr()) == may_overwrite
    assert worst(found, expected) < TOLERANCE[dtype] * (5 if abs(mean) > 1 else 1)


@each_set
def test_every_set_of_instructions_normalises(monkeypatch: pytest.MonkeyPatch, instructions: int) -> None:
    """More numbers than are summed in float32 at a time, and channels that fill no vector."""
    use(monkeypatch, instructions)
    torch.manual_seed(0)
    weight, bias = torch.randn(37), torch.randn(37)
    for dtype in TOLERANCE:
        x = (random_map(2, 37, 40, 40) + 3).to(dtype)
        expected = functional.group_norm(x.double(), 1, weight.double(), bias.double(), 1e-5)
        assert worst(map_norm(x, weight, bias, 1e-5), expected) < TOLERANCE[dtype]
        x[0, 3, 2, 2] = math.nan
        found = map_norm(x, weight, bias, 1e-5).isnan()
        assert found[0].all()
        assert not found[1].any()


@each_set
@pytest.mark.parametrize("dtype", list(TOLERANCE))
def test_gelu_is_nothing_far_below_zero(monkeypatch: pytest.MonkeyPatch, instructions: int, dtype: torch.dtype) -> None:
    """It does not grow again with the size of its input."""
    use(monkeypatch, instructions)
    x = torch.tensor([-5.5, -20.0, -1e4, -1e30]).to(dtype)[None, :, None, None]
    weight = torch.zeros(4, 1, 3, 3)
    weight[:, :, 1, 1] = 1
    assert not depthwise_convolution(x, *maps.packed(weight, None), "gelu").any()


def test_what_the_kernels_would_read_beyond_is_refused() -> None:
    """Weights of another number of channels or size, maps with gaps, parameters of other shapes or dtypes."""
    x, (weight, bias) = random_map(1, 16, 4, 4), maps.packed(torch.randn(16, 1, 3, 3), None)
    wider, largest = maps.packed(torch.randn(64, 1, 3, 3), None), maps.packed(torch.randn(16, 1, 9, 9), None)
    operators = torch.ops.sparx_dsl
    for operator in (operators.depthwise_convolution, operators.depthwise_convolution_):
        for wrong in (wider, largest, (weight, bias[:8]), (weight.double(), bias), (weight.transpose(0, 1), bias)):
            with pytest.raises(ValueError, match=r"^(weight|bias) "):
                operator(x, *wrong, "none")
        with pytest.raises(ValueError, match="unknown activation 'relu': write one of none, gelu, silu"):
            operator(x, weight, bias, "relu")
        with pytest.raises(ValueError, match=r"x has dtype torch\.float64: the kernels are compiled for"):
            operator(x.double(), weight, bias, "none")
    with pytest.raises(ValueError, match="x cannot be overwritten"):
        operators.depthwise_convolution_(x.contiguous(), weight, bias, "none")
    for wrong in ((bias[:8], bias), (bias, bias[:8]), (bias.double(), bias)):
        with pytest.raises(ValueError, match=r"^(weight|bias) "):
            operators.map_norm(x, *wrong, 1e-5)
    with pytest.raises(ValueError, match="x cannot be overwritten"):
        operators.map_norm_(x.contiguous(), bias, bias, 1e-5)
    inputs = [each.float() for each in ss2d_arguments(0, 1, 16, 4, 4, 2, 1)]
    parameters = list(kernels.ss2d_parameters(*inputs[2:]).values())
    for place, part in enumerate(parameters):
        for wrong in (part[1:], part.double(), part.flatten()):
            if wrong.shape == part.shape and wrong.dtype == part.dtype:
                continue
            with pytest.raises(ValueError, match=r"^(weight|bias|rate|skip|projected) "):
                operators.ss2d_(x, inputs[1], *parameters[:place], wrong, *parameters[place + 1 :])
    with pytest.raises(ValueError, match="projected"):
        operators.ss2d_(x, inputs[1][:, 1:], *parameters)
    for gaps in (x.contiguous(), random_map(1, 32, 4, 4)[:, :16], x[:, :, :1, :1].expand(1, 16, 4, 4)):
        with pytest.raises(ValueError, match="x cannot be overwritten"):
            operators.ss2d_(gaps, inputs[1], *parameters)
