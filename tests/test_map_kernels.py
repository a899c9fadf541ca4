"""Norms and depthwise convolutions of maps in Triton's interpreter, and their operators, against float64."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Any, cast

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from sparx_dsl.ops import map_operators
from tests.support import triton_process
from tests.support.triton_kernels import TOLERANCE, Kernels, differences, interpreted_kernels, numbers

DTYPES = sorted(TOLERANCE, key=str)
SHAPES = [(2, 20, 3, 4), (1, 33, 1, 5), (64, 3, 1, 2)]
"""Maps with channels, rows and places left over; the last for one program an image."""
CONVOLUTIONS = [
    (3, 1, True, "gelu"), (5, 1, False, "silu"), (7, 1, False, "none"), (9, 8, False, "gelu"), (3, 2, False, "none"),
]  # fmt: skip
"""Kernel, stride, residual and activation."""


@pytest.fixture(scope="module")
def kernels() -> Generator[Kernels, None, None]:
    """The interpreted kernels."""
    yield from interpreted_kernels()


def group_norm(x: Tensor, weight: Tensor, bias: Tensor, epsilon: float) -> Tensor:
    """PyTorch's."""
    return functional.group_norm(x, 1, weight, bias, epsilon)


def layer_norm(x: Tensor, weight: Tensor, bias: Tensor, epsilon: float) -> Tensor:
    """Step by step."""
    apart = x - x.mean(1, keepdim=True)
    normed = apart / (apart.square().mean(1, keepdim=True) + epsilon).sqrt()
    return normed * weight[:, None, None] + bias[:, None, None]


