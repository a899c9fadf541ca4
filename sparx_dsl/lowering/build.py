"""From a connection graph to the compiled module, within limits that are checked before anything is allocated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

import torch
from torch import nn

from sparx_dsl.errors import Code, Diagnostic, SparxError
from sparx_dsl.graph import ConnectionGraph
from sparx_dsl.language.dtypes import DType, read_dtype
from sparx_dsl.language.load import refuse_unwritable
from sparx_dsl.lowering.backbone import Backbone, refuse_exchanged
from sparx_dsl.lowering.calls import make_children
from sparx_dsl.lowering.parts import build_parts
from sparx_dsl.pricing import Cost, check_prices
from sparx_dsl.schedule import Features, Run, Schedule, plan

TORCH_DTYPES: Mapping[DType, torch.dtype] = {
    "float64": torch.float64,
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}
"""What the schedule's dtypes are in torch."""


def build_backbone(
    source: ConnectionGraph | Cost,
    *,
    device: torch.device | str | None = None,
    dtype: torch.dtype | str | None = None,
    features: Features | None = None,
) -> Backbone:
    """Plan for the spec's image size and a batch of 1, check against the spec's limits and its budget, then build and
    lower.

    Weights are drawn by the modules as they are made, unless ``device`` is ``meta``. The price of that schedule, where
    it is given in place of the graph, is not computed again. Raises ``SparxError``, also for a spec whose text, as
    checkpoints have it, cannot be read within its limits.
    """
    name = dtype_name(dtype)
    graph = source.schedule.graph if isinstance(source, Cost) else source
    schedule = plan(graph, dtype=name, features=features)
    check_prices(source if isinstance(source, Cost) and source.schedule == schedule else schedule)
    # Now, and not when a model is saved that was trained for days.
    refuse_unwritable(graph.spec)
    return lower(schedule, device=device, dtype=TORCH_DTYPES[name])


def lower(
    schedule: Schedule, *, device: torch.device | str | None = None, dtype: torch.dtype | None = None
) -> Backbone:
    """The compiled module of a schedule, its weights in the memory format of their device; asks for no limits."""
    model = Backbone(schedule, make_children(schedule, build_parts(schedule, device=device, dtype=dtype)))
    for parameter in model.parameters():
        lay_out(parameter, memory_format(parameter.device.type))
    return model


def lay_out(parameter: nn.Parameter, wanted: torch.memory_format) -> None:
    """Bring a convolution's weight (out_channels, in_channels, k, k) into a memory format; others stay."""
    if parameter.dim() == 4:
        parameter.data = parameter.data.contiguous(memory_format=wanted)


def memory_format(device_type: str) -> torch.memory_format:
    """How the weights of convolutions, and so all maps, lie on a type of device: channels-last on CUDA."""
    return torch.channels_last if device_type == "cuda" else torch.contiguous_format


def with_outputs(model: Backbone, features: Features | None) -> Backbone:
    """A backbone of the same parts, with their parameters and hooks, that gives the maps of these stages.

    What runs after the last of them is not in it. Its layers and stages are new modules. Raises ``SparxError`` for
    stages that are not there, or whose parts the model was built without (SPX322), and where stages, layers or parts
    were replaced (SPX324).
    """
    refuse_exchanged(model, "given other outputs")
    planned = model.schedule
    schedule = plan(planned.graph, planned.size, planned.batch, planned.dtype, features)
    parts = dict(cast("Iterator[tuple[str, nn.Module]]", model.named_modules(remove_duplicate=False)))
    paths = [step.module for step in schedule.steps if isinstance(step, Run)]
    missing = [path for path in paths if path not in parts]
    if missing:
        message = f"the backbone was built without {missing[0]}, for the maps of stages {planned.features}"
        help = "build it for these stages, or without features"
        raise SparxError(Diagnostic(Code.INVALID_OUTPUT_STAGES, message, help=help))
    found = Backbone(schedule, make_children(schedule, {path: parts[path] for path in paths}))
    return found.train(model.training)


def dtype_name(dtype: torch.dtype | str | None) -> DType:
    """The schedule's name for a torch dtype, a name, or torch's default.

    Raises ``SparxError`` for what feature maps cannot be.
    """
    return read_dtype(torch.get_default_dtype() if dtype is None else dtype)
