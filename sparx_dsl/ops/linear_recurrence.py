"""The first-order linear recurrence along a sequence (Blelloch 1990), in two levels of chunks, with its derivative."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor
from torch.nn import functional


def linear_recurrence(decay: Tensor, drive: Tensor) -> Tensor:
    """Solve h[t] = decay[t] · h[t−1] + drive[t] with h[−1] = 0 along dimension 1.

    Both are (batch, length, …) of one shape and floating dtype, and so is the result. Stable for decays in
    [0, 1]: nothing but products of decays is ever formed. Differentiable any number of times.
    """
    return cast(Tensor, _LinearRecurrence.apply(decay, drive))  # pyright: ignore[reportUnknownMemberType]


class _LinearRecurrence(torch.autograd.Function):
    """The derivative of the recurrence is the same recurrence from the end, with decays one step later."""

    generate_vmap_rule = True
    """It is plain PyTorch, out of place, so that ``vmap`` can go into it."""

    @staticmethod
    def forward(decay: Tensor, drive: Tensor) -> Tensor:
        return solve_in_chunks(decay, drive)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(inputs[0], output)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor]:
        decay, states = ctx.saved_tensors
        (gradient,) = gradients
        later = torch.cat((decay[:, 1:], torch.zeros_like(decay[:, :1])), dim=1)
        drive_gradient = linear_recurrence(later.flip(1), gradient.flip(1)).flip(1)
        before = torch.cat((torch.zeros_like(states[:, :1]), states[:, :-1]), dim=1)
        return drive_gradient * before, drive_gradient


def solve_in_chunks(decay: Tensor, drive: Tensor) -> Tensor:
    """Solve the recurrence in chunks of about sqrt(length), each step over all chunks at once.

    The first pass finds the state at every chunk's end as if it had begun at zero; the carry over the chunks
    is the state at every chunk's beginning; the second pass starts from there. Shapes as in
    ``linear_recurrence``.
    """
    length = decay.shape[1]
    if length == 0:
        return torch.empty_like(drive)
    chunk = 1
    # Counted up, since torch.compile cannot trace math.isqrt of a length that it has made symbolic.
    while chunk * chunk < length:
        chunk += 1
    chunks = -(-length // chunk)
    decay, drive = (_split(tensor, chunks, chunk) for tensor in (decay, drive))
    state = _carry(decay.prod(dim=2), _last_states(decay, drive))
    states: list[Tensor] = []
    for step in range(chunk):
        state = torch.addcmul(drive[:, :, step], decay[:, :, step], state)
        states.append(state)
    return torch.stack(states, dim=2).flatten(1, 2)[:, :length]


def _split(tensor: Tensor, chunks: int, chunk: int) -> Tensor:
    """Read (batch, length, …) as (batch, chunks, chunk, …), with zeros after the end."""
    missing = chunks * chunk - tensor.shape[1]
    # Padding by nothing would still copy the tensor, and every length at 224 × 224 is a square.
    if missing:
        tensor = functional.pad(tensor, (0, 0) * (tensor.dim() - 2) + (0, missing))
    return torch.unflatten(tensor, 1, (chunks, chunk))


def _last_states(decay: Tensor, drive: Tensor) -> Tensor:
    """Last state of each chunk that begins at zero: (batch, chunks, chunk, …) to (batch, chunks, …)."""
    state = drive[:, :, 0]
    for step in range(1, drive.shape[2]):
        state = torch.addcmul(drive[:, :, step], decay[:, :, step], state)
    return state


def _carry(decay: Tensor, last: Tensor) -> Tensor:
    """State before each chunk, from each chunk's whole decay and last state: all (batch, chunks, …)."""
    state = torch.zeros_like(last[:, 0])
    states = [state]
    for index in range(last.shape[1] - 1):
        state = torch.addcmul(last[:, index], decay[:, index], state)
        states.append(state)
    return torch.stack(states, dim=1)
