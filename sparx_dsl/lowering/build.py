"""From a connection graph to the compiled module, within limits that are checked before anything is allocated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch

from sparx_dsl.errors import Diagnostic, SparxError
from sparx_dsl.graph import ConnectionGraph
from sparx_dsl.lowering.backbone import Backbone, module_tree
from sparx_dsl.lowering.parts import build_parts
from sparx_dsl.pricing import Cost, price_schedule
from sparx_dsl.schedule import DType, Schedule, plan
from sparx_dsl.spec import DEFAULT_LIMITS, Limits

TORCH_DTYPES: Mapping[DType, torch.dtype] = {
    "float64": torch.float64,
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}
"""What the schedule's dtypes are in torch."""


def build_backbone(
    graph: ConnectionGraph,
    *,
    device: torch.device | str | None = None,
    dtype: torch.dtype | str | None = None,
    features: tuple[int, ...] | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> Backbone:
    """Plan for the spec's image size and a batch of 1, check against ``limits``, then build the modules and lower.

    Weights are drawn by the modules as they are made, unless ``device`` is ``meta``. Raises ``SparxError``.
    """
    name = dtype_name(dtype)
    schedule = plan(graph, dtype=name, features=features)
    check_limits(schedule, limits)
    return lower(schedule, device=device, dtype=TORCH_DTYPES[name])


def lower(
    schedule: Schedule, *, device: torch.device | str | None = None, dtype: torch.dtype | None = None
) -> Backbone:
    """The compiled module of a schedule; asks for no limits."""
    return Backbone(schedule, module_tree(build_parts(schedule, device=device, dtype=dtype)))


def check_limits(schedule: Schedule, limits: Limits) -> None:
    """Raise ``SparxError`` where the backbone has more parameters, or holds more bytes, than the limits allow."""
    mistakes = tuple(_excesses(price_schedule(schedule), limits))
    if mistakes:
        raise SparxError(mistakes)


def _excesses(price: Cost, limits: Limits) -> Iterator[Diagnostic]:
    spec = price.schedule.graph.spec
    if price.params > limits.params:
        largest = max(price.rows, key=lambda row: row.params)
        yield Diagnostic(
            "SPX402",
            f"{price.params:,} parameters are more than the limit of {limits.params:,}",
            spec.where("stages", key=True),
            notes=(f"the largest part is {largest.node}.{largest.part} with {largest.params:,}",),
            help="build narrower or fewer layers, or raise Limits(params=…) in the call",
        )
    if price.peak_bytes > limits.buffer_bytes:
        yield Diagnostic(
            "SPX403",
            f"{price.peak_bytes:,} bytes of feature buffers are more than the limit of {limits.buffer_bytes:,}",
            spec.where("input", "size"),
            notes=(f"the peak is at {price.schedule.peak_step.output}",),
            help="plan for smaller images, or raise Limits(buffer_bytes=…) in the call",
        )


def dtype_name(dtype: torch.dtype | str | None) -> DType:
    """The schedule's name for a torch dtype, a name, or torch's default.

    Raises ``SparxError`` for what feature maps cannot be.
    """
    wanted = torch.get_default_dtype() if dtype is None else dtype
    for name, kind in TORCH_DTYPES.items():
        if wanted in (name, kind):
            return name
    raise SparxError(
        Diagnostic(
            "SPX321", f"there is no dtype {str(dtype)!r} for feature maps", help=f"one of {', '.join(TORCH_DTYPES)}"
        )
    )
