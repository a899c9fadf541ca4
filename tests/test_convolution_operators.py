"""The operators that stand for oneDNN's primitives in compiled graphs, against PyTorch's convolution in float64."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from sparx_dsl.ops.convolution_operators import PackedForms, convolution, product
from sparx_dsl.ops.onednn import Activation, Geometry, serves
from tests.support.kernels import ORACLES, worst
from tests.support.strategies import examples

pytestmark = pytest.mark.skipif(not serves(torch.float32), reason="this PyTorch has no oneDNN for this machine")

PLAIN: Geometry = ((0, 0), (1, 1), (1, 1), 1)
WITHOUT = ("test_schema", "test_faketensor")
"""The parts of opcheck that need no derivative."""


@settings(max_examples=examples(0.5), deadline=None)
@given(
    sizes=st.tuples(st.integers(1, 3), st.integers(1, 12), st.integers(1, 9), st.integers(1, 9)),
    out=st.integers(1, 4),
    kernel=st.integers(1, 4),
    stride=st.integers(1, 3),
    depthwise=st.booleans(),
    bias=st.booleans(),
    activation=st.sampled_from(list(ORACLES)),
    last=st.booleans(),
)
def test_a_convolution_is_that_of_pytorch(
    sizes: tuple[int, int, int, int],
    out: int,
    kernel: int,
    stride: int,
    depthwise: bool,
    bias: bool,
    activation: Activation,
    last: bool,
) -> None:
    """At any size and in any layout, and what it gives has the layout of its fake implementation."""
    torch.manual_seed(0)
    x = torch.randn(sizes)
    x = x.contiguous(memory_format=torch.channels_last) if last else x
    groups = sizes[1] if depthwise else 1
    weight = torch.randn(out * groups, sizes[1] // groups, kernel, kernel)
    shift = torch.randn(out * groups) if bias else None
    geometry = ((kernel // 2, kernel // 2), (stride, stride), (1, 1), groups)
    if min(sizes[2:]) + 2 * (kernel // 2) < kernel:
        return
    wide = (x.double(), weight.double(), None if shift is None else shift.double())
    expected = ORACLES[activation](functional.conv2d(*wide, padding=kernel // 2, stride=stride, groups=groups))
    found = convolution(x, weight, shift, geometry, activation)
    assert worst(found, expected, 0.1) < 1e-5
    meta = convolution(
        x.to("meta"), weight.to("meta"), None if shift is None else shift.to("meta"), geometry, activation
    )
    assert (meta.shape, meta.stride()) == (found.shape, found.stride())
    if kernel == stride == groups == 1:
        assert worst(product(x, weight, shift, activation), expected, 0.1) < 1e-5


def test_a_weight_of_parts_is_one_of_all_their_channels() -> None:
    """As SS2D has it, in any layout, with values and without."""
    torch.manual_seed(0)
    x, parts = torch.randn(2, 5, 3, 4), torch.randn(5, 7, 3).permute(2, 1, 0)
    expected = functional.conv2d(x.double(), parts.double().flatten(0, 1)[:, :, None, None])
    assert not parts.is_contiguous()
    for weight in (parts, parts.contiguous()):
        found = product(x, weight, None, "none")
        assert worst(found, expected, 0.1) < 1e-5
        meta = product(x.to("meta"), weight.to("meta"), None, "none")
        assert (meta.shape, meta.stride()) == (found.shape, found.stride())
    with pytest.raises(ValueError, match="weight has shape"):
        product(x[:, :4], parts, None, "none")


def test_operators_have_shapes_without_values() -> None:
    """On fake tensors they compute nothing and tell the result's shape and layout; neither has a derivative."""
    torch.manual_seed(0)
    bias, geometry = torch.randn(6), ([1, 0], [2, 1], [1, 1], 2)
    for x in (torch.randn(2, 4, 5, 6), torch.randn(2, 5, 6, 4).permute(0, 3, 1, 2)):
        for weight in (torch.randn(6, 4, 1, 1), torch.randn(2, 3, 4)):
            for summand in (bias, None):
                torch.library.opcheck(torch.ops.sparx_dsl.product, (x, weight, summand, "gelu"), test_utils=WITHOUT)
        arguments = (x, torch.randn(6, 2, 3, 1), bias, *geometry, "silu")
        torch.library.opcheck(torch.ops.sparx_dsl.convolution, arguments, test_utils=WITHOUT)


def test_a_weight_that_was_written_to_is_packed_again() -> None:
    """In place, or through ``data``, whose tensor lies elsewhere."""
    weight, x = torch.randn(4, 3, 1, 1), torch.randn(1, 3, 2, 2)

    def check() -> None:
        assert worst(product(x, weight, None, "none"), functional.conv2d(x.double(), weight.double())) < 1e-5
        assert worst(convolution(x, weight, None, PLAIN, "none"), functional.conv2d(x, weight).double()) < 1e-5

    check()
    weight.mul_(2)
    check()
    before = weight.data
    weight.data = torch.randn(4, 3, 1, 1)
    check()
    assert before.data_ptr() != weight.data_ptr()


def test_what_is_packed_goes_with_its_weight() -> None:
    """A memo that kept weights alive would be a leak; and it keeps few forms of one."""
    forms, weight = PackedForms(), torch.ones(2)
    made = [forms.of(weight, form, lambda: torch.ones(3)) for form in (1, 2, 1)]
    assert made[0] is made[2]
    assert made[0] is not made[1]
    gone = weakref.ref(made[0])
    del made
    for form in range(2, 9):
        forms.of(weight, form, lambda: torch.ones(3))
    gc.collect()
    assert gone() is None
    gone = weakref.ref(forms.of(weight, 1, lambda: torch.ones(3)))
    del weight
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_what_does_not_match_is_refused(device: str) -> None:
    """Before oneDNN sees it, with values and without."""
    x, weight = torch.ones(1, 4, 3, 3, device=device), torch.ones(6, 4, 1, 1, device=device)
    wrong: list[tuple[Callable[[], Tensor], str]] = [
        (lambda: product(x[0], weight, None, "none"), "x has shape"),
        (lambda: product(x, weight[:, :3], None, "none"), "weight has shape"),
        (lambda: product(x, torch.ones(6, 4, 3, 3, device=device), None, "none"), "weight has shape"),
        (lambda: product(x, weight, torch.ones(5, device=device), "none"), "bias has shape"),
        (lambda: product(x, weight.double(), None, "none"), "weight has dtype"),
        (lambda: product(x, weight, None, "relu"), "unknown activation 'relu'"),  # pyright: ignore[reportArgumentType]
        (lambda: convolution(x, weight, None, ((0, 0), (1, 1), (1, 1), 3), "none"), "cut into 3 groups"),
        (lambda: convolution(x, weight, None, ((0, 0), (0, 0), (1, 1), 1), "none"), "stride"),
        (lambda: convolution(x, weight, None, ((0,), (1, 1), (1, 1), 1), "none"), "padding"),
        (lambda: convolution(x[:, :, :0], weight, None, PLAIN, "none"), "smaller than the kernel"),
        (lambda: convolution(x, weight[:, :, :0], None, PLAIN, "none"), "weight has a kernel of height and width"),
    ]
    for call, message in wrong:
        with pytest.raises(ValueError, match=message):
            call()