def depthwise(x: Tensor, weight: Tensor, bias: Tensor | None, stride: int, residual: bool, activation: str) -> Tensor:
    """PyTorch's convolution, and what follows."""
    y = functional.conv2d(x, weight, bias, stride, weight.shape[2] // 2, groups=len(weight))
    y = y + x if residual else y
    return {"gelu": functional.gelu, "silu": functional.silu, "none": torch.clone}[activation](y)


def interleaved_depthwise(
    first: Tensor, second: Tensor, third: Tensor, weight: Tensor, bias: Tensor | None, activation: str
) -> Tensor:
    """Channels picked one by one."""
    joined = torch.cat((first, second, third), 1)
    order = [channel for start in range(3) for channel in range(start, joined.shape[1], 3)]
    return depthwise(joined[:, order], weight, bias, 1, False, activation)


ORACLES: dict[str, Callable[..., Tensor]] = {
    each.__name__: each for each in (group_norm, layer_norm, depthwise, interleaved_depthwise)
}


OPERATORS: dict[str, Callable[..., Any]] = {
    "group_norm": map_operators.group_norm,
    "layer_norm": map_operators.layer_norm,
    "depthwise": map_operators.depthwise,
    "interleaved_depthwise": map_operators.interleaved_depthwise,
}


def first_of(found: Any) -> Tensor:
    """An operator's first result."""
    return cast(Tensor, found[0] if isinstance(found, tuple) else found)


def compare(run: Callable[..., list[Tensor]], name: str, tensors: Sequence[Tensor | None], *options: Any) -> None:
    """Hold a result and all gradients against those of the oracle in float64."""
    exact = [each if each is None else each.double().requires_grad_() for each in tensors]
    expected = ORACLES[name](*exact, *options)
    first = tensors[0]
    assert first is not None
    gradient = numbers(7)(*expected.shape).to(first.dtype)
    leaves = [each for each in exact if each is not None]
    wanted = torch.autograd.grad(expected, leaves, gradient.double())
    found = run(name, tensors, options, gradient)
    assert [each.dtype for each in found] == [first.dtype, *(each.dtype for each in tensors if each is not None)]
    assert found[0].permute(0, 2, 3, 1).is_contiguous()
    least = 1e-30 if first.dtype == torch.float32 else 1.0
    assert max(differences(found, [expected.detach(), *wanted], least)) <= TOLERANCE[first.dtype]


def operator(name: str, tensors: Sequence[Tensor | None], options: tuple[Any, ...], gradient: Tensor) -> list[Tensor]:
    """The operator in this process, in plain PyTorch."""
    given = [each if each is None else each.detach().requires_grad_() for each in tensors]
    first = first_of(OPERATORS[name](*given, *options))
    return [first.detach(), *torch.autograd.grad(first, [each for each in given if each is not None], gradient)]


def interpreted(kernels: Kernels) -> Callable[..., list[Tensor]]:
    """The operator in the interpreter."""

    def run(name: str, tensors: Sequence[Tensor | None], options: tuple[Any, ...], gradient: Tensor) -> list[Tensor]:
        answer = kernels.ask(
            triton_process.interpreted_maps, name, triton_process.packed(tensors), options,
            triton_process.packed(gradient),
        )  # fmt: skip
        return triton_process.unpacked(answer)

    return run


def map_of(shape: tuple[int, ...], dtype: torch.dtype, *, wider: int = 0) -> Tensor:
    """A map away from zero; with ``wider``, the first channels of one with so many more, channels-last."""
    batch, channels, height, width = shape
    x = (numbers(1)(batch, height, width, channels + wider) + 3).to(dtype)
    return x[..., :channels].permute(0, 3, 1, 2) if wider else x.permute(0, 3, 1, 2).contiguous()


@pytest.mark.parametrize("name", ["group_norm", "layer_norm"])
@pytest.mark.parametrize(("shape", "wider"), [(SHAPES[0], 4), (SHAPES[1], 0), (SHAPES[2], 1)])
def test_norms_are_their_definitions(kernels: Kernels, name: str, shape: tuple[int, ...], wider: int) -> None:
    """Any shape and strides, interpreted and in plain PyTorch, with every gradient."""
    for dtype in DTYPES if shape == SHAPES[0] else [torch.float32]:
        tensors = [map_of(shape, dtype, wider=wider), *(numbers(each)(shape[1]) for each in (2, 3))]
        for run in (interpreted(kernels), operator):
            compare(run, name, tensors, 1e-5)


@pytest.mark.parametrize(("kernel", "stride", "residual", "activation"), CONVOLUTIONS)
def test_depthwise_convolutions_are_their_definitions(
    kernels: Kernels, kernel: int, stride: int, residual: bool, activation: str
) -> None:
    """Any kernel and stride, with all that follows, interpreted and in plain PyTorch, with every gradient."""
    for dtype in DTYPES if kernel == 3 else [torch.float32]:
        bias = None if kernel == 7 else numbers(3)(20)
        weight = numbers(2)(20, 1, kernel, kernel)
        if kernel == 3:
            weight = weight.permute(2, 3, 1, 0).contiguous().permute(3, 2, 0, 1)
        tensors = [map_of(SHAPES[0], dtype, wider=4), weight, bias]
        for run in (interpreted(kernels), operator):
            compare(run, "depthwise", tensors, stride, residual, activation)


def test_interleaved_maps_are_one(kernels: Kernels) -> None:
    """Three maps are read as if they were concatenated and their channels reordered."""
    maps = [numbers(each)(2, 7, 3, 4) for each in range(3)]
    for run in (interpreted(kernels), operator):
        compare(run, "interleaved_depthwise", [*maps, numbers(5)(21, 1, 3, 3), numbers(6)(21)], "gelu")


def test_training_on_cuda_goes_through_the_kernels(kernels: Kernels) -> None:
    """With channels-last maps: norms, and convolutions whose backward has a kernel and that no hook watches.

    There is no CUDA device here: fake tensors of one show what would be called where the interpreter stands for it.
    """
    found = kernels.ask(triton_process.operators_on_cuda, "channels_last")
    convolved = [("sparx_dsl.depthwise.default", [1, False, "silu"])]
    norms = {name: [(f"sparx_dsl.{name}_norm.default", [1e-5])] for name in ("group", "layer")}
    assert found == {name: [] for name in found} | norms | {"3": convolved, "7": convolved}
    contiguous = kernels.ask(triton_process.operators_on_cuda, "contiguous_format")
    assert contiguous == {name: [] for name in found}


def test_second_derivatives() -> None:
    """All operators can be differentiated twice."""

    def of(name: str, *options: Any) -> Callable[..., Tensor]:
        return lambda *tensors: first_of(OPERATORS[name](*tensors, *options))

    normal = numbers(0)
    x, weight, bias, taps, wide, third = (
        normal(*shape).double().requires_grad_()
        for shape in ((1, 2, 2, 3), (2,), (2,), (2, 1, 3, 3), (6, 1, 3, 3), (6,))
    )
    for function, given in (
        (of("group_norm", 1e-5), (x, weight, bias)),
        (of("layer_norm", 1e-5), (x, weight, bias)),
        (of("depthwise", 1, True, "silu"), (x, taps, bias)),
        (of("interleaved_depthwise", "gelu"), (x, x, x, wide, third)),
    ):
        assert torch.autograd.gradcheck(function, given)
        assert torch.autograd.gradgradcheck(function, given)


@pytest.mark.parametrize("shape", [(2, 4, 0, 3), (2, 4, 3, 0), (0, 4, 3, 3)])
@pytest.mark.parametrize("stride", [1, 2])
def test_a_map_without_positions_gives_one(shape: tuple[int, ...], stride: int) -> None:
    """With and without values, and gradients of zero."""
    settings = (stride, stride == 1, "gelu")
    found: dict[str, tuple[Tensor, ...]] = {}
    for device in ("cpu", "meta"):
        x, weight, bias = torch.ones(shape, device=device), torch.ones(4, 1, 3, 3, device=device), torch.ones(4)
        y = OPERATORS["depthwise"](x, weight, bias.to(device), *settings)
        found[device] = y, *torch.ops.sparx_dsl.depthwise_backward(y, x, weight, bias.to(device), *settings)
    for real, fake in zip(found["cpu"], found["meta"], strict=True):
        assert real.shape == fake.shape
        assert not real.any()


def test_equal_channels_have_no_gradient_of_a_weight() -> None:
    """Rounding of their mean is not multiplied by the inverse of a deviation that is zero."""
    x, gradient = torch.full((3, 6, 5, 4), 0.7312), numbers(3)(3, 6, 5, 4)
    _, taps, _ = torch.ops.sparx_dsl.layer_norm_backward(gradient, x, torch.ones(6), 1e-5)
    assert taps.abs().max() < 1e-6


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"weight": torch.ones(4, 1, 2, 2)}, "padding by half needs an odd size"),
        ({"weight": torch.ones(3, 1, 3, 3)}, "weight has shape"),
        ({"stride": 2, "residual": True}, "with a residual it must be 1"),
        ({"stride": 0}, "it must be at least 1"),
        ({"activation": "relu"}, "unknown activation 'relu': write one of none, gelu, silu"),
        ({"bias": torch.ones(4, dtype=torch.int64)}, "bias has dtype"),
    ],
)
def test_what_does_not_match_is_named(arguments: dict[str, Any], message: str) -> None:
    """Before a kernel sees an address, with and without values."""
    good = {"x": torch.ones(1, 4, 2, 2), "weight": torch.ones(4, 1, 3, 3), "bias": None, "stride": 1,
            "residual": False, "activation": "none"}  # fmt: skip
    for device in ("cpu", "meta"):
        given = [each.to(device) if isinstance(each, Tensor) else each for each in (good | arguments).values()]
        with pytest.raises(ValueError, match=message):
            OPERATORS["depthwise"](*given)


@pytest.mark.parametrize("norm", [map_operators.group_norm, map_operators.layer_norm])
def test_maps_that_no_memory_holds_are_refused(norm: Callable[..., Any]) -> None:
    """An expanded one has memory, and would be summed for years."""
    x, weight = torch.zeros(()).expand(1, 1, 2**50, 1), torch.ones(1)
    with pytest.raises(ValueError, match="x has 1,125,899,906,842,624 elements, more than memory holds"):
        norm(x, weight, weight, 1e-5)
