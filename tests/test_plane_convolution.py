"""The compiled depthwise convolution of channels-first maps and its gradients, against PyTorch's in float64."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from sparx_dsl.nn.convolution import convolve, depthwise
from sparx_dsl.ops.cpu import library, planes
from sparx_dsl.ops.plane_operators import plane_convolution, plane_convolution_backward
from tests.support.deployed import worst_error
from tests.support.derivatives import gradients, of_gradients
from tests.support.instructions import each_set, use
from tests.support.scans import threads as with_threads
from tests.support.strategies import examples

pytestmark = pytest.mark.skipif(library.problem() is not None, reason=str(library.problem()))

TOLERANCE = 3e-6
OURS = "plane_convolution"


def definition(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """What PyTorch makes of them."""
    return functional.conv2d(x, weight, bias, padding=weight.shape[2] // 2, groups=x.shape[1])


@settings(max_examples=examples(0.3), deadline=None)
@given(
    sizes=st.tuples(st.integers(1, 3), st.integers(1, 9), st.integers(1, 12), st.integers(1, 40)),
    kernel=st.sampled_from(planes.KERNELS),
    bias=st.booleans(),
    threads=st.integers(1, 3),
)
def test_results_and_gradients_are_those_of_pytorch(
    sizes: tuple[int, int, int, int], kernel: int, bias: bool, threads: int
) -> None:
    """At any size, maps smaller than the kernel too; the same with any number of threads."""
    torch.manual_seed(0)
    tensors = [torch.randn(sizes), torch.randn(sizes[1], 1, kernel, kernel)]
    tensors += [torch.randn(sizes[1])] if bias else []
    with with_threads(threads):
        found = gradients(lambda *each: plane_convolution(*each, *([] if bias else [None])), tensors)
    with with_threads(1):
        alone = gradients(lambda *each: plane_convolution(*each, *([] if bias else [None])), tensors)
    assert all(map(torch.equal, found, alone))
    expected = gradients(definition, [each.double() for each in tensors])
    for ours, theirs in zip(found, expected, strict=True):
        # A gradient may be close to zero by cancelling.
        assert float((ours.double() - theirs).abs().max()) < TOLERANCE * max(1.0, float(theirs.abs().max())) * kernel


@each_set
def test_every_set_of_instructions_convolves(monkeypatch: pytest.MonkeyPatch, instructions: int) -> None:
    """Whatever this machine has, the lesser sets give the same."""
    use(monkeypatch, instructions)
    torch.manual_seed(0)
    for kernel in planes.KERNELS:
        tensors = [torch.randn(2, 5, 9, 14), torch.randn(5, 1, kernel, kernel), torch.randn(5)]
        expected = gradients(definition, [each.double() for each in tensors])
        found = gradients(plane_convolution, tensors)
        assert worst_error([each.double() for each in found], expected) < 10 * TOLERANCE


def test_second_derivatives_are_those_of_pytorch() -> None:
    """By the definition."""
    torch.manual_seed(0)
    tensors = [torch.randn(2, 3, 5, 6), torch.randn(3, 1, 3, 3), torch.randn(3)]

    expected = gradients(of_gradients(definition), [each.double() for each in tensors])
    found = gradients(of_gradients(plane_convolution), tensors)
    assert worst_error([each.double() for each in found], expected) < 1e-5


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf:UserWarning")
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("kernel", planes.KERNELS)
def test_opcheck_passes(kernel: int, layout: torch.memory_format) -> None:
    """Schemas, fake kernels (strides too), and derivatives under AOT with symbolic shapes are what PyTorch demands."""
    torch.manual_seed(0)
    x = torch.randn(2, 3, 5, 6).contiguous(memory_format=layout).requires_grad_()
    weight, bias = torch.randn(3, 1, kernel, kernel).requires_grad_(), torch.randn(3).requires_grad_()
    for summand in (bias, None):
        torch.library.opcheck(plane_convolution, (x, weight, summand))
    gradient = torch.randn(2, 3, 5, 6)
    torch.library.opcheck(plane_convolution_backward, (gradient, x.detach(), weight.detach()))


def a_map() -> Tensor:
    """A map of as many numbers as kernels serve, channels-first."""
    return torch.randn(2, 4, 60, 64)


CASES: dict[str, Callable[[], tuple[nn.Conv2d, Tensor]]] = {
    "served": lambda: (depthwise(4, 3), a_map()),
    "channels last": lambda: (depthwise(4, 3), a_map().contiguous(memory_format=torch.channels_last)),
    "float64": lambda: (depthwise(4, 3).double(), a_map().double()),
    "dense": lambda: (nn.Conv2d(4, 4, 3, padding=1), a_map()),
    "too large": lambda: (depthwise(4, 9), a_map()),
    "strided": lambda: (depthwise(4, 3, stride=2), a_map()),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("residual", [True, False])
def test_which_convolutions_the_kernel_serves(case: str, residual: bool) -> None:
    """Those that it serves save what PyTorch's do; without gradients, or with a hook, PyTorch's run."""
    torch.manual_seed(0)
    conv, x = CASES[case]()
    residual = residual and conv.stride == (1, 1)
    x.requires_grad_()
    saved: list[list[tuple[int, ...]]] = []

    def keep(tensor: Tensor) -> Tensor:
        saved[-1].append(tuple(tensor.shape))
        return tensor

    results: list[Tensor] = []
    for ours in (True, False):
        saved.append([])
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            if ours:
                results.append(convolve(conv, x, residual=residual, activation="silu"))
            else:
                results.append(functional.silu(x + conv(x) if residual else conv(x)))
    assert sorted(saved[0]) == sorted(saved[1])
    assert worst_error([results[0].detach()], [results[1].detach()]) < 1e-5
    assert (OURS in names_of(results[0])) == (case == "served")
    with torch.no_grad():
        assert worst_error([convolve(conv, x)], [conv(x)]) == 0
    conv.register_forward_hook(seen)
    assert OURS not in names_of(convolve(conv, x))


def seen(module: nn.Module, inputs: object, output: object) -> None:
    """A hook that does nothing."""


def names_of(y: Tensor) -> str:
    """The names of all functions in the graph of a result."""
    seen, waiting = [""], [y.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is not None:
            seen.append(type(node).__name__)
            waiting += [each for each, _ in node.next_functions]
    return " ".join(seen)


def test_other_kernels_are_refused() -> None:
    """By name of what is compiled."""
    with pytest.raises(ValueError, match="9 × 9: 3, 5, 7 are compiled"):
        plane_convolution(torch.randn(1, 2, 9, 9), torch.randn(2, 1, 9, 9), None)
    with pytest.raises(ValueError, match="float64"):
        plane_convolution(torch.randn(1, 2, 9, 9).double(), torch.randn(2, 1, 3, 3), None)
