"""Run parts on a few images at a time where their inner tensors are large."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from sparx_dsl.inference.kind_parts import kind_parts
from sparx_dsl.inference.passes.base import Change, hooks_suspended, weights_on_meta
from sparx_dsl.inference.tiled_batch import TILE_BYTES, TiledBatch
from sparx_dsl.lowering.backbone import Backbone
from sparx_dsl.lowering.memory import memory_of

TILED = ("stem", "downsample", "fusion", "mixer", "ffn")
"""The parts that make larger tensors than they are given."""


@dataclass(frozen=True, slots=True)
class TileBatch:
    """Each part runs on as few images at a time as keep its largest inner tensor to ``tile_bytes``.

    A fresh tensor of tens of MiB costs more time than a product that fills it: the system maps and clears its pages
    again in each call. Parts of which no kind states that images do not mix stay as they are.
    """

    name: str = "tile the batch"
    tile_bytes: int = TILE_BYTES

    def changes(self, backbone: Backbone) -> Iterator[Change]:
        """The parts that still run on whole batches, and need not."""
        buffers = backbone.schedule.buffers
        for part in kind_parts(backbone):
            if part.step.part in TILED and part.deployment is not None and part.path == part.step.module:
                shapes = [(1, *buffers[name].shape[1:]) for name in part.step.inputs]
                yield part.path, partial(tiled, part.module, shapes, self.tile_bytes)


def tiled(part: nn.Module, shapes: list[tuple[int, ...]], tile_bytes: int) -> TiledBatch:
    """The part, run on as many images at a time as keep its tensors to those bytes; shapes are those for one image."""
    return TiledBatch(part, widest(part, shapes), tile_bytes)


class LargestTensor(TorchDispatchMode):
    """Remembers the elements of the largest tensor that an operator gave, but for views of the given ones.

    Tensors are of any shape.
    """

    def __init__(self, given: Iterable[Tensor]) -> None:
        super().__init__()  # pyright: ignore[reportUnknownMemberType]
        self.given = {memory_of(each) for each in given}
        self.elements = 0

    def __torch_dispatch__(
        self, func: Any, types: object, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        result = cast(object, func(*args, **(kwargs or {})))
        for each in cast("list[object]", result) if isinstance(result, tuple | list) else (result,):
            if isinstance(each, Tensor) and memory_of(each) not in self.given:
                self.elements = max(self.elements, each.numel())
        return cast(Any, result)


@torch.no_grad()
def widest(part: nn.Module, shapes: list[tuple[int, ...]]) -> float:
    """The elements of the largest tensor that the part makes, for each element of its first input; without values."""
    weights = weights_on_meta(part)
    dtype = next((weight.dtype for weight in weights.values()), torch.float32)
    inputs = [torch.empty(shape, device="meta", dtype=dtype) for shape in shapes]
    with LargestTensor(weights.values()) as seen, hooks_suspended(part):
        torch.func.functional_call(part, weights, tuple(inputs), tie_weights=False)
    return seen.elements / inputs[0].numel()
