"""What parts with kinds of other packages save for the backward pass, compared with what their costs say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain

import torch
from torch import Tensor, nn
from torch._subclasses import FakeTensorMode
from torch.autograd.graph import saved_tensors_hooks
from torch.func import functional_call

from sparx_dsl.errors import Code, Diagnostic, SparxError, exception_text
from sparx_dsl.kind import Kind
from sparx_dsl.language.kind_options import fault_of
from sparx_dsl.lowering.kind_modules import Shape, kind_of_step
from sparx_dsl.lowering.memory import memory_of
from sparx_dsl.pricing import SavedPart
from sparx_dsl.schedule import Run, Schedule


def compare_saved(model: nn.Module, schedule: Schedule, parts: Iterable[SavedPart]) -> None:
    """Raise ``SparxError`` (SPX415) where a part with a kind of another package saves more than its cost says.

    ``parts`` are what the plan says of all parts. A budget would not be kept with such a kind. One whose module cannot
    be run without values is SPX411.
    """
    planned = {part.module: part.inner for part in parts}
    for step in schedule.steps:
        found = kind_of_step(schedule, step) if isinstance(step, Run) else None
        if isinstance(step, Run) and found is not None and not found[0].builtin:
            shapes = [schedule.buffers[name].shape for name in step.inputs]
            _compare(found[0], step, model.get_submodule(step.module), shapes, planned[step.module])


def _compare(kind: Kind, step: Run, part: nn.Module, shapes: Sequence[Shape], planned: int) -> None:
    try:
        saved = saved_inside(part, shapes)
    except Exception as error:  # what another package raises becomes a diagnostic that names it
        message = f"the module of {kind} fails without values, {exception_text(error)}, at {step.node}"
        raise SparxError(Diagnostic(Code.MODULE_OUTPUT_DIFFERS, message, help=fault_of(kind))) from error
    if saved > planned:
        said = f"saves {saved:,} bytes for its backward pass where its cost says {planned:,}"
        note = "both count what the language makes around it: norms, projections and scales"
        help = "name every tensor that autograd saves of it in tape.save"
        message = f"the module of {kind} {said}, at {step.node}"
        raise SparxError(Diagnostic(Code.MODULE_SAVES_MORE, message, notes=(note,), help=help))


def saved_inside(part: nn.Module, shapes: Sequence[Shape]) -> int:
    """The bytes that autograd saves of a part on a CPU, but for its weights, its result and its inputs of these shapes.

    It runs with fake tensors, which have the kernels of a CPU and no values.
    """
    tensors = [*part.named_parameters(remove_duplicate=False), *part.named_buffers(remove_duplicate=False)]
    dtype = next((each.dtype for _, each in tensors if each.is_floating_point()), torch.float32)
    saved: dict[object, int] = {}

    def note(tensor: Tensor) -> Tensor:
        saved[memory_of(tensor)] = tensor.untyped_storage().nbytes()
        return tensor

    with FakeTensorMode(), torch.enable_grad(), saved_tensors_hooks(note, lambda tensor: tensor):
        weights = {
            name: torch.empty_strided(each.shape, each.stride(), dtype=each.dtype).requires_grad_(each.requires_grad)
            for name, each in tensors
        }
        inputs = [torch.empty(shape, dtype=dtype).requires_grad_() for shape in shapes]
        result = functional_call(part, weights, tuple(inputs))
        outside = {memory_of(each) for each in chain(weights.values(), inputs, (result,))}
    return sum(amount for memory, amount in saved.items() if memory not in outside)
