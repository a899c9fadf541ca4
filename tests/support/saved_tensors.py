"""What autograd really saves: a ledger of a training step on the CPU, which knows nothing of the rules."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

import sparx_dsl
from sparx_dsl.lowering.build import TORCH_DTYPES, lower
from sparx_dsl.lowering.memory import memory_of
from sparx_dsl.schedule import Run


def saved_by_torch(schedule: sparx_dsl.Schedule) -> dict[str, int]:
    """Bytes saved in each part of the compiled backbone, by its module's path, in a forward pass on the CPU.

    Each piece of memory counts where it is first saved, parameters and buffers of modules do not. Raises ``ValueError``
    where BatchNorm refuses a single value for each channel.
    """
    dtype = TORCH_DTYPES[schedule.dtype]
    model = lower(schedule, device="meta", dtype=dtype).to_empty(device="cpu").train()
    with torch.no_grad():
        for tensor in (*model.parameters(), *model.buffers()):
            tensor.zero_()
    owned = {memory_of(tensor) for tensor in (*model.parameters(), *model.buffers())}
    found = {step.module: 0 for step in schedule.steps if isinstance(step, Run)}
    seen: set[Any] = set()
    current: list[str] = []

    def pack(tensor: Tensor) -> Tensor:
        memory = memory_of(tensor)
        if memory not in owned and memory not in seen:
            seen.add(memory)
            found[current[-1]] += tensor.untyped_storage().nbytes()
        return tensor.detach()  # A result that is held as it is holds its step, which holds it: nothing is ever freed.

    for path in found:
        model.get_submodule(path).register_forward_pre_hook(_note(current, path))
    with saved_tensors_hooks(pack, lambda tensor: tensor):
        # The result is held, so that no memory is let go of and given out again meanwhile.
        result = model(torch.zeros(schedule.buffers["images"].shape, dtype=dtype))
    del result
    return found


def _note(current: list[str], path: str) -> Any:
    def note(part: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        current.append(path)

    return note
