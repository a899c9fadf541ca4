"""Arguments of the operators on maps that PyTorch or oneDNN can compute anywhere, and what they have to return."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from sparx_dsl.ops import channel_product, plane_operators

Arguments = list[Any]
IMPORTED = (channel_product, plane_operators)
"""Importing these registers the operators for training on CPU."""


def unchanged(y: Tensor) -> Tensor:
    return y


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "none": unchanged, "gelu": functional.gelu, "silu": functional.silu
}  # fmt: skip
DTYPES = (torch.float32, torch.bfloat16)


def size(rng: random.Random, most: int) -> int:
    return rng.randint(1, most)


def some_map(rng: random.Random, channels: int, dtype: torch.dtype) -> Tensor:
    """A map of that many channels, channels-last at times."""
    made = torch.randn(size(rng, 3), channels, size(rng, 6), size(rng, 6)).to(dtype)
    return made.contiguous(memory_format=torch.channels_last) if rng.random() < 0.7 else made


def norm_arguments(rng: random.Random) -> Arguments:
    channels = size(rng, 19)
    return [some_map(rng, channels, rng.choice(DTYPES)), torch.randn(channels), torch.randn(channels),
            rng.choice([1e-5, 0.1])]  # fmt: skip


def layer_norm_backward_arguments(rng: random.Random) -> Arguments:
    x, weight, _, epsilon = norm_arguments(rng)
    return [torch.randn_like(x), x, weight, epsilon]


def group_norm_backward_arguments(rng: random.Random) -> Arguments:
    x, weight, *_ = norm_arguments(rng)
    return [torch.randn_like(x), x, weight, expected_group_norm([x, weight, weight, 1e-5])[1].float()]


def depthwise_arguments(rng: random.Random, maps: int = 1) -> Arguments:
    channels, kernel, dtype = size(rng, 19), rng.choice([1, 3, 5]), rng.choice(DTYPES)
    x = some_map(rng, channels, dtype)
    bias = torch.randn(maps * channels).to(dtype) if rng.random() < 0.7 else None
    weight = torch.randn(maps * channels, 1, kernel, kernel).to(dtype)
    return [*(x.roll(place, 1) for place in range(maps)), weight, bias]


def plain_depthwise_arguments(rng: random.Random) -> Arguments:
    stride = rng.choice([1, 1, 2, 3])
    return [*depthwise_arguments(rng), stride, stride == 1 and rng.random() < 0.5, rng.choice(list(ACTIVATIONS))]


def plane_arguments(rng: random.Random) -> Arguments:
    channels, kernel = size(rng, 19), rng.choice([3, 5, 7])
    bias = torch.randn(channels) if rng.random() < 0.7 else None
    return [some_map(rng, channels, torch.float32), torch.randn(channels, 1, kernel, kernel), bias]


def plane_backward_arguments(rng: random.Random) -> Arguments:
    x, weight, _ = plane_arguments(rng)
    return [torch.randn_like(x), x, weight]


def channel_product_arguments(rng: random.Random) -> Arguments:
    channels, out = size(rng, 19), size(rng, 19)
    bias = torch.randn(out) if rng.random() < 0.7 else None
    return [some_map(rng, channels, torch.float32), torch.randn(out, channels, 1, 1), bias]


def channel_backward_arguments(rng: random.Random) -> Arguments:
    x, weight, _ = channel_product_arguments(rng)
    return [torch.randn(len(x), len(weight), *x.shape[2:]), x, weight]


def interleaved_arguments(rng: random.Random) -> Arguments:
    return [*depthwise_arguments(rng, 3), rng.choice(list(ACTIVATIONS))]


def depthwise_backward_arguments(rng: random.Random) -> Arguments:
    given = plain_depthwise_arguments(rng)
    (y,) = expected_plain_depthwise(given)
    return [torch.randn(y.shape).to(given[0].dtype), *given]


def product_arguments(rng: random.Random) -> Arguments:
    channels, out, dtype = size(rng, 19), size(rng, 19), rng.choice(DTYPES)
    bias = torch.randn(out).to(dtype) if rng.random() < 0.7 else None
    return [some_map(rng, channels, dtype), torch.randn(out, channels, 1, 1).to(dtype), bias,
            rng.choice(list(ACTIVATIONS))]  # fmt: skip


def convolution_arguments(rng: random.Random) -> Arguments:
    groups, dtype, kernel = rng.choice([1, 1, 2]), rng.choice(DTYPES), rng.choice([1, 3])
    share, out = size(rng, 9), groups * size(rng, 9)
    bias = torch.randn(out).to(dtype) if rng.random() < 0.7 else None
    weight = torch.randn(out, share, kernel, kernel).to(dtype)
    padding, stride = [kernel // 2] * 2, [rng.choice([1, 2])] * 2
    return [some_map(rng, groups * share, dtype), weight, bias, padding, stride, [1, 1], groups,
            rng.choice(list(ACTIVATIONS))]  # fmt: skip


def widened(arguments: Arguments) -> Arguments:
    return [value.double() if isinstance(value, Tensor) else value for value in arguments]


def undecided(x: Tensor, dims: tuple[int, ...], epsilon: float) -> Tensor:
    """Where a map's values are the same but for rounding, which alone decides its norm without epsilon."""
    variance = x.var(dims, unbiased=False, keepdim=True) + epsilon
    return variance.abs() < 1e-12 * x.square().mean(dims, keepdim=True)


