"""Parts whose inner tensors backward computes again instead of keeping them (checkpointing, Chen et al. 2016)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint  # pyright: ignore[reportUnknownVariableType]

from sparx_dsl.nn.feature_maps import gathered

MOVING = (
    nn.BatchNorm1d,
    nn.BatchNorm2d,
    nn.BatchNorm3d,
    nn.SyncBatchNorm,
    nn.InstanceNorm1d,
    nn.InstanceNorm2d,
    nn.InstanceNorm3d,
)
"""The norms that can have running statistics."""


def recomputed_part(part: nn.Module, *inputs: Tensor) -> Tensor:
    """What the part makes of its inputs, of any shape; of it, autograd keeps nothing but the inputs.

    Gradients, drawn numbers and running statistics are those of a plain call, bit for bit.
    """
    return _recomputed(part, part, *inputs)


def read_again(features: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """The features (batch, channels, height, width) as ``regathered_part`` is to read them later on.

    Called where a plain pass concatenates them: a gradient that is the sum of three or more has the same bits only
    where these are added in the same order, which is that in which the forward pass has read the feature.
    """
    # As they lie in memory, which a view of the same shape may not, where there is one image.
    return tuple(feature[...] for feature in features) if len(features) > 1 else tuple(features)


def regathered_part(part: nn.Module, x: Tensor, features: Sequence[Tensor]) -> Tensor:
    """What a fusion makes of x and features (batch, channels, height, width), which it reads concatenated.

    The features are those that ``read_again`` gave. As ``recomputed_part``, and the concatenation is not kept either:
    backward makes it again.
    """

    def fuse(x: Tensor, *maps: Tensor) -> Tensor:
        return cast(Tensor, part(x, gathered(maps)))

    return _recomputed(part, fuse, x, *features)


def _recomputed(part: nn.Module, run: Callable[..., Tensor], *inputs: Tensor) -> Tensor:
    """What ``run`` makes of the inputs, with the part and no other module."""
    if not torch.is_grad_enabled():
        return run(*inputs)
    if torch.compiler.is_compiling():
        return cast(Tensor, checkpoint(run, *inputs, use_reentrant=False))

    def contexts() -> tuple[AbstractContextManager[Any], AbstractContextManager[Any]]:
        return nullcontext(), AsBefore(part)

    return cast(Tensor, checkpoint(run, *inputs, use_reentrant=False, context_fn=contexts))


class AsBefore(AbstractContextManager[None]):
    """Within the block a part runs as it did in the first call, and its running statistics, which that moved, stay.

    Its modules train or evaluate as they did then, since the same tensors must be saved again. Norms run as they did
    then too: a momentum of zero moves nothing, and what counts is a copy. A graph that is kept enters it once for each
    backward pass.
    """

    def __init__(self, part: nn.Module) -> None:
        self.modes = [(module, module.training) for module in part.modules()]
        self.moving = [norm for norm in part.modules() if isinstance(norm, MOVING) and norm.track_running_stats]
        self.before: list[tuple[float | None, Tensor | None]] = []
        self.modes_before: list[bool] = []

    def __enter__(self) -> None:
        self.modes_before = [module.training for module, _ in self.modes]
        for module, training in self.modes:
            module.training = training
        self.before = [(norm.momentum, norm.num_batches_tracked) for norm in self.moving]
        for norm, (_, batches) in zip(self.moving, self.before, strict=True):
            norm.momentum, norm.num_batches_tracked = 0.0, None if batches is None else batches.clone()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for norm, (momentum, batches) in zip(self.moving, self.before, strict=True):
            norm.momentum, norm.num_batches_tracked = momentum, batches
        for (module, _), training in zip(self.modes, self.modes_before, strict=True):
            module.training = training
