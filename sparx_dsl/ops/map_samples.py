"""The scans under ``vmap``: samples are scanned one after the other, since mapped parameters leave nothing to share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor


def map_samples(function: Callable[..., Any], info: Any, in_dims: tuple[int | None, ...], *arguments: Any) -> Any:
    """Every sample's results, stacked, and the dimension that they are stacked along.

    ``info`` and ``in_dims`` are what torch says of a mapping; raises ``ValueError`` for a mapping of no samples.
    """
    if not info.batch_size:
        raise ValueError("the mapped dimension has size 0: vmap needs at least one sample")
    mapped = list(zip(arguments, in_dims, strict=True))
    found = [
        function(*(value if place is None else value.select(place, sample) for value, place in mapped))
        for sample in range(info.batch_size)
    ]
    if isinstance(found[0], Tensor):
        return torch.stack(found), 0
    results = cast("list[tuple[Tensor, ...]]", found)
    return tuple(torch.stack(each) for each in zip(*results, strict=True)), (0,) * len(results[0])
