"""From a connection graph to the compiled module, within limits that are checked before anything is allocated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from sparx_dsl.errors import Diagnostic, SparxError
from sparx_dsl.graph import ConnectionGraph
from sparx_dsl.lowering.backbone import Backbone
from sparx_dsl.lowering.parts import build_parts
from sparx_dsl.nn.init import initialise
from sparx_dsl.pricing import price_schedule
from sparx_dsl.schedule import Schedule, plan
from sparx_dsl.schedule.values import ITEM_BYTES
from sparx_dsl.spec import DEFAULT_LIMITS, Limits


def build_backbone(
    graph: ConnectionGraph,
    *,
    device: torch.device | str | None = None,
    dtype: torch.dtype | str | None = None,
    features: tuple[int, ...] | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> Backbone:
    """Plan, check against ``limits``, build the modules and lower; weights are drawn unless ``device`` is ``meta``."""
    kind = torch_dtype(dtype)
    schedule = plan(graph, dtype=dtype_name(kind), features=features)
    check_limits(schedule, limits)
    return lower(schedule, device=device, dtype=kind)


def lower(schedule: Schedule, *, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> Backbone:
    """The compiled module of a schedule."""
    backbone = Backbone(schedule, build_parts(schedule, device=device, dtype=dtype))
    initialise(backbone)
    return backbone


def check_limits(schedule: Schedule, limits: Limits) -> None:
    """Raise ``SparxError`` where the backbone has more parameters, or holds more bytes, than the limits allow."""
    mistakes: list[Diagnostic] = []
    price, spec = price_schedule(schedule), schedule.graph.spec
    if price.params > limits.params:
        widest = max(price.rows, key=lambda row: row.params)
        mistakes.append(Diagnostic("SPX402", f"{price.params:,} parameters are more than the limit of {limits.params:,}",
                                   spec.where("stages", key=True), notes=(f"the largest part is {widest.node}.{widest.part} with {widest.params:,}",),
                                   help="build narrower or fewer layers, or raise Limits(params=…) in the call"))
    if price.peak_bytes > limits.buffer_bytes:
        mistakes.append(Diagnostic("SPX403", f"{price.peak_bytes:,} bytes of feature buffers are more than the limit of {limits.buffer_bytes:,}",
                                   spec.where("input", "size"), help="plan for smaller images, or raise Limits(buffer_bytes=…) in the call"))
    if mistakes:
        raise SparxError(mistakes)


def torch_dtype(dtype: torch.dtype | str | None) -> torch.dtype:
    """The torch dtype of that name; raises ``SparxError`` for one that feature maps cannot have."""
    names = {getattr(torch, name): name for name in ITEM_BYTES}
    kind = torch.get_default_dtype() if dtype is None else dtype
    found = next((known for known, name in names.items() if kind in (known, name)), None)
    if found is None:
        raise SparxError(Diagnostic("SPX321", f"there is no dtype {str(dtype)!r} for feature maps", help=f"one of {', '.join(ITEM_BYTES)}"))
    return found


def dtype_name(dtype: torch.dtype) -> Any:
    """The name of a torch dtype: ``float32``."""
    return str(dtype).removeprefix("torch.")
