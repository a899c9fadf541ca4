"""Parts whose inner tensors backward computes again instead of keeping them (checkpointing, Chen et al. 2016)."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint  # pyright: ignore[reportUnknownVariableType]


def recomputed_part(part: nn.Module, *inputs: Tensor) -> Tensor:
    """What the part makes of its inputs; of it, autograd keeps nothing but the inputs.

    Gradients, drawn numbers and running statistics are those of a plain call, bit for bit.
    """
    if not torch.is_grad_enabled():
        return cast(Tensor, part(*inputs))
    if torch.compiler.is_compiling():
        return cast(Tensor, checkpoint(part, *inputs, use_reentrant=False))

    def contexts() -> tuple[AbstractContextManager[Any], AbstractContextManager[Any]]:
        return nullcontext(), statistics_kept(part)

    return cast(Tensor, checkpoint(part, *inputs, use_reentrant=False, context_fn=contexts))


@contextmanager
def statistics_kept(part: nn.Module) -> Generator[None]:
    """Within the block the part's norms do not move their running statistics, which the first call has moved.

    They run as they did then, since the same tensors must be saved again; a momentum of zero moves nothing.
    """
    moving = [norm for norm in part.modules() if isinstance(norm, nn.BatchNorm2d) and norm.track_running_stats]
    before = [(norm.momentum, norm.num_batches_tracked) for norm in moving]
    for norm in moving:
        norm.momentum, norm.num_batches_tracked = 0.0, None
    try:
        yield
    finally:
        for norm, (momentum, batches) in zip(moving, before, strict=True):
            norm.momentum, norm.num_batches_tracked = momentum, batches
