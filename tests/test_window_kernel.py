"""The compiled kernel for attention within windows, against its definition in float64."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from sparx_dsl.inference.deployment import Place
from sparx_dsl.kinds.mixers.window_attention.inference import FusedWindowedAttention
from sparx_dsl.kinds.mixers.window_attention.module import WindowedAttention
from sparx_dsl.kinds.mixers.window_attention.options import WindowAttention
from sparx_dsl.language.base import Site
from sparx_dsl.ops.cpu import library, maps
from sparx_dsl.ops.inference import window_attention
from tests.support.deployed import SINGLE, results, worst_error
from tests.support.instructions import each_set, use
from tests.support.scans import threads as with_threads
from tests.support.strategies import examples
from tests.support.windows import attended

pytestmark = pytest.mark.skipif(library.problem() is not None, reason=str(library.problem()))

TOLERANCE = {torch.float32: 2e-6, torch.bfloat16: 8e-3}


def projected(batch: int, heads: int, width: int, size: tuple[int, int], dtype: torch.dtype) -> Tensor:
    """A random map of queries, keys and values, channels-last."""
    return torch.randn(batch, *size, 3 * heads * width).to(dtype).permute(0, 3, 1, 2)


def worst(found: Tensor, expected: Tensor) -> float:
    """The largest error, relative to the largest value."""
    return float((found.double() - expected).abs().max() / expected.abs().max().clamp_min(1e-3))


@settings(max_examples=examples(0.7), deadline=None)
@given(
    batch=st.integers(1, 3),
    heads=st.integers(1, 3),
    width=st.integers(1, 40),
    size=st.tuples(st.integers(1, 15), st.integers(1, 15)),
    window=st.integers(1, 8),
    shift=st.integers(0, 7),
    dtype=st.sampled_from(list(TOLERANCE)),
    threads=st.integers(1, 3),
)
def test_windows_attend_as_they_are_defined(
    batch: int,
    heads: int,
    width: int,
    size: tuple[int, int],
    window: int,
    shift: int,
    dtype: torch.dtype,
    threads: int,
) -> None:
    """At any size, for heads of any width, shifted by anything less than a window."""
    torch.manual_seed(0)
    x, bias = projected(batch, heads, width, size, dtype), 3 * torch.randn(heads, window**2, window**2)
    with with_threads(threads):
        found = window_attention(x, maps.packed_bias(bias), heads, window, shift % window)
    assert worst(found, attended(x.double(), bias.double(), window, shift % window)) < TOLERANCE[dtype]


@each_set
@pytest.mark.parametrize("dtype", list(TOLERANCE))
def test_every_set_of_instructions_attends(
    monkeypatch: pytest.MonkeyPatch, instructions: int, dtype: torch.dtype
) -> None:
    """Whatever this machine has, the lesser sets give the same, and a NaN reaches its window and head alone."""
    use(monkeypatch, instructions)
    torch.manual_seed(0)
    for width, window in ((32, 7), (21, 4), (3, 3)):
        x, bias = projected(1, 2, width, (9, 8), dtype), torch.randn(2, window**2, window**2)
        expected = attended(x.double(), bias.double(), window, 1)
        assert worst(window_attention(x, maps.packed_bias(bias), 2, window, 1), expected) < TOLERANCE[dtype]
        x[0, 0, 2, 2] = math.nan
        found = window_attention(x, maps.packed_bias(bias), 2, window, 0).isnan()
        assert found[0, :width, 2, 2].all()
        assert not found[0, width:].any()
    x = projected(1, 1, 16, (4, 4), dtype)
    x[0, 16, 0, 0] = math.nan  # a key, which its window's queries all see
    found = window_attention(x, maps.packed_bias(torch.zeros(1, 4, 4)), 1, 2, 0).isnan()
    assert found[0, :, :2, :2].all()
    assert int(found.sum()) == 64


def test_scores_of_any_size_have_a_softmax() -> None:
    """Large ones do not overflow, and equal ones give the mean."""
    x = projected(1, 1, 4, (3, 3), torch.float32)
    x[:, :8] *= 1e4
    bias = torch.zeros(1, 9, 9)
    assert worst(window_attention(x, maps.packed_bias(bias), 1, 3, 0), attended(x.double(), bias, 3, 0)) < 1e-5
    x[:, :8] = 0
    mean = x[:, 8:].mean((2, 3), keepdim=True).expand(1, 4, 3, 3)
    assert worst(window_attention(x, maps.packed_bias(bias), 1, 3, 0), mean.double()) < 1e-6


def test_operators_have_shapes_without_values() -> None:
    """On fake tensors they compute nothing and tell the result's shape and layout."""
    arguments = (projected(2, 2, 8, (5, 4), torch.float32), maps.packed_bias(torch.randn(2, 9, 9)), 2, 3, 1)
    operator = torch.ops.sparx_dsl.window_attention
    torch.library.opcheck(operator, arguments, test_utils=("test_schema", "test_faketensor"))


@pytest.mark.parametrize(
    ("heads", "window", "shift", "message"),
    [
        (3, 3, 0, "16 channels are not"),
        (2, 0, 0, "window is 0"),
        (2, 257, 0, "window is 257"),
        (2, 3, 3, "shift is 3"),
        (2, 3, -1, "shift is -1"),
        (2, 4, 0, "bias has shape"),
    ],
)
def test_what_does_not_match_is_refused(heads: int, window: int, shift: int, message: str) -> None:
    """Before an address is taken."""
    x = projected(1, 2, 8, (4, 4), torch.float32)
    if heads == 3:
        x = x[:, :16]
    with pytest.raises(ValueError, match=message):
        window_attention(x, maps.packed_bias(torch.randn(2, 9, 9)), heads, window, shift)


def test_the_module_takes_the_kernel_where_that_serves() -> None:
    """Not with gradients; and a bias that is written to, or another, is seen."""
    torch.manual_seed(0)
    plain = WindowedAttention(WindowAttention(window=3, heads=2), Site(8, 8, number=2))
    made = FusedWindowedAttention(copy.deepcopy(plain), Place((7, 5), may_overwrite=False))
    for size in ((4, 6), (7, 5)):
        x = projected(2, 2, 4, size, torch.float32)
        assert worst_error(results(made, x), results(plain, x)) < SINGLE
    assert made.packed
    with torch.no_grad():
        for module in (made, plain):
            module.position_bias[3:9] = -3
    assert worst_error(results(made, x), results(plain, x)) < SINGLE
    gradients = [torch.autograd.grad(module(x).square().sum(), module.position_bias)[0] for module in (made, plain)]
    assert worst_error(gradients[:1], gradients[1:]) < SINGLE
