"""The selective scan of Mamba-2 by matrix products (Dao and Gu 2024, section 6), in plain PyTorch, with derivatives."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from sparx_dsl.ops.linear_recurrence import linear_recurrence


def state_space_dual(x: Tensor, steps: Tensor, rates: Tensor, B: Tensor, C: Tensor, chunk: int) -> Tensor:
    """Run S ← exp(Δ·A)·S + Δ·B·xᵀ, y = Sᵀ·C along the sequence, where a head has one rate A, and its state N × width.

    Shapes: x (batch, length, heads, width); steps Δ ≥ 0 (batch, length, heads); rates A (heads,), negative; B and C
    (batch, length, N), which all heads share. Returns y (batch, length, heads, width). Computes in the dtype of x, to
    which the others belong, float32 or float64.

    Within ``chunk`` positions the scan is a product with a lower triangular matrix of scores; between chunks the states
    are those of a linear recurrence.
    """
    length = x.shape[1]
    size = min(chunk, length)
    driven = _chunked(x * steps[..., None], size)
    total = _chunked(steps * rates, size).cumsum(2)
    inward, outward = (_chunked(each, size) for each in (B, C))
    y = within_chunks(driven, total, inward, outward)
    if driven.shape[1] > 1:
        y = y + between_chunks(driven, total, inward, outward)
    return y.flatten(1, 2)[:, :length]


def _chunked(sequence: Tensor, size: int) -> Tensor:
    """(batch, length, …) to (batch, chunks, size, …), with zeros behind the end, which change nothing before it."""
    missing = -sequence.shape[1] % size
    if missing:
        sequence = functional.pad(sequence, (0, 0) * (sequence.dim() - 2) + (0, missing))
    return torch.unflatten(sequence, 1, (sequence.shape[1] // size, size))


def within_chunks(driven: Tensor, total: Tensor, B: Tensor, C: Tensor) -> Tensor:
    """What positions read of earlier ones in their own chunk: (batch, chunks, size, heads, width).

    driven is Δ·x in that shape; total (batch, chunks, size, heads) sums the decays Δ·A from the chunk's beginning; B
    and C are (batch, chunks, size, N).
    """
    by_head = total.transpose(2, 3).contiguous()
    between = by_head[..., :, None] - by_head[..., None, :]
    later = torch.ones(between.shape[-2:], dtype=torch.bool, device=total.device).triu(1)
    # Masked before the exponential: what a position has not read yet would grow without bound.
    decay = between.masked_fill(later, float("-inf")).exp()
    scores = _products(C, B.transpose(2, 3))
    return _products(scores[:, :, None] * decay, driven.transpose(2, 3)).transpose(2, 3)


def between_chunks(driven: Tensor, total: Tensor, B: Tensor, C: Tensor) -> Tensor:
    """What positions read of the chunks before theirs, from and to the shapes of ``within_chunks``."""
    heads, width = driven.shape[3:]
    to_end = (total[:, :, -1:] - total).exp()
    states = _products(B.transpose(2, 3), (driven * to_end[..., None]).flatten(3))
    states = torch.unflatten(states, 3, (heads, width))
    decay = total[:, :, -1].exp()[:, :, None, :, None].expand(states.shape)
    ends = linear_recurrence(decay, states)
    before = torch.cat((torch.zeros_like(ends[:, :1]), ends[:, :-1]), dim=1)
    read = torch.unflatten(_products(C, before.flatten(3)), 3, (heads, width))
    return read * total.exp()[..., None]


def _products(left: Tensor, right: Tensor) -> Tensor:
    """Matrix products (…, n, m) · (…, m, k) of as many matrices, in one batch."""
    last = left.dim() - 3
    product = torch.bmm(left.flatten(0, last), right.flatten(0, last))
    return torch.unflatten(product, 0, left.shape[:-2])
