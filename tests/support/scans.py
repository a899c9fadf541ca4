"""Arguments of the scans, and threads to run them with."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager

import torch
from torch import Tensor

from sparx_dsl.ops import selective_scan as scans
from sparx_dsl.ops.selective_scan import decay_rates

Scan = Callable[..., Tensor]
selective_scan: Scan = scans.selective_scan
ss2d_scan: Scan = scans.ss2d_scan
"""The scans, for lists of arguments: of the types of unpacked lists nothing is known."""


def ss2d_arguments(seed: int, batch: int, inner: int, height: int, width: int, rank: int, states: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    return [
        normal(batch, inner, height, width), normal(batch, height, width, 4 * (rank + 2 * states)),
        normal(4, inner, rank), normal(4, inner), decay_rates(normal(4 * inner, states)), normal(4 * inner),
    ]  # fmt: skip


@contextmanager
def threads(count: int) -> Generator[None, None, None]:
    """That many threads inside."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
