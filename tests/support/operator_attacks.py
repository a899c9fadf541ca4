"""Random wrong arguments for every registered operator, in a process of their own, since they may end it.

    python -m tests.support.operator_attacks SEED COUNT FIRST

Makes the attacks numbered FIRST, FIRST + 1, …, each of which depends on the seed and its number alone. Prints
one JSON object; the number of the attack under way stands on standard error.
"""

from __future__ import annotations

import json
import os
import random
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from sparx_dsl.errors import SparxError
from sparx_dsl.ops import convolution_operators, inference, map_operators, operators, pipeline, reference
from sparx_dsl.ops.arguments import ScanInputs, SS2DInputs
from sparx_dsl.ops.backends import backends
from sparx_dsl.ops.cpu import kernels, maps
from tests.support import map_attacks
from tests.support.channels import channel_attention_arguments, expected_channel_attention
from tests.support.map_attacks import widened
from tests.support.operator_mutations import FREED, HUGE, OF_MEMORY, mutated
from tests.support.scans import threads
from tests.support.windows import expected_windows, window_arguments

Arguments = list[Any]
NAMESPACE = torch.ops.sparx_dsl
IMPORTED = (operators, inference, map_operators, convolution_operators, *map_attacks.IMPORTED)
"""Importing these registers the operators."""
TOLERANCES = {torch.float64: 1e-3, torch.float32: 1e-3}
COARSE = 0.06
"""The largest error in other dtypes, relative to the largest value and at least to one."""
OVERFLOW = 1e18
"""Where larger values are expected, as from growing exponentials, single precision need not hold them."""
NO_BACKEND = "SPX551"


@dataclass(frozen=True)
class Target:
    """An operator, arguments that it takes, and what it has to return for any that it accepts."""

    name: str
    arguments: Callable[[random.Random], Arguments]
    expected: Callable[[Arguments], Sequence[Tensor]]


def number(rng: random.Random, most: int, *, least: int = 0) -> int:
    """A size, zero at times."""
    return least if rng.random() < 0.06 else rng.randint(max(1, least), most)


def normal(*shape: int) -> Tensor:
    return torch.randn(shape)


def scan_arguments(rng: random.Random) -> Arguments:
    batch, groups, share, length, state = (
        number(rng, 3), number(rng, 3, least=1), number(rng, 9), number(rng, 9), number(rng, 3),
    )  # fmt: skip
    channels = groups * share
    row = [normal(channels) if rng.random() < 0.7 else None for _ in range(2)]
    tensors = [normal(batch, channels, length), normal(batch, channels, length), -torch.rand(channels, state),
               normal(batch, groups, state, length), normal(batch, groups, state, length)]  # fmt: skip
    return [*tensors, *row, rng.random() < 0.7, rng.choice(["", "cpu", "torch", "reference"])]


def ss2d_tensors(rng: random.Random) -> list[Tensor]:
    batch, inner, height, width, rank, state = (number(rng, most) for most in (3, 19, 4, 4, 4, 3))
    return [normal(batch, inner, height, width), normal(batch, height, width, 4 * (rank + 2 * state)),
            normal(4, inner, rank), normal(4, inner), -torch.rand(4 * inner, state), normal(4 * inner)]  # fmt: skip


def ss2d_arguments(rng: random.Random) -> Arguments:
    return [*ss2d_tensors(rng), rng.choice(["", "cpu", "torch", "reference"])]


def with_gradient(arguments: Callable[[random.Random], Arguments]) -> Callable[[random.Random], Arguments]:
    """The arguments of a backward operator: the gradient comes first, and is shaped as the first of the others."""

    def made(rng: random.Random) -> Arguments:
        found = arguments(rng)
        return [torch.randn(found[0].shape), *found]

    return made


def random_map(rng: random.Random) -> Tensor:
    """A channels-last map, in either dtype."""
    batch, channels, height, width = (number(rng, most) for most in (3, 35, 6, 6))
    dtype = rng.choice([torch.float32, torch.bfloat16])
    return normal(batch, height, width, channels).to(dtype).permute(0, 3, 1, 2)


def depthwise_arguments(rng: random.Random) -> Arguments:
    x, size = random_map(rng), rng.choice(maps.KERNELS)
    channels = x.shape[1]
    weight, bias = maps.packed(normal(channels, 1, size, size), normal(channels))
    return [x, weight, bias, rng.choice(list(maps.ACTIVATIONS))]


def norm_arguments(rng: random.Random) -> Arguments:
    x = random_map(rng)
    return [x, normal(x.shape[1]), normal(x.shape[1]), rng.choice([1e-5, 0.1])]


def in_place_ss2d_arguments(rng: random.Random) -> Arguments:
    x, projected, *rest = ss2d_tensors(rng)
    dtype = rng.choice([torch.float32, torch.bfloat16])
    x = x.to(dtype).permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)
    return [x, projected.to(dtype), *kernels.ss2d_parameters(*rest).values()]


