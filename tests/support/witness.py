"""What a run of a compiled backbone really holds at each step, beside what its schedule holds."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.overrides import TorchFunctionMode

from sparx_dsl.lowering import Backbone
from sparx_dsl.schedule import Free, Run


class Witness(TorchFunctionMode):
    """Sees every buffer's memory come and go during a run, and notes each step at which it is not as planned."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.schedule = backbone.schedule
        self.born: dict[str, StorageWeakRef] = {}
        self.complaints: list[str] = []
        self.inside = False
        self.place = 0
        self.handles = [
            handle
            for path in {step.module for step in self.schedule.steps if isinstance(step, Run)}
            for part in [backbone.get_submodule(path)]
            for handle in (part.register_forward_pre_hook(self.before), part.register_forward_hook(self.after))
        ]

    def before(self, part: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        """A part is about to run."""
        self.compare()
        self.inside = True

    def after(self, part: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        """A part has run."""
        self.inside = False
        self.note(output)

    def __torch_function__(
        self, func: Callable[..., Any], types: object, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func is not torch.cat or self.inside:
            return func(*args, **(kwargs or {}))
        self.compare()
        result = func(*args, **(kwargs or {}))
        self.note(result)
        return result

    def compare(self) -> None:
        """Skip the plan's frees, then compare what is alive with what the plan holds before its next step."""
        while isinstance(self.schedule.steps[self.place], Free):
            self.place += 1
        step = self.schedule.steps[self.place]
        assert not isinstance(step, Free)
        # The caller holds the images whatever the plan says, and the step's output does not exist yet.
        wanted = set(self.schedule.lives[self.place]) - {step.output, "images"}
        alive = {name for name, storage in self.born.items() if not storage.expired()}
        if alive != wanted:
            self.complaints.append(f"at {step.output}: {sorted(alive - wanted)} more, {sorted(wanted - alive)} less")

    def note(self, output: Tensor) -> None:
        """Remember the memory of the step's output, weakly, and compare its size with the plan's."""
        step = self.schedule.steps[self.place]
        assert not isinstance(step, Free)
        self.born[step.output] = StorageWeakRef(output.untyped_storage())
        size, planned = output.untyped_storage().nbytes(), self.schedule.buffers[step.output].bytes
        if size != planned:
            self.complaints.append(f"{step.output} holds {size} bytes, not {planned}")
        self.place += 1


@contextmanager
def witness(backbone: Backbone) -> Generator[Witness, None, None]:
    """A witness of the runs inside the block."""
    seen = Witness(backbone)
    with torch.no_grad(), seen:
        yield seen
    for handle in seen.handles:
        handle.remove()
