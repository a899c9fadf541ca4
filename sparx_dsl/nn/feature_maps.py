"""How feature maps are passed to layers and stages, so that each is freed where the schedule says.

A layer or a stage is called as ``module(x, *features)``. Each argument is a tensor, which the caller may keep, or a
list of one tensor, which the caller donates: the callee takes it out of the list, so that the frames of
``nn.Module.__call__`` hold it no longer. Only ``FeatureMaps.arguments`` makes such lists, and no other code ever sees
one: not where gradients are recorded, since autograd keeps the maps in any case, not where a layer or stage has hooks,
is wrapped or replaced, and not in compilers. People call layers and stages with plain tensors, always.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

Map = Tensor | list[Tensor]
"""A feature map (batch, channels, height, width) that the caller may keep, or a donated one, alone in a list."""


def taken(given: Map) -> Tensor:
    """The map (batch, channels, height, width).

    It is out of its list if it is donated, so that it is freed as soon as the callee has no more use for it.
    """
    return given.pop() if isinstance(given, list) else given


def gathered(features: Sequence[Map]) -> Tensor:
    """The features concatenated along the channels, (batch, sum of channels, height, width); one alone is no copy."""
    maps = [taken(feature) for feature in features]
    return maps[0] if len(maps) == 1 else torch.cat(maps, dim=1)


class FeatureMaps(dict[str, Tensor]):
    """The maps (batch, channels, height, width) that a running module holds, by their names in the schedule."""

    def arguments(self, reads: Sequence[str], frees: Iterable[str], *, donates: bool) -> list[Map]:
        """The maps that a layer or stage is called with; those that it frees are held here no longer.

        They are donated if the callee takes donations and no gradient is recorded.
        """
        donates = donates and not torch.is_grad_enabled() and not torch.compiler.is_compiling()
        maps: list[Map] = [[self[name]] if donates and name in frees else self[name] for name in reads]
        self.free(frees)
        return maps

    def free(self, names: Iterable[str]) -> None:
        """Hold these maps no longer."""
        for name in names:
            del self[name]
