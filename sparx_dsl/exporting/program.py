"""A backbone as a program of plain PyTorch operators, which nothing of this package is needed to run."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, cast

import torch
from torch.export import Dim, ExportedProgram

from sparx_dsl.exporting import scans
from sparx_dsl.exporting.request import ExportRequest
from sparx_dsl.lowering import Backbone
from sparx_dsl.ops import operators


def evaluated(model: Backbone) -> Backbone:
    """A copy of a backbone on the CPU, in evaluation and without gradients; the model stays as it was."""
    return copy.deepcopy(model).to("cpu").train(False).requires_grad_(False)


def program_of(model: Backbone, request: ExportRequest) -> ExportedProgram:
    """The program of a backbone in evaluation, its scans decomposed to chunks of plain operators where the format asks.

    It maps images (batch, channels, height, width) to what the model gives. Raises whatever ``torch.export`` does.
    """
    # A traced batch of one would be taken for a constant.
    images = request.images(max(request.batch, 2) if request.dynamic else request.batch)
    shapes = ({0: Dim("batch", min=1)},) if request.dynamic else None
    program = torch.export.export(model, (images,), dynamic_shapes=shapes)
    if not request.format.decomposed:
        return program
    return program.run_decompositions(decompositions())  # pyright: ignore[reportUnknownMemberType]


def decompositions() -> dict[Any, Callable[..., Any]]:
    """What stands for each of the two scans, and for softplus; other operators stay, for every format as it needs."""
    # That module registers them; a backbone without scans has not imported it.
    namespace = cast(str, operators.LIBRARY.ns)  # pyright: ignore[reportUnknownMemberType]
    library = getattr(torch.ops, namespace)
    return {
        library.selective_scan.default: scans.selective_scan,
        library.ss2d_scan.default: scans.ss2d_scan,
        torch.ops.aten.softplus.default: scans.softplus,
    }
