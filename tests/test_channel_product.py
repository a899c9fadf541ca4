"""Products over the channels of maps in training on CPU, against PyTorch's in float64."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from sparx_dsl.nn.convolution import pointwise
from sparx_dsl.nn.cpu_maps import convolved
from sparx_dsl.ops.channel_product import channel_product, channel_product_backward
from tests.support.deployed import worst_error
from tests.support.derivatives import gradients, of_gradients
from tests.support.strategies import examples

LAYOUTS = (torch.contiguous_format, torch.channels_last)


@settings(max_examples=examples(0.3), deadline=None)
@given(
    sizes=st.tuples(st.integers(1, 3), st.integers(1, 20), st.integers(1, 7), st.integers(1, 7)),
    out=st.integers(1, 20),
    layout=st.sampled_from(LAYOUTS),
    bias=st.booleans(),
)
def test_results_and_gradients_are_those_of_pytorch(
    sizes: tuple[int, int, int, int], out: int, layout: torch.memory_format, bias: bool
) -> None:
    """At any size, in both layouts, which the results keep; a map of one channel, or one place, is of both."""
    torch.manual_seed(0)
    tensors = [torch.randn(sizes).contiguous(memory_format=layout), torch.randn(out, sizes[1], 1, 1)]
    layout = torch.contiguous_format if tensors[0].is_contiguous() else layout
    tensors += [torch.randn(out)] if bias else []
    found = gradients(lambda *each: channel_product(*each, *([] if bias else [None])), tensors)
    expected = gradients(functional.conv2d, [each.double() for each in tensors])
    assert found[0].is_contiguous(memory_format=layout)
    for ours, theirs in zip(found, expected, strict=True):
        # A gradient may be close to zero by cancelling.
        assert float((ours.double() - theirs).abs().max()) < 1e-5 * max(1.0, float(theirs.abs().max()))


def test_second_derivatives_are_those_of_pytorch() -> None:
    """By the definition."""
    torch.manual_seed(0)
    tensors = [torch.randn(2, 3, 5, 6), torch.randn(4, 3, 1, 1), torch.randn(4)]

    expected = gradients(of_gradients(functional.conv2d), [each.double() for each in tensors])
    found = gradients(of_gradients(channel_product), tensors)
    assert worst_error([each.double() for each in found], expected) < 1e-5


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf:UserWarning")
@pytest.mark.parametrize("layout", LAYOUTS)
def test_opcheck_passes(layout: torch.memory_format) -> None:
    """Schemas, fake kernels (strides too), and derivatives under AOT with symbolic shapes are what PyTorch demands."""
    torch.manual_seed(0)
    x = torch.randn(2, 3, 5, 6).contiguous(memory_format=layout).requires_grad_()
    weight, bias = torch.randn(4, 3, 1, 1).requires_grad_(), torch.randn(4).requires_grad_()
    for summand in (bias, None):
        torch.library.opcheck(channel_product, (x, weight, summand), rtol=1e-4, atol=1e-5)
    gradient = torch.randn(2, 4, 5, 6)
    torch.library.opcheck(channel_product_backward, (gradient, x.detach(), weight.detach()), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    ("channels", "instructions", "served"), [(64, "AVX512", True), (64, "AVX2", False), (4, "AVX512", False)]
)
def test_large_products_are_served(
    layout: torch.memory_format, channels: int, instructions: str, served: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They save what PyTorch's do, in its layout; small ones, those in float64, and those of AVX2 are PyTorch's."""
    torch.manual_seed(0)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: instructions)
    conv, x = pointwise(channels, 96), torch.randn(2, channels, 9, 8).contiguous(memory_format=layout).requires_grad_()
    saved: list[list[tuple[int, ...]]] = []

    def keep(tensor: Tensor) -> Tensor:
        saved[-1].append(tuple(tensor.shape))
        return tensor

    results: list[Tensor] = []
    for ours in (True, False):
        saved.append([])
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            results.append(convolved(conv, x) if ours else conv(x))
    assert saved[0] == saved[1]
    assert results[0].stride() == results[1].stride()
    assert worst_error([results[0].detach()], [results[1].detach()]) < 1e-5
    assert ("channel_product" in type(results[0].grad_fn).__name__) == served
    coarse = convolved(conv.double(), x.double())
    assert "channel_product" not in type(coarse.grad_fn).__name__
