"""The scans of a backbone, and the settings with which the fused SS2D runs them fastest on this device."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from sparx_dsl.errors import Code, Diagnostic, SparxError
from sparx_dsl.graph import ConnectionGraph
from sparx_dsl.lowering import build_backbone
from sparx_dsl.measuring.settings import Progress, Settings
from sparx_dsl.ops.arguments import SS2DInputs
from sparx_dsl.ops.triton_kernels import availability, tuning
from sparx_dsl.ops.triton_kernels.candidates import Direction, candidates
from sparx_dsl.ops.triton_kernels.launch_ss2d import is_fused, ss2d, ss2d_backward, walk_shape
from sparx_dsl.ops.triton_kernels.settings import WalkSettings
from sparx_dsl.ops.triton_kernels.tuned_file import Case
from sparx_dsl.ops.triton_kernels.tuning import Measure, Tuner
from sparx_dsl.render.listing import Field, Line, Listing, Table, Value
from sparx_dsl.render.units import signed_percent

FIELDS = (
    Field("direction", "Direction"), Field("height", "Height", number=True), Field("width", "Width", number=True),
    Field("channels", "Channels", number=True), Field("rank", "Rank", number=True),
    Field("states", "States", number=True),
    Field("default_milliseconds", "Default ms", lambda taken: f"{taken:.3f}", True),
    Field("milliseconds", "Tuned ms", lambda taken: f"{taken:.3f}", True),
    Field("ratio", "", signed_percent, True), Field("settings", "Settings"),
)  # fmt: skip


@dataclass(frozen=True)
class Device:
    """What settings are measured on: its name in the file of tuned settings, its capability, and a clock."""

    name: str
    capability: tuple[int, int]
    clock: Callable[[Direction, SS2DInputs], Measure]
    """What measures calls of the fused SS2D on such inputs, which may be on the meta device."""


def tune(
    graph: ConnectionGraph, settings: Settings, tuner: Tuner, device: Device, progress: Progress | None = None
) -> Listing:
    """Measure the settings of every different scan of a backbone, keep the fastest, and give a row for each.

    Backward ones too if the settings are for training. Raises ``SparxError`` (SPX556) where there is no such scan.
    """
    calls = scans_of(graph, settings)
    if not calls:
        message = f"{graph.spec.name} has no mixer that the fused SS2D serves"
        raise SparxError(
            Diagnostic(Code.TUNING_NOT_POSSIBLE, message, help="give a spec with layers of the mixer ss2d")
        )
    directions: tuple[Direction, ...] = ("forward", "backward") if settings.train else ("forward",)
    rows: list[tuple[Value, ...]] = []
    for direction in directions:
        for inputs in calls:
            if not is_fused(inputs, direction):
                continue
            shape = walk_shape(inputs)
            options = candidates(direction, shape, device.capability)
            if progress is not None:
                progress(f"{direction}, {inputs.x.shape[2]} × {inputs.x.shape[3]}: {len(options)} settings")
            case = Case(direction, device.name, shape)
            rows.append(_row(direction, inputs, tuner.tune(case, options, device.clock(direction, inputs)), options))
    return _listing(rows, graph, settings, device, str(tuner.path))


def cuda_device() -> Device:
    """The current CUDA device; raises ``SparxError`` (SPX556) where there is none, or none with Triton kernels."""
    problem = availability.problem("cuda")
    if not torch.cuda.is_available():
        problem = "no CUDA device is available"
    if problem is not None:
        help = "run it on the machine that the settings are for"
        raise SparxError(Diagnostic(Code.TUNING_NOT_POSSIBLE, f"nothing can be tuned here: {problem}", help=help))
    device = torch.device("cuda", torch.cuda.current_device())
    return Device(tuning.device_name(device), torch.cuda.get_device_capability(device), _clock)


def scans_of(graph: ConnectionGraph, settings: Settings) -> list[SS2DInputs]:
    """The different scans of a backbone that are fused: tensors of the meta device, x (batch, inner, height, width)."""
    size = settings.size or graph.spec.input.size
    model = build_backbone(graph, device="meta", dtype=settings.torch_dtype).train(False)
    images = torch.empty(settings.batch, graph.spec.input.channels, *size, device="meta", dtype=settings.torch_dtype)
    with torch.no_grad(), _Scans() as seen:
        model(images)
    different = {tuple((each.shape, each.dtype) for each in inputs): inputs for inputs in seen.found}
    return [inputs for inputs in different.values() if is_fused(inputs, "forward")]


class _Scans(TorchDispatchMode):
    """The inputs of every SS2D that runs."""

    def __init__(self) -> None:
        super().__init__()  # pyright: ignore[reportUnknownMemberType]
        self.found: list[SS2DInputs] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.sparx_dsl.ss2d_scan.default:
            self.found.append(SS2DInputs(*args[:6]))
        return func(*args, **(kwargs or {}))


def _clock(direction: Direction, inputs: SS2DInputs) -> Measure:
    """What measures calls on random numbers of these shapes on the CUDA device."""
    there = SS2DInputs(*(_random(each) for each in inputs))
    there = there._replace(A=-there.A.abs())
    gradient = torch.randn_like(there.x)

    def run(settings: WalkSettings) -> object:
        if direction == "forward":
            return ss2d(there, settings=settings)
        return ss2d_backward(gradient, there, settings=settings)

    return partial(tuning.milliseconds, run)


def _random(like: Tensor) -> Tensor:
    made = torch.randn(like.shape, device="cuda", dtype=like.dtype)
    return made.to(memory_format=torch.channels_last) if like.dim() == 4 else made


def _row(
    direction: Direction, inputs: SS2DInputs, taken: dict[WalkSettings, float], options: Sequence[WalkSettings]
) -> tuple[Value, ...]:
    height, width = inputs.x.shape[2:]
    default, best = taken[options[0]], min(options, key=lambda each: taken[each])
    runs, ran = math.isfinite(taken[best]), math.isfinite(default)
    return (
        direction, height, width, inputs.x.shape[1], inputs.dt_weight.shape[2], inputs.A.shape[1],
        default if ran else None, taken[best] if runs else None, default / taken[best] - 1 if ran else None,
        _described(best) if runs else None,
    )  # fmt: skip


def _described(settings: WalkSettings) -> str:
    return (
        f"{settings.channels} channels, {settings.warps} warps, {settings.ahead} ahead, "
        f"{settings.rows} of {settings.segments} segments, {settings.images} images"
    )


def _listing(
    rows: Sequence[tuple[Value, ...]], graph: ConnectionGraph, settings: Settings, device: Device, path: str
) -> Listing:
    table = Table("scans", FIELDS, tuple(rows))
    height, width = settings.size or graph.spec.input.size
    facts = {
        "spec": graph.spec.name, "device": device.name, "batch": settings.batch, "size": [height, width],
        "dtype": settings.dtype, "train": settings.train, "file": path,
    }  # fmt: skip
    heading = f"{graph.spec.name}, {height}×{width} pixels, batch {settings.batch}, {settings.dtype}; {device.name}"
    return Listing("sparx.tune", facts, (table,), (Line(heading), table, Line(f"Kept in {path}")))
