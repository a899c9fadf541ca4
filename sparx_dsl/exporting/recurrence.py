"""The linear recurrence as a program for runtimes that run one operator over a whole tensor at a time."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor
from torch.nn import functional

STEPS = 16
"""The most steps of a chunk, one operator after the other; and those of each where the length is not known."""
FEWEST = 7
"""The fewest steps of a chunk, unless there are no more; every length at 224 × 224 pixels is a multiple."""


def recurrence(decay: Tensor, drive: Tensor, longest: int, *, backward: bool = False) -> Tensor:
    """Solve h[t] = decay[t] · h[t−1] + drive[t] with h[−1] = 0 along dimension 1, or from the end.

    Both are (batch, length, …) of one shape, and so is the result. A length that is symbolic is at most ``longest``. As
    in Blelloch (1990), but for chunks that are solved in steps: all of them from zero first, beside the products
    of their decays; then what each begins with, by doubling. Nothing but products of decays is ever formed.
    """
    length = decay.shape[1]
    known = isinstance(cast(object, length), int)  # torch.export traces with symbols
    steps = _steps(length) if known else STEPS
    chunks = (length + steps - 1) // steps
    # Padding by nothing would still be a copy.
    if not known or chunks * steps != length:
        decay, drive = (_padded(tensor, 0, chunks * steps - length) for tensor in (decay, drive))
    decays, drives = (list(torch.unflatten(tensor, 1, (chunks, steps)).unbind(2)) for tensor in (decay, drive))
    if backward:
        decays, drives = decays[::-1], drives[::-1]
    states, products = [drives[0]], [decays[0]]
    for step in range(1, steps):
        states.append(torch.addcmul(drives[step], decays[step], states[-1]))
        products.append(products[-1] * decays[step])
    before = _before(products[-1], states[-1], chunks if known else -(-longest // steps), backward=backward)
    if backward:
        states, products = states[::-1], products[::-1]
    solved = torch.addcmul(torch.stack(states, dim=2), torch.stack(products, dim=2), before.unsqueeze(2))
    return solved.flatten(1, 2)[:, :length]


def _steps(length: int) -> int:
    """The steps of each chunk: a divisor of the length where one is in range, so that nothing has to be padded."""
    if length <= FEWEST:
        return max(length, 1)
    return next((steps for steps in range(FEWEST, STEPS + 1) if length % steps == 0), FEWEST)


def _before(decay: Tensor, last: Tensor, most: int, *, backward: bool) -> Tensor:
    """The state before each of at most so many chunks, from its whole decay and last state: all (batch, chunks, …)."""
    reach = 1
    while reach < most:
        last = torch.addcmul(last, decay, _later(last, reach, backward=backward))
        reach *= 2
        if reach < most:
            decay = decay * _later(decay, reach // 2, backward=backward)
    return _later(last, 1, backward=backward)


def _later(tensor: Tensor, places: int, *, backward: bool) -> Tensor:
    """Move (batch, chunks, …) by that many chunks, towards the beginning if ``backward``; zeros come in."""
    if backward:
        return _padded(tensor, 0, places)[:, places:]
    return _padded(tensor, places, 0)[:, : tensor.shape[1]]


def _padded(tensor: Tensor, front: int, back: int) -> Tensor:
    """(batch, length, …) with zeros before and behind along dimension 1."""
    return functional.pad(tensor, (0, 0) * (tensor.dim() - 2) + (front, back))
