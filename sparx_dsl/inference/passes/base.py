"""What a pass is, and how passes are applied: one after the other, and verified."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import chain
from typing import Protocol, TypeVar, cast

import torch
from torch import Tensor, nn
from torch.func import functional_call

from sparx_dsl.errors import exception_text
from sparx_dsl.lowering.backbone import Backbone
from sparx_dsl.lowering.fxgraph import other_steps
from sparx_dsl.schedule import Run, Schedule

Wanted = TypeVar("Wanted", bound=nn.Module)
Changed = TypeVar("Changed", bound=Backbone)


Change = tuple[str, Callable[[], nn.Module]]
"""The path of a module, and a function that makes its replacement: it may change the old one, which is dropped."""


class Pass(Protocol):
    """A change of the modules of a backbone that leaves its results as they are, up to rounding."""

    @property
    def name(self) -> str:
        """What the pass does, in a few words."""
        ...

    def changes(self, backbone: Backbone) -> Iterator[Change]:
        """What is left to change."""
        ...


def apply_passes(make: Callable[[], Changed], passes: Sequence[Pass]) -> Changed:
    """A backbone of ``make`` with the passes applied in their order, verified when all have run.

    Only where that fails are they applied once more, to another backbone, and verified one by one: ``RuntimeError``
    names the first that broke something, and a pass that raises raises there.
    """
    backbone = make()
    with suppress(Exception):  # What a later pass raises may be due to an earlier one.
        undone = [sentence for each in passes for sentence in apply_pass(backbone, each)]
        if not [*undone, *verify(backbone)]:
            return backbone
    backbone = make()
    for each in passes:
        broken = [*apply_pass(backbone, each), *verify(backbone)]
        if broken:
            raise RuntimeError(f"the pass {each.name!r} made an invalid module: {'; '.join(broken)}")
    return backbone


def apply_pass(backbone: Backbone, applied: Pass) -> list[str]:
    """Apply one pass in place; what it left as it was, or put beside the steps, one sentence each."""
    beside = set(outside_of_steps(backbone))
    for path, make in list(applied.changes(backbone)):
        replace(backbone, path, make())
    undone = [f"{path} is as it was" for path, _ in applied.changes(backbone)]
    return undone + [f"{name} belongs to no step" for name in outside_of_steps(backbone) if name not in beside]


def verify(backbone: Backbone) -> list[str]:
    """The invariants of a backbone that a pass, or its user, has broken, one sentence each.

    It runs the steps of its schedule, and results have the planned shapes, whatever hooks would make of them.
    """
    try:
        return list(_broken_invariants(backbone))
    except Exception as error:  # whatever was put in the place of a part
        return [exception_text(error)]


def _broken_invariants(backbone: Backbone) -> Iterator[str]:
    schedule = backbone.schedule
    yield from other_steps(backbone, schedule)
    planned = [schedule.buffers[name].shape for name in schedule.outputs]
    shapes = [tuple(result.shape) for result in results_on_meta(backbone, schedule)]
    if shapes != planned:
        yield f"results are {shapes}, not {planned}"


def outside_of_steps(backbone: Backbone) -> list[str]:
    """The names of parameters and buffers that belong to no step: what a user put beside the parts."""
    parts = tuple(f"{step.module}." for step in backbone.schedule.steps if isinstance(step, Run))
    return [name for name in backbone.state_dict() if not name.startswith(parts)]


@contextmanager
def hooks_suspended(model: nn.Module) -> Generator[None]:
    """Within the block no hook of any module within fires: they are not made for tensors without values."""
    tables = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    kept = [(module, {name: vars(module)[name] for name in tables}) for module in set(model.modules())]
    for module, _ in kept:
        vars(module).update({name: OrderedDict[int, object]() for name in tables})
    try:
        yield
    finally:
        for module, hooks in kept:
            vars(module).update(hooks)


@torch.no_grad()
def results_on_meta(backbone: Backbone, schedule: Schedule) -> list[Tensor]:
    """The results for images (batch, channels, height, width) of the planned size, without values."""
    weights = weights_on_meta(backbone)
    dtype = next(iter(weights.values())).dtype
    images = torch.empty(schedule.buffers["images"].shape, device="meta", dtype=dtype)
    with hooks_suspended(backbone):
        results = functional_call(backbone, weights, (images,), tie_weights=False)
    return list(results) if schedule.features is not None else [results]


def weights_on_meta(part: nn.Module) -> dict[str, Tensor]:
    """The parameters and buffers of all modules within a part, by their paths, in their shapes, without values.

    Each stands there once for each module that has it: ``functional_call`` would tie what modules share by names, and
    not give back the values of a module that has two paths.
    """
    return {
        f"{path}.{name}".removeprefix("."): tensor.detach().to("meta")
        for path, module in modules_of(part, nn.Module)
        for name, tensor in chain(module.named_parameters(recurse=False), module.named_buffers(recurse=False))
    }


def modules_of(part: nn.Module, kind: type[Wanted], path: str = "") -> list[tuple[str, Wanted]]:
    """The modules of that kind within a part, itself included, with their paths; ``path`` is its own."""
    modules = cast("Iterator[tuple[str, nn.Module]]", part.named_modules(prefix=path))
    return [(name, module) for name, module in modules if isinstance(module, kind)]


def replace(backbone: Backbone, path: str, module: nn.Module) -> None:
    """Put a module in the place of another."""
    parent, _, leaf = path.rpartition(".")
    backbone.get_submodule(parent).register_module(leaf, module)
