"""What autograd really saves: a ledger of a training step on the CPU, which knows nothing of the rules."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

import sparx_dsl
from sparx_dsl.lowering.build import TORCH_DTYPES, lower
from sparx_dsl.lowering.memory import memory_of
from sparx_dsl.pricing import SavedPart
from sparx_dsl.schedule import Gather, Run

Memory = set[Any]
"""Pieces of memory, as ``memory_of`` names them."""


def saved_by_torch(schedule: sparx_dsl.Schedule) -> dict[str, int]:
    """Bytes saved in each part of the compiled backbone, by its module's path, in a forward pass on the CPU.

    Each piece of memory counts where it is first saved, parameters and buffers of modules do not. Raises ``ValueError``
    where BatchNorm refuses a single value for each channel.
    """
    return written(schedule).saved()


@dataclass(slots=True)
class Page:
    """The memory that one part was given, that it gave, and that was saved while it ran."""

    module: str
    read: Memory = field(default_factory=set[Any])
    made: Memory = field(default_factory=set[Any])
    saved: Memory = field(default_factory=set[Any])


class Ledger:
    """A page for each part that has run so far, and how many bytes each piece of memory has."""

    def __init__(self, owned: Memory, linked: frozenset[str]) -> None:
        self.owned = owned
        self.linked = linked
        """The parts that read what an added link has adapted, which is held for nothing else."""
        self.images: Memory = set()
        self.pages: list[Page] = []
        self.bytes: dict[Any, int] = {}

    def noted(self, tensors: Iterable[Tensor]) -> Memory:
        """The memory in which these lie."""
        found = {memory_of(tensor): tensor.untyped_storage().nbytes() for tensor in tensors}
        self.bytes |= found
        return set(found)

    def pack(self, tensor: Tensor) -> Tensor:
        """Note a tensor that autograd saves."""
        self.pages[-1].saved |= self.noted((tensor,)) - self.owned
        return tensor.detach()  # A result that is held as it is holds its step, which holds it: nothing is ever freed.

    def before(self, module: str) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
        """What opens the page of a part."""

        def note(part: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            self.pages.append(Page(module, read=self.noted(inputs)))

        return note

    def after(self, part: nn.Module, inputs: tuple[Tensor, ...], output: Any) -> None:
        """Note what a part has made."""
        self.pages[-1].made |= self.noted((output,) if isinstance(output, Tensor) else output)

    def saved(self) -> dict[str, int]:
        """The bytes that each part saves and none before it has saved."""
        seen: Memory = set()
        found: dict[str, int] = {}
        for page in self.pages:
            found[page.module] = self.sum(page.saved - seen)
            seen |= page.saved
        return found

    def parts(self) -> tuple[SavedPart, ...]:
        """The same by where it lies: inside a part, or in a feature that the part is the first to read or to save."""
        features = {each for page in self.pages for each in page.read | page.made}
        made = {each for page in self.pages for each in page.made} | self.images
        seen: Memory = set()
        found: list[SavedPart] = []
        for page in self.pages:
            inner = page.saved - features - seen
            between = (page.read | (page.saved & features)) - seen
            seen |= inner | between
            # What a part reads, and no part has made, was concatenated for it.
            copied = page.read - made if page.module not in self.linked else Memory()
            found.append(SavedPart(page.module, self.sum(inner), self.sum(between), self.sum(copied)))
        return tuple(found)

    def sum(self, memory: Memory) -> int:
        """The bytes of several pieces of memory."""
        return sum(self.bytes[each] for each in memory)


def written(schedule: sparx_dsl.Schedule) -> Ledger:
    """The ledger of a forward pass in training, on images and weights of zeros."""
    dtype = TORCH_DTYPES[schedule.dtype]
    model = lower(schedule, device="meta", dtype=dtype).to_empty(device="cpu").train()
    with torch.no_grad():
        for tensor in (*model.parameters(), *model.buffers()):
            tensor.zero_()
    adapted = {step.output for step in schedule.steps if isinstance(step, Run) and step.part == "link"}
    linked = {f"{step.node}.fusion" for step in schedule.steps
              if isinstance(step, Gather) and adapted.intersection(step.inputs)}  # fmt: skip
    owned = {memory_of(tensor) for tensor in (*model.parameters(), *model.buffers())}
    ledger = Ledger(owned, frozenset(linked))
    for step in schedule.steps:
        if isinstance(step, Run):
            part = model.get_submodule(step.module)
            part.register_forward_pre_hook(ledger.before(step.module))
            part.register_forward_hook(ledger.after)
    with saved_tensors_hooks(ledger.pack, lambda tensor: tensor):
        images = torch.zeros(schedule.buffers["images"].shape, dtype=dtype)
        ledger.images |= ledger.noted((images,))
        model(images)
    return ledger
