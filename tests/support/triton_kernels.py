"""Triton's kernels in a process of their own, loops over steps as their oracle, and the comparison of both."""

from __future__ import annotations

import concurrent.futures
import multiprocessing
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from tests.support import triton_process

TOLERANCE = {torch.float32: 1e-4, torch.float16: 2e-2, torch.bfloat16: 2e-2}


class Kernels:
    """A process where the kernels are interpreted or, with ``interpret`` "0", compiled."""

    def __init__(self, interpret: str) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("TRITON_INTERPRET", interpret)
            # Its default is about to change, of which Triton warns.
            patch.setenv("TRITON_DEFAULT_FP_FUSION", "1")
            context = multiprocessing.get_context("spawn")
            self.pool = concurrent.futures.ProcessPoolExecutor(1, mp_context=context)
            self.pool.submit(triton_process.problem, "cpu").result(timeout=120)

    def ask(self, function: Any, *arguments: Any) -> Any:
        """The result of a function of ``triton_process`` there."""
        return self.pool.submit(function, *arguments).result(timeout=120)

    def __call__(self, function: str, *arguments: Any, settings: Mapping[str, int] | None = None) -> Any:
        """Call one of the four functions of the backend."""
        answer = self.ask(triton_process.interpreted, function, triton_process.packed(arguments), settings)
        return triton_process.unpacked(answer)


def kernels_of(interpret: str) -> Generator[Kernels, None, None]:
    """A process for a module's tests."""
    pytest.importorskip("triton", reason="triton is not installed (extra: triton)")
    kernels = Kernels(interpret)
    yield kernels
    kernels.pool.shutdown()


def interpreted_kernels() -> Generator[Kernels, None, None]:
    """A process for a module's tests where the kernels are interpreted; they are skipped where nothing can be."""
    for kernels in kernels_of("1"):
        if fault := kernels.ask(triton_process.interpreter_fault):
            kernels.pool.shutdown()
            pytest.skip(f"Triton's interpreter runs no kernel: {fault}")
        yield kernels


def steps(
    u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor | None, bias: Tensor | None, softplus: bool
) -> Tensor:
    """The scan of one group, step by step: u and delta (batch, channels, length), B and C (batch, N, length)."""
    z = delta if bias is None else delta + bias[:, None]
    times = functional.softplus(z) if softplus else z
    state = torch.zeros(u.shape[0], u.shape[1], A.shape[1], dtype=torch.float64)
    outputs: list[Tensor] = []
    for t in range(u.shape[2]):
        time = times[:, :, t, None]
        state = torch.exp(time * A) * state + time * B[:, None, :, t] * u[:, :, t, None]
        outputs.append((state * C[:, None, :, t]).sum(2))
    y = torch.stack(outputs, 2)
    return y if D is None else y + D[:, None] * u


def scan_oracle(
    u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor | None, bias: Tensor | None, softplus: bool
) -> Tensor:
    """The scan, group by group."""
    size = u.shape[1] // B.shape[1]
    parts: list[Tensor] = []
    for group in range(B.shape[1]):
        own = slice(group * size, (group + 1) * size)
        skip, shift = (None if each is None else each[own] for each in (D, bias))
        parts.append(steps(u[:, own], delta[:, own], A[own], B[:, group], C[:, group], skip, shift, softplus))
    return torch.cat(parts, 1)


def walks(height: int, width: int) -> list[list[int]]:
    """The places of a map, in the order of rows, in the order of each direction."""
    rows = list(range(height * width))
    columns = [i * width + j for j in range(width) for i in range(height)]
    return [rows, columns, rows[::-1], columns[::-1]]


