"""What tuning gives: the fused SS2D with its fastest settings beside those that serve where nothing is tuned."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

import torch
from gpu_kernels import inputs_of
from gpu_timing import Report

from sparx_dsl.measuring.tune import cuda_device
from sparx_dsl.ops.arguments import SS2DInputs
from sparx_dsl.ops.triton_kernels.candidates import Direction, candidates
from sparx_dsl.ops.triton_kernels.launch_ss2d import walk_shape
from sparx_dsl.ops.triton_kernels.targets import SIZES
from sparx_dsl.ops.triton_kernels.tuned_file import Case
from sparx_dsl.ops.triton_kernels.tuning import Tuner

SECONDS = 20.0
"""What compiling and measuring the settings of one shape may take."""


def tuned(report: Report, batch: int) -> None:
    """The four sizes of SparX-Mamba-T in bfloat16, the backward first: no settings of it were measured before."""
    columns = ("default", "tuned", "how many", "settings")
    report.heading(f"SS2D in bfloat16, batch {batch}, ms, tuned", "direction, map", *columns)
    directions: tuple[Direction, ...] = ("backward", "forward")
    with tempfile.TemporaryDirectory() as folder:
        for direction in directions:
            for size, (inner, _, rank) in SIZES.items():
                side = int(size.partition(" ")[0])
                inputs = inputs_of(batch, inner, side, side, rank, 1, torch.bfloat16)
                row(report, f"{direction}, {size}", direction, inputs, Tuner(Path(folder) / "tuned.json"))


def row(report: Report, name: str, direction: Direction, inputs: SS2DInputs, tuner: Tuner) -> None:
    """Tune one direction of one shape, if there is time for it."""
    device, shape = cuda_device(), walk_shape(inputs)
    options = candidates(direction, shape, device.capability)
    case = Case(direction, device.name, shape)
    found: dict[str, float] = {}

    def fastest() -> float:
        taken = tuner.tune(case, options, device.clock(direction, inputs))
        found["default"] = taken[options[0]]
        return min(taken.values())

    best = report.measure(partial(fastest), seconds=SECONDS)
    default = found.get("default", "–")
    report.row(name, default, best, str(len(options)), str(tuner.known.get(case, "–")))