def present(gradients: Sequence[Tensor | None]) -> list[Tensor]:
    """An operator has no None for a tensor that is not there, but an empty one."""
    return [torch.empty(0) if each is None else each for each in gradients]


def expected_ss2d_in_place(arguments: Arguments) -> Sequence[Tensor]:
    x, projected, weight, bias, rate, skip = widened(arguments)
    inputs = SS2DInputs(x, projected, weight.transpose(1, 2), bias, rate.transpose(1, 2).flatten(0, 1), skip)
    return [pipeline.ss2d(reference.scan, inputs)]


def expected_depthwise(arguments: Arguments) -> Sequence[Tensor]:
    x, weight, bias, activation = widened(arguments)
    channels = x.shape[1]
    kernel = weight.permute(2, 0, 1)[:channels, None]
    y = functional.conv2d(x, kernel, bias[:channels], padding=len(weight) // 2, groups=channels) if x.numel() else x
    return [functional.gelu(y) if activation == "gelu" else functional.silu(y) if activation == "silu" else y]


def expected_norm(arguments: Arguments) -> Sequence[Tensor]:
    x, weight, bias, epsilon = widened(arguments)
    centred = x - x.mean((1, 2, 3), keepdim=True)
    variance = centred.square().mean((1, 2, 3), keepdim=True)
    y = centred / (variance + epsilon).sqrt() * weight[:, None, None] + bias[:, None, None]
    return [y.masked_fill(map_attacks.undecided(x, (1, 2, 3), epsilon), torch.inf)]


def expected_scan(arguments: Arguments) -> Sequence[Tensor]:
    return [reference.scan(ScanInputs(*widened(arguments)[:-1]))]


def expected_scan_backward(arguments: Arguments) -> Sequence[Tensor]:
    gradient, *scan = widened(arguments)[:-1]
    return present(reference.scan_backward(gradient, ScanInputs(*scan)))


def expected_ss2d(arguments: Arguments) -> Sequence[Tensor]:
    return [pipeline.ss2d(reference.scan, SS2DInputs(*widened(arguments)[:-1]))]


def expected_ss2d_backward(arguments: Arguments) -> Sequence[Tensor]:
    gradient, *scan = widened(arguments)[:-1]
    return pipeline.ss2d_backward(reference.scan_backward, gradient, SS2DInputs(*scan))


TARGETS = (
    Target("selective_scan", scan_arguments, expected_scan),
    Target("selective_scan_backward", with_gradient(scan_arguments), expected_scan_backward),
    Target("ss2d_scan", ss2d_arguments, expected_ss2d),
    Target("ss2d_scan_backward", with_gradient(ss2d_arguments), expected_ss2d_backward),
    Target("ss2d_", in_place_ss2d_arguments, expected_ss2d_in_place),
    Target("depthwise_convolution", depthwise_arguments, expected_depthwise),
    Target("depthwise_convolution_", depthwise_arguments, expected_depthwise),
    Target("map_norm", norm_arguments, expected_norm),
    Target("map_norm_", norm_arguments, expected_norm),
    Target("window_attention", window_arguments, expected_windows),
    Target("channel_attention", channel_attention_arguments, expected_channel_attention),
    Target("group_norm", map_attacks.norm_arguments, map_attacks.expected_group_norm),
    Target("group_norm_backward", map_attacks.group_norm_backward_arguments, map_attacks.expected_group_norm_backward),
    Target("layer_norm", map_attacks.norm_arguments, map_attacks.expected_layer_norm),
    Target("layer_norm_backward", map_attacks.layer_norm_backward_arguments, map_attacks.expected_layer_norm_backward),
    Target("depthwise", map_attacks.plain_depthwise_arguments, map_attacks.expected_plain_depthwise),
    Target("depthwise_backward", map_attacks.depthwise_backward_arguments, map_attacks.expected_depthwise_backward),
    Target("interleaved_depthwise", map_attacks.interleaved_arguments, map_attacks.expected_interleaved),
    Target("plane_convolution", map_attacks.plane_arguments, map_attacks.expected_plane_convolution),
    Target("plane_convolution_backward", map_attacks.plane_backward_arguments, map_attacks.expected_plane_backward),
    Target("channel_product", map_attacks.channel_product_arguments, map_attacks.expected_channel_product),
    Target("channel_product_backward", map_attacks.channel_backward_arguments, map_attacks.expected_channel_backward),
    Target("product", map_attacks.product_arguments, map_attacks.expected_product),
    Target("convolution", map_attacks.convolution_arguments, map_attacks.expected_convolution),
)


def call(name: str, arguments: Arguments) -> Sequence[Tensor]:
    """What an operator returns; one that writes over its first argument returns that."""
    found = getattr(NAMESPACE, name)(*arguments)
    if found is None:
        return [arguments[0]]
    return [found] if isinstance(found, Tensor) else found


def unlike(found: Sequence[Tensor], expected: Sequence[Tensor]) -> str | None:
    """How results differ from those expected, beyond rounding."""
    if [tuple(each.shape) for each in found] != [tuple(each.shape) for each in expected]:
        return f"shapes {[tuple(each.shape) for each in found]}, not {[tuple(each.shape) for each in expected]}"
    coarse = any(each.dtype not in TOLERANCES for each in found)
    for place, (ours, theirs) in enumerate(zip(found, expected, strict=True)):
        if (theirs.abs() > OVERFLOW).any():
            continue
        scale = max(1.0, float(theirs.nan_to_num().abs().max())) if theirs.numel() else 1.0
        limit = COARSE if coarse else TOLERANCES[ours.dtype]
        if not torch.allclose(ours.double(), theirs.double(), rtol=0, atol=limit * scale, equal_nan=True):
            return f"values of result {place}"
    return None


def outline(results: Sequence[Tensor]) -> list[tuple[Any, ...]]:
    """Shapes, dtypes, and the strides that say where a number is."""
    return [(tuple(each.shape), each.dtype, [] if not each.numel() else
             [stride for stride, size in zip(each.stride(), each.shape, strict=True) if size > 1])
            for each in results]  # fmt: skip


def without_values(tensor: Tensor) -> Tensor:
    """On the device ``meta``, with the same strides."""
    return torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device="meta")