def expected_group_norm(arguments: Arguments) -> Sequence[Tensor]:
    x, weight, bias, epsilon = widened(arguments)
    mean, variance = x.mean((1, 2, 3)), x.var((1, 2, 3), unbiased=False)
    inverse = (variance + epsilon).rsqrt()
    y = (x - mean[:, None, None, None]) * inverse[:, None, None, None]
    by_chance = undecided(x, (1, 2, 3), epsilon)
    y = (y * weight[:, None, None] + bias[:, None, None]).masked_fill(by_chance, torch.inf)
    return [y, torch.stack((mean, inverse.masked_fill(by_chance.flatten(), torch.inf)), 1)]


def expected_layer_norm(arguments: Arguments) -> Sequence[Tensor]:
    x, weight, bias, epsilon = widened(arguments)
    return [layer_norm(x, weight, bias, epsilon).masked_fill(undecided(x, (1,), epsilon), torch.inf)]


def layer_norm(x: Tensor, weight: Tensor, bias: Tensor, epsilon: float) -> Tensor:
    y = functional.layer_norm(x.permute(0, 2, 3, 1), (x.shape[1],), weight, bias, epsilon)
    return y.permute(0, 3, 1, 2)


def expected_plain_depthwise(arguments: Arguments) -> Sequence[Tensor]:
    x, weight, bias, stride, residual, activation = widened(arguments)
    if not x.numel():
        return [x[:, :, ::stride, ::stride]]
    y = functional.conv2d(x, weight, bias, int(stride), weight.shape[-1] // 2, groups=x.shape[1])
    return [ACTIVATIONS[activation](y + x if residual else y)]


def expected_interleaved(arguments: Arguments) -> Sequence[Tensor]:
    *maps, weight, bias, activation = arguments
    whole = torch.cat(maps, 1)
    x = torch.cat([whole[:, first::3] for first in range(3)], 1)
    return expected_plain_depthwise([x, weight, bias, 1, False, activation])


def gradients(function: Any, gradient: Tensor, tensors: Sequence[Tensor]) -> Sequence[Tensor]:
    leaves = [each.double().requires_grad_() for each in tensors]
    return torch.autograd.grad(function(*leaves), leaves, gradient.double())


def expected_layer_norm_backward(arguments: Arguments) -> Sequence[Tensor]:
    gradient, x, weight, epsilon = arguments
    tensors = (x, weight, torch.zeros(len(weight)))

    def function(*each: Tensor) -> Tensor:
        return layer_norm(each[0], each[1], each[2], epsilon)

    by_chance = undecided(x.double(), (1,), epsilon).any()
    dx, d_weight, d_bias = gradients(function, gradient, tensors)
    return [dx.masked_fill(by_chance, torch.inf), d_weight.masked_fill(by_chance, torch.inf), d_bias]


def expected_group_norm_backward(arguments: Arguments) -> Sequence[Tensor]:
    """From the statistics that are given, whatever they are."""
    gradient, x, weight, statistics = widened(arguments)
    mean, inverse = (each[:, None, None, None] for each in statistics.unbind(1))
    normal, scaled = (x - mean) * inverse, gradient * weight[:, None, None]
    means = [each.mean((1, 2, 3), keepdim=True) for each in (scaled, scaled * normal)]
    dx = inverse * (scaled - means[0] - normal * means[1])
    return [dx, (gradient * normal).sum((0, 2, 3)), gradient.sum((0, 2, 3))]


def expected_depthwise_backward(arguments: Arguments) -> Sequence[Tensor]:
    gradient, x, weight, bias, *rest = arguments
    tensors = (x, weight, torch.zeros(len(weight)) if bias is None else bias)
    if not x.numel():
        return [torch.zeros_like(each, dtype=torch.float64) for each in tensors]

    def function(*each: Tensor) -> Tensor:
        return expected_plain_depthwise([*each, *rest])[0]

    return gradients(function, gradient, tensors)


def expected_plane_convolution(arguments: Arguments) -> Sequence[Tensor]:
    return expected_plain_depthwise([*arguments, 1, False, "none"])


def expected_plane_backward(arguments: Arguments) -> Sequence[Tensor]:
    return expected_depthwise_backward([*arguments, None, 1, False, "none"])


def expected_channel_product(arguments: Arguments) -> Sequence[Tensor]:
    return expected_product([*arguments, "none"])


def expected_channel_backward(arguments: Arguments) -> Sequence[Tensor]:
    gradient, x, weight = widened(arguments)
    dx = torch.einsum("oc, nohw -> nchw", weight[:, :, 0, 0], gradient)
    return [dx, torch.einsum("nohw, nchw -> oc", gradient, x)[:, :, None, None], gradient.sum((0, 2, 3))]


def expected_product(arguments: Arguments) -> Sequence[Tensor]:
    x, weight, bias, activation = widened(arguments)
    y = torch.einsum("oc, nchw -> nohw", weight[:, :, 0, 0], x)
    return [ACTIVATIONS[activation](y if bias is None else y + bias[:, None, None])]


def expected_convolution(arguments: Arguments) -> Sequence[Tensor]:
    x, weight, bias, padding, stride, dilation, groups, activation = widened(arguments)
    return [ACTIVATIONS[activation](functional.conv2d(x, weight, bias, stride, padding, dilation, groups))]