def ss2d_oracle(x: Tensor, projected: Tensor, dt_weight: Tensor, dt_bias: Tensor, A: Tensor, D: Tensor) -> Tensor:
    """The sum over the four directions, each gathered place by place."""
    inner, rank, state = x.shape[1], dt_weight.shape[2], A.shape[1]
    total = torch.zeros_like(x)
    for direction, places in enumerate(walks(*x.shape[2:])):
        own = slice(direction * inner, (direction + 1) * inner)
        start = direction * (rank + 2 * state)
        values = projected.flatten(1, 2)[:, places, start : start + rank + 2 * state].transpose(1, 2)
        time, B, C = torch.split(values, [rank, state, state], 1)
        delta = dt_weight[direction] @ time
        y = steps(x.flatten(2)[:, :, places], delta, A[own], B, C, D[own], dt_bias[direction], True)
        back = [places.index(place) for place in range(len(places))]
        total = total + torch.unflatten(y[:, :, back], 2, x.shape[2:])
    return total


def numbers(seed: int) -> Callable[..., Tensor]:
    """A source of normal numbers for a seed."""
    generator = torch.Generator().manual_seed(seed)
    return lambda *shape: torch.randn(*shape, generator=generator)


def scan_inputs(
    batch: int, groups: int, size: int, length: int, state: int, dtype: torch.dtype, *, rows: bool = True,
    softplus: bool = True, seed: int = 0,
) -> list[Any]:  # fmt: skip
    """Arguments of ``scan``: u channels-last, the others contiguous."""
    normal, channels = numbers(seed), groups * size
    u = normal(batch, length, channels).transpose(1, 2).to(dtype)
    delta = normal(batch, channels, length).to(dtype)
    A = -torch.exp(normal(channels, state))
    B, C = (normal(batch, groups, state, length).to(dtype) for _ in range(2))
    D, bias = (normal(channels) if rows else None for _ in range(2))
    return [u, delta if softplus else delta.abs(), A, B, C, D, bias if softplus else None, softplus]


def ss2d_inputs(
    batch: int, inner: int, height: int, width: int, rank: int, state: int, dtype: torch.dtype, *, scale: float = 1.0,
    seed: int = 0,
) -> list[Any]:  # fmt: skip
    """Arguments of ``ss2d``."""
    normal = numbers(seed)
    x = (scale * normal(batch, inner, height, width)).to(dtype)
    projected = (scale * normal(batch, height, width, 4 * (rank + 2 * state))).to(dtype)
    weight, bias, D = normal(4, inner, rank), normal(4, inner), normal(4 * inner)
    return [x, projected, weight, bias, -torch.exp(normal(4 * inner, state)), D]


def differences(found: Sequence[Tensor | None], expected: Sequence[Tensor | None], least: float = 1e-30) -> list[float]:
    """The largest difference of each pair, relative to the largest value expected (or ``least``); None is None."""
    assert [each is None for each in found] == [each is None for each in expected]
    pairs = [(a.double(), b) for a, b in zip(found, expected, strict=True) if a is not None and b is not None]
    assert all(a.shape == b.shape for a, b in pairs)
    return [((a - b).abs().max() / b.abs().max().clamp_min(least)).item() for a, b in pairs]


def check(
    kernels: Kernels, name: str, oracle: Callable[..., Tensor], inputs: list[Any], tolerance: float,
    backward: Mapping[str, int] | None = None,
) -> None:  # fmt: skip
    """Compare the result and all gradients with those of the oracle in float64."""
    exact = [each.double().requires_grad_() if isinstance(each, Tensor) else each for each in inputs]
    expected = oracle(*exact)
    gradient = numbers(99)(*expected.shape).to(inputs[0].dtype)
    expected.backward(gradient.double())
    found = kernels(name, *inputs)
    assert found.dtype == inputs[0].dtype
    # Where the parts of a sum cancel, what is left of 16 bits counts against the parts, of about 1.
    least = 1e-30 if inputs[0].dtype == torch.float32 else 1.0
    assert differences([found], [expected.detach()], least)[0] <= tolerance
    gradients = kernels(f"{name}_backward", gradient, *inputs, settings=backward)
    wanted = [each.grad if isinstance(each, Tensor) else None for each in exact[: len(gradients)]]
    tensors = [each for each in inputs[: len(gradients)] if isinstance(each, Tensor)]
    assert [each.dtype for each in gradients if each is not None] == [each.dtype for each in tensors]
    assert max(differences(gradients, wanted, least)) <= tolerance
