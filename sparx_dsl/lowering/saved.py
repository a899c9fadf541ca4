"""The bytes that autograd saves for the backward pass, part by part, measured without values."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils.hooks import RemovableHandle

from sparx_dsl.lowering.backbone import Backbone
from sparx_dsl.lowering.memory import memory_of
from sparx_dsl.schedule import Run, Schedule


@dataclass(frozen=True, slots=True)
class SavedPart:
    """What autograd saves of one part, in bytes.

    ``inner`` is saved inside the part and by nothing else, ``between`` are the feature buffers that this part is the
    first to read.
    """

    module: str
    inner: int
    between: int


def saved_parts(schedule: Schedule, backbone: Backbone) -> tuple[SavedPart, ...]:
    """What each part saves in training, in the order in which they run, at the size and batch of the schedule.

    The backbone is one on the meta device, of the same graph. Images count, since the stem saves them.
    """
    backbone.train()
    ledger = Ledger(backbone)
    dtype = next(backbone.parameters()).dtype
    images = torch.empty(schedule.buffers["images"].shape, device="meta", dtype=dtype)
    with ledger, saved_tensors_hooks(ledger.pack, ledger.unpack):
        backbone(images)
    return ledger.parts()


class Ledger:
    """Notes which memory each part saves, and which memory parts hand to one another."""

    def __init__(self, backbone: Backbone) -> None:
        self.backbone = backbone
        self.owned = {memory_of(tensor) for tensor in (*backbone.parameters(), *backbone.buffers())}
        self.runs = [step.module for step in backbone.schedule.steps if isinstance(step, Run)]
        self.current = ""
        self.read: dict[str, set[StorageWeakRef]] = {module: set() for module in self.runs}
        self.saved: dict[str, set[StorageWeakRef]] = {module: set() for module in self.runs}
        self.bytes: dict[StorageWeakRef, int] = {}
        self.features: set[StorageWeakRef] = set()
        self.handles: list[RemovableHandle] = []

    def __enter__(self) -> Ledger:
        for module in self.runs:
            part = self.backbone.get_submodule(module)
            self.handles.append(part.register_forward_pre_hook(self._before(module)))
            self.handles.append(part.register_forward_hook(self._after))
        return self

    def __exit__(self, *exception: object) -> None:
        for handle in self.handles:
            handle.remove()

    def _before(self, module: str) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
        def note(part: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            self.current = module
            self.read[module] |= self._noted(inputs)
            self.features |= self.read[module]

        return note

    def _after(self, part: nn.Module, inputs: tuple[Tensor, ...], output: Any) -> None:
        self.current = ""
        self.features |= self._noted((output,) if isinstance(output, Tensor) else output)

    def _noted(self, tensors: Iterable[Tensor]) -> set[StorageWeakRef]:
        keys: set[StorageWeakRef] = set()
        for tensor in tensors:
            key = memory_of(tensor)
            self.bytes[key] = tensor.untyped_storage().nbytes()
            keys.add(key)
        return keys

    def pack(self, tensor: Tensor) -> Tensor:
        """Note a tensor that autograd saves, and hold its memory.

        A result that is given back as it is would hold the step that made it, which holds the result: neither would
        ever be freed.
        """
        if memory_of(tensor) not in self.owned and self.current:
            self.saved[self.current] |= self._noted((tensor,))
        return tensor.detach()

    def unpack(self, tensor: Tensor) -> Tensor:
        """Give back what was saved."""
        return tensor

    def parts(self) -> tuple[SavedPart, ...]:
        """The sums, part by part; memory that several parts save counts for the first."""
        seen: set[StorageWeakRef] = set()
        found: list[SavedPart] = []
        for module in self.runs:
            inner = self.saved[module] - self.features - seen
            between = (self.read[module] | (self.saved[module] & self.features)) - seen
            seen |= inner | between
            found.append(SavedPart(module, self._sum(inner), self._sum(between)))
        return tuple(found)

    def _sum(self, keys: Iterable[StorageWeakRef]) -> int:
        return sum(self.bytes[key] for key in keys)
