"""Ways to spoil an operator's arguments: shapes, strides, dtypes, devices, layouts, order, names and numbers."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

DTYPES = (torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.int64, torch.bool,
          torch.complex64)  # fmt: skip
MISALIGNED = "misaligned"
FREED = "freed"
SHARED = "shared memory"
HUGE = "huge"
OF_MEMORY = frozenset({MISALIGNED, FREED, SHARED, HUGE})
"""The ways that no shape, stride or dtype shows, so that a call without values cannot see them."""
WORDS = ("", "cpuu", "cuda", "gelu ", "relu", "\0", "x" * 1000)
NUMBERS = (math.nan, math.inf, -1.0, 0.0, 1e300)


def resized(tensor: Tensor, rng: random.Random) -> Tensor:
    """Another size in one dimension."""
    if not tensor.dim():
        return tensor[None]
    place, shape = rng.randrange(tensor.dim()), list(tensor.shape)
    shape[place] = rng.choice([0, 1, max(0, shape[place] - 1), shape[place] + 1, 2 * shape[place], 16, 17])
    return torch.randn(shape).to(tensor.dtype)


def without_dimension(tensor: Tensor, rng: random.Random) -> Tensor:
    return tensor.select(rng.randrange(tensor.dim()), 0) if tensor.numel() and tensor.dim() else tensor


def with_dimension(tensor: Tensor, rng: random.Random) -> Tensor:
    return tensor.unsqueeze(rng.randrange(tensor.dim() + 1))


def transposed(tensor: Tensor, rng: random.Random) -> Tensor:
    return tensor.transpose(rng.randrange(tensor.dim()), rng.randrange(tensor.dim())) if tensor.dim() else tensor


def restrided(tensor: Tensor, rng: random.Random) -> Tensor:
    """The same values with their dimensions in another order in memory."""
    order = list(range(tensor.dim()))
    rng.shuffle(order)
    back = [order.index(place) for place in range(tensor.dim())]
    return tensor.permute(order).contiguous().permute(back)


def repeated(tensor: Tensor, rng: random.Random) -> Tensor:
    """One number for all positions."""
    return tensor.flatten()[:1].expand(tensor.numel()).view(tensor.shape) if tensor.numel() == 1 else (
        torch.randn(()).to(tensor.dtype).expand(tensor.shape)
    )  # fmt: skip


def with_gaps(tensor: Tensor, rng: random.Random) -> Tensor:
    """Every other number of one dimension of a larger tensor."""
    if not tensor.numel() or not tensor.dim():
        return tensor
    place = rng.randrange(tensor.dim())
    return tensor.repeat_interleave(2, place).unfold(place, 1, 2).squeeze(-1)


def negated_view(tensor: Tensor, rng: random.Random) -> Tensor:
    """A tensor whose numbers are yet to be negated."""
    return torch.complex(torch.zeros(tensor.shape), torch.randn(tensor.shape)).conj().imag


def misaligned(tensor: Tensor, rng: random.Random) -> Tensor:
    """Numbers that begin at an odd address."""
    if tensor.dtype != torch.float32 or not tensor.numel():
        return tensor
    memory = bytearray(b"\0" + tensor.detach().resolve_neg().contiguous().numpy().tobytes())
    return torch.frombuffer(memory, dtype=torch.float32, offset=1).view(tensor.shape)


def of_dtype(tensor: Tensor, rng: random.Random) -> Tensor:
    return tensor.to(rng.choice(DTYPES))


def sparse(tensor: Tensor, rng: random.Random) -> Tensor:
    return tensor if tensor.dtype == torch.float8_e4m3fn else tensor.to_sparse()  # which that dtype has not


TENSORS: dict[str, Callable[[Tensor, random.Random], Tensor]] = {
    "resized": resized,
    "without dimension": without_dimension,
    "with dimension": with_dimension,
    "transposed": transposed,
    "restrided": restrided,
    "repeated": repeated,
    "with gaps": with_gaps,
    "negated view": negated_view,
    MISALIGNED: misaligned,
    "dtype": of_dtype,
    "meta": lambda tensor, rng: tensor.to("meta"),
    "sparse": sparse,
    "gradient": lambda tensor, rng: tensor.detach().clone().requires_grad_(tensor.is_floating_point()),
}


def mutated(arguments: list[Any], rng: random.Random, names: list[str]) -> tuple[list[Any], list[str]]:
    """The arguments, spoilt in none to three ways, and the names of the ways."""
    found, kinds = list(arguments), list[str]()
    for _ in range(rng.choice([0, 1, 1, 1, 1, 2, 3])):
        place = rng.randrange(len(found))
        value = found[place]
        chance = rng.random()
        if isinstance(value, Tensor) and value.layout is torch.strided and value.device.type == "cpu" and chance < 0.9:
            kind = rng.choice(list(TENSORS))
            found[place] = TENSORS[kind](value, rng)
        elif isinstance(value, str):
            kind, found[place] = "word", rng.choice([*WORDS, *names])
        elif isinstance(value, float):
            kind, found[place] = "number", rng.choice(NUMBERS)
        elif chance < 0.3:
            kind, found[place] = "none", None
        else:
            other = rng.randrange(len(found))
            kind = "swapped"
            found[place], found[other] = found[other], found[place]
        kinds.append(kind)
    if rng.random() < 0.12:
        # PyTorch shows a tensor that stands where its schema has none, and reads its memory for that.
        kinds += spoilt_memory(found, rng) if "swapped" not in kinds else []
    return found, kinds


def spoilt_memory(arguments: list[Any], rng: random.Random) -> list[str]:
    """Spoil the memory of one argument, which nothing may read from then on; returns in which way, if any."""
    plain = [place for place, value in enumerate(arguments) if isinstance(value, Tensor) and value.numel()
             and value.layout is torch.strided and value.device.type == "cpu" and not value.requires_grad]  # fmt: skip
    if not plain:
        return []
    place = rng.choice(plain)
    tensor, kind = arguments[place], rng.choice([FREED, SHARED, HUGE])
    if kind == FREED:
        arguments[place] = copy = torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype)
        copy.untyped_storage().resize_(rng.choice([0, copy.untyped_storage().nbytes() - 1]))
    elif kind == HUGE:
        if not tensor.dim():
            return []
        shape = [1] * tensor.dim()
        shape[rng.randrange(tensor.dim())] = 2**50
        arguments[place] = tensor.flatten()[:1].view([1] * tensor.dim()).expand(shape)
    else:
        others = [other for other in plain if arguments[other].dtype == tensor.dtype and other != place
                  and arguments[other].untyped_storage().nbytes() >= tensor.nbytes]  # fmt: skip
        if not others:
            return []
        storage = arguments[rng.choice(others)].untyped_storage()
        offset = rng.randint(0, (storage.nbytes() - tensor.nbytes) // tensor.element_size())
        whole = torch.empty(0, dtype=tensor.dtype).set_(storage)
        arguments[place] = whole[offset : offset + tensor.numel()].view(tensor.shape)
    return [kind]
