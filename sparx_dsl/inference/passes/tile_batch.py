"""Run the parts of layers on a few images at a time where their inner tensors are large."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from sparx_dsl.inference.passes.base import replace
from sparx_dsl.lowering.backbone import Backbone
from sparx_dsl.lowering.memory import memory_of
from sparx_dsl.nn.tiled import TiledBatch
from sparx_dsl.schedule import Run

TILED = ("stem", "downsample", "fusion", "mixer", "ffn")
"""The parts that make larger tensors than they are given; none of them mixes images."""


@dataclass(frozen=True, slots=True)
class TileBatch:
    """Each part runs on as few images at a time as keep its largest inner tensor to ``TILE_BYTES``.

    A fresh tensor of tens of MiB costs more time than a product that fills it: the system maps and clears its pages
    anew in each call.
    """

    name: str = "tile the batch"

    def apply(self, backbone: Backbone) -> None:
        """Change the backbone in place."""
        buffers = backbone.schedule.buffers
        for step in _tiled_steps(backbone):
            part = backbone.get_submodule(step.module)
            if not isinstance(part, TiledBatch):
                shapes = [(1, *buffers[name].shape[1:]) for name in step.inputs]
                replace(backbone, step.module, TiledBatch(part, widest(part, shapes)))

    def broken(self, backbone: Backbone) -> Iterator[str]:
        """The parts that still run on whole batches."""
        for step in _tiled_steps(backbone):
            if not isinstance(backbone.get_submodule(step.module), TiledBatch):
                yield f"{step.module} still takes the whole batch"


def _tiled_steps(backbone: Backbone) -> Iterator[Run]:
    for step in backbone.schedule.steps:
        if isinstance(step, Run) and step.part in TILED:
            yield step


class LargestTensor(TorchDispatchMode):
    """Remembers the elements of the largest tensor that an operator gave, but for views of the given ones."""

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
    tensors = {**dict(part.named_parameters()), **dict(part.named_buffers())}
    weights = {name: tensor.detach().to("meta") for name, tensor in tensors.items()}
    dtype = next((weight.dtype for weight in weights.values()), torch.float32)
    inputs = [torch.empty(shape, device="meta", dtype=dtype) for shape in shapes]
    with LargestTensor(weights.values()) as seen:
        torch.func.functional_call(part, weights, tuple(inputs))
    return seen.elements / inputs[0].numel()
