"""A backbone as a program of plain PyTorch operators, which nothing of this package is needed to run."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from typing import Any, cast

import torch
from torch.export import ExportedProgram

from sparx_dsl.exporting import scans
from sparx_dsl.exporting.request import ExportRequest
from sparx_dsl.lowering import Backbone
from sparx_dsl.ops import operators


def evaluated(model: Backbone) -> Backbone:
    """A copy of a backbone on the CPU, in evaluation and without gradients; the model stays as it was."""
    return copy.deepcopy(model).to("cpu").train(False).requires_grad_(False)


def exported(model: Backbone, request: ExportRequest) -> ExportedProgram:
    """The program of a backbone in evaluation, scans as this package's operators.

    It maps images (batch, channels, height, width) to what the model gives. Raises whatever ``torch.export`` does.
    """
    images, shapes = request.traced()
    return torch.export.export(model, (images,), dynamic_shapes=shapes)


def decomposed(program: ExportedProgram, request: ExportRequest) -> ExportedProgram:
    """The program with its scans as plain operators; raises whatever torch does."""
    return program.run_decompositions(decompositions(request.longest))  # pyright: ignore[reportUnknownMemberType]


def decompositions(longest: int) -> dict[Any, Callable[..., Any]]:
    """What stands for each of the two scans, and for softplus; other operators stay, for every format as it needs.

    Sequences of which the length is not known have at most ``longest`` positions.
    """
    # That module registers them; a backbone without scans has not imported it.
    namespace = cast(str, operators.LIBRARY.ns)  # pyright: ignore[reportUnknownMemberType]
    library = getattr(torch.ops, namespace)
    return {
        library.selective_scan.default: partial(scans.selective_scan, longest=longest),
        library.ss2d_scan.default: partial(scans.ss2d_scan, longest=longest),
        torch.ops.aten.softplus.default: scans.softplus,
    }
