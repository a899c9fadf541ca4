"""The scans by their definition, one position after the other, and what results are compared by."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from sparx_dsl.ops.cpu import library
from sparx_dsl.ops.selective_scan import decay_rates
from tests.support.scans import Scan

needs_library = pytest.mark.skipif(library.problem() is not None, reason=str(library.problem()))
COMPILED = [pytest.param("cpu", marks=needs_library), "torch", "reference"]


def recurrence(delta: Tensor, A: Tensor, B: Tensor, C: Tensor, u: Tensor) -> Tensor:
    """The oracle: one channel's sequence, all float64; A (N,), B and C (length, N), delta and u (length,)."""
    state = torch.zeros_like(A)
    results: list[Tensor] = []
    for t in range(len(u)):
        state = torch.exp(delta[t] * A) * state + delta[t] * u[t] * B[t]
        results.append((state * C[t]).sum())
    return torch.stack(results)


def softplus(z: Tensor) -> Tensor:
    return torch.log1p(torch.exp(-z.abs())) + z.clamp_min(0)


def ss2d_by_definition(x: Tensor, projected: Tensor, weight: Tensor, bias: Tensor, A: Tensor, D: Tensor) -> Tensor:
    """The oracle of SS2D: for each sample, direction and channel, the positions in the order of the walk."""
    batch, inner, height, width = x.shape
    rank, states = weight.shape[2], A.shape[1]
    rows = [(i, j) for i in range(height) for j in range(width)]
    columns = [(i, j) for j in range(width) for i in range(height)]
    total: list[Tensor] = []
    for sample in range(batch):
        for channel in range(inner):
            result = torch.zeros(height, width, dtype=x.dtype)
            for k, order in enumerate((rows, columns, rows[::-1], columns[::-1])):
                i, j = (torch.tensor(each) for each in zip(*order, strict=True))
                values = torch.unflatten(projected[sample, i, j], 1, (4, -1))[:, k]
                time, B, C = torch.split(values, [rank, states, states], dim=1)
                delta = softplus(time @ weight[k, channel] + bias[k, channel])
                u, own = x[sample, channel, i, j], k * inner + channel
                y = recurrence(delta, A[own], B, C, u) + D[own] * u
                result = result.index_put((i, j), y, accumulate=True)
            total.append(result)
    return torch.stack(total).reshape(x.shape)


def scan_by_definition(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, bias: Tensor) -> Tensor:
    """The oracle of the scan along one dimension."""
    share, steps = u.shape[1] // B.shape[1], softplus(delta + bias[:, None])
    return torch.stack([
        torch.stack([
            recurrence(steps[b, c], A[c], B[b, c // share].T, C[b, c // share].T, u[b, c]) + D[c] * u[b, c]
            for c in range(u.shape[1])
        ])
        for b in range(u.shape[0])
    ])  # fmt: skip


def scan_arguments(seed: int, batch: int, groups: int, share: int, length: int, states: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    channels = groups * share
    return [
        normal(batch, channels, length), normal(batch, channels, length), decay_rates(normal(channels, states)),
        normal(batch, groups, states, length), normal(batch, groups, states, length),
        normal(channels), normal(channels),
    ]  # fmt: skip


def with_gradients(run: Scan, tensors: list[Tensor]) -> list[Tensor]:
    """The result and the derivative of a fixed mixture of it with regard to every tensor."""
    given = [tensor.detach().clone().requires_grad_() for tensor in tensors]
    result = run(*given)
    mixture = torch.cos(torch.arange(result.numel(), dtype=torch.float64)).reshape(result.shape)
    return [result.detach(), *torch.autograd.grad((result * mixture.to(result.dtype)).sum(), given)]


def assert_near(found: list[Tensor], expected: list[Tensor], tolerance: float) -> None:
    """Each tensor's largest error is within the tolerance of its largest value, at least of 0.1, since sums cancel."""
    for place, (a, b) in enumerate(zip(found, expected, strict=True)):
        error = (a.double() - b.double()).abs().max()
        assert error <= tolerance * b.double().abs().max().clamp_min(0.1), f"tensor {place}: {error:.3g}"


def in_dtype(tensors: list[Tensor], activations: tuple[int, ...], dtype: torch.dtype) -> list[Tensor]:
    return [tensor.to(dtype) if i in activations else tensor.float() for i, tensor in enumerate(tensors)]
