"""The modules of kinds, compared with what was planned for them: a wrong module ends the build, not an experiment."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from sparx_dsl.errors import Code, Diagnostic, SparxError, exception_text
from sparx_dsl.kind import Kind, load
from sparx_dsl.language.base import KindOptions, Site
from sparx_dsl.language.kind_options import fault_of
from sparx_dsl.language.roles import ROLES, Role
from sparx_dsl.nn.layer import Builder
from sparx_dsl.pricing.steps import price_step
from sparx_dsl.registry import default_registry
from sparx_dsl.schedule import Run, Schedule

Shape = tuple[int, ...]


def kind_of_step(schedule: Schedule, run: Run) -> tuple[Kind, KindOptions] | None:
    """The kind whose module a step runs, and its options; None for the language's own parts.

    None also for a kind that is not known here any more, as where a backbone was pickled by another process.
    """
    node, part = schedule.graph.node(run.node), run.part
    role: Role | None = next((role for role in ROLES if role == part), None)
    if role is None:
        return None
    settings = node.settings
    options = node.options if settings is None else {"mixer": settings.mixer, "fusion": settings.fusion,
                                                     "ffn": settings.ffn}[part]  # fmt: skip
    assert options is not None
    kind = default_registry().find(role, options.kind)
    return None if kind is None else (kind, options)


def checked_builder(schedule: Schedule, run: Run) -> Builder:
    """The builder of a step's kind; that of another package raises ``SparxError`` for what is not as it was planned."""
    found = kind_of_step(schedule, run)
    assert found is not None
    kind, options = found
    if kind.builtin:
        builder: Builder = load(kind.module)
        return builder
    inputs, output = _planned(schedule, run, options)

    def build(
        options: KindOptions,
        site: Site,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> nn.Module:
        images = [torch.empty(shape, device="meta", dtype=dtype) for shape in inputs]
        _compare_output(kind, run.node, _made(kind, run.node, options, site, "meta", dtype), images, output)
        return _made(kind, run.node, options, site, device, dtype)

    return build


def compare_parameters(schedule: Schedule, run: Run, module: nn.Module) -> None:
    """Raise ``SparxError`` (SPX410) where a step's module has other parameters than its price counts."""
    built, planned = sum(parameter.numel() for parameter in module.parameters()), price_step(schedule, run).params
    if built != planned:
        found = kind_of_step(schedule, run)
        whose = f"{found[0]} has" if found is not None else f"the part {run.part} has"
        message = f"{whose} {built:,} parameters where {planned:,} were planned, at {run.node}"
        note = "both count what the language makes around it: norms, projections and scales"
        help = "count every parameter of the module in its cost, and no other"
        raise SparxError(Diagnostic(Code.MODULE_PARAMETERS_DIFFER, message, notes=(note,), help=help))


def _planned(schedule: Schedule, run: Run, options: KindOptions) -> tuple[tuple[Shape, ...], Shape]:
    """The shapes of what the kind's module is given, and of what it gives."""
    output = schedule.buffers[run.output].shape
    given = tuple(schedule.buffers[name].shape for name in run.inputs)
    if run.part != "mixer":
        return given, output
    width = schedule.graph.node(run.node).layer_settings.mixer.projected(output[1])
    return ((output[0], width, *output[2:]),), output


def _made(
    kind: Kind,
    node: str,
    options: KindOptions,
    site: Site,
    device: torch.device | str | None,
    dtype: torch.dtype | None,
) -> nn.Module:
    """The module of a kind of another package."""
    try:
        module: object = load(kind.module)(options, site, device=device, dtype=dtype)
    except Exception as error:  # what another package raises becomes a diagnostic that names it
        raise _fault(
            kind, node, Code.INVALID_KIND_MODULE, f"the module of {kind} cannot be made, {exception_text(error)}"
        ) from error
    if not isinstance(module, nn.Module):
        message = f"the module of {kind} is not a torch.nn.Module but {type(module).__name__}"
        raise _fault(kind, node, Code.INVALID_KIND_MODULE, message)
    if any(is_lazy(parameter) for parameter in module.parameters()):
        raise _fault(
            kind, node, Code.INVALID_KIND_MODULE, f"the module of {kind} has parameters without a shape until it runs"
        )
    return module


def _compare_output(kind: Kind, node: str, module: nn.Module, inputs: Sequence[Tensor], output: Shape) -> None:
    """Run a module that is on the device ``meta``; raise ``SparxError`` (SPX411) where it does not give the plan's."""
    dtype = inputs[0].dtype
    elsewhere = [name for name, parameter in module.named_parameters() if not parameter.is_meta]
    if elsewhere:
        message = f"the module of {kind} makes {elsewhere[0]} on another device than it is asked to, meta"
        raise _fault(kind, node, Code.MODULE_OUTPUT_DIFFERS, message)
    try:
        with torch.no_grad():
            result: object = module.train(False)(*inputs)
    except Exception as error:
        message = f"the module of {kind} fails on the device meta, {exception_text(error)}"
        raise _fault(kind, node, Code.MODULE_OUTPUT_DIFFERS, message) from error
    if not isinstance(result, Tensor):
        raise _fault(
            kind, node, Code.MODULE_OUTPUT_DIFFERS, f"the module of {kind} gives {type(result).__name__}, not a tensor"
        )
    if tuple(result.shape) != output:
        message = f"the module of {kind} gives the shape {tuple(result.shape)} where {output} was planned"
        raise _fault(kind, node, Code.MODULE_OUTPUT_DIFFERS, message)
    if result.dtype != dtype:
        raise _fault(
            kind,
            node,
            Code.MODULE_OUTPUT_DIFFERS,
            f"the module of {kind} gives {result.dtype} where {dtype} was planned",
        )


def _fault(kind: Kind, node: str, code: str, message: str) -> SparxError:
    return SparxError(Diagnostic(code, f"{message}, at {node}", help=fault_of(kind)))