def on_meta(name: str, arguments: Arguments) -> list[tuple[Any, ...]] | str:
    """The outline of the results without values, or the name of what is raised instead."""
    given = [without_values(value) if isinstance(value, Tensor) else value for value in arguments]
    try:
        return outline(call(name, given))
    except Exception as error:
        return type(error).__name__


def attack(target: Target, rng: random.Random) -> tuple[str, str | None]:
    """Whether arguments were accepted or refused, and what was wrong with that."""
    arguments = target.arguments(rng)
    numbers = [place for place, value in enumerate(arguments) if isinstance(value, int | float)]
    arguments, kinds = mutated(arguments, rng, list(backends()))
    plain = all(each.layout is torch.strided and each.device.type == "cpu"
                for each in arguments if isinstance(each, Tensor))  # fmt: skip
    readable = plain and not {FREED, HUGE} & set(kinds)
    kept = [each.clone() if isinstance(each, Tensor) and readable else each for each in arguments]
    # PyTorch negates such a view before the operator sees it, which changes its strides.
    negated = any(each.is_neg() for each in arguments if isinstance(each, Tensor))
    meta = on_meta(target.name, arguments) if plain and not negated else None
    what = f"{target.name} {kinds} {[(tuple(v.shape), str(v.dtype)) if isinstance(v, Tensor) else v for v in kept]}"
    try:
        with threads(rng.choice([1, 2, 3])):
            found = call(target.name, arguments)
    except SparxError as error:
        known = error.diagnostics[0].code == NO_BACKEND
        return "refused", None if known or meta in (None, "SparxError") else f"{what}: without values {meta}, {error}"
    except (ValueError, RuntimeError, TypeError) as error:
        agree = meta is None or isinstance(meta, str) or bool(OF_MEMORY & set(kinds))
        return "refused", None if agree else f"{what}: without values {meta}, {error}"
    if all(each.is_meta for each in arguments if isinstance(each, Tensor)):
        return "accepted", None
    if not readable:
        return "accepted", f"{what}: it can't be read"
    wrong = unlike(found, target.expected(kept))
    # Where a number is due PyTorch takes that of a tensor of one, which has none without values.
    unread = isinstance(meta, str) and any(isinstance(arguments[place], Tensor) for place in numbers)
    if wrong is None and not unread and meta not in (None, outline(found)):
        wrong = f"without values {meta}, with values {outline(found)}"
    return "accepted", None if wrong is None else f"{what}: {wrong}"


def main(seed: int, count: int, first: int) -> None:
    """Attack every operator in turn, and print how many attempts ended how, and all that went wrong."""
    outcomes: Counter[str] = Counter()
    wrong: list[str] = []
    torch.set_num_threads(1)
    for index in range(first, first + count):
        os.write(2, f"{index}\n".encode())
        rng, target = random.Random(f"{seed} {index}"), TARGETS[index % len(TARGETS)]
        torch.manual_seed(rng.getrandbits(32))
        try:
            outcome, fault = attack(target, rng)
        except Exception as error:
            outcome, fault = "failed", f"{target.name}, attack {index}: {type(error).__name__}: {error}"
        outcomes[f"{target.name} {outcome}"] += 1
        wrong += [] if fault is None else [fault]
    print(json.dumps({"outcomes": outcomes, "wrong": wrong}))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
