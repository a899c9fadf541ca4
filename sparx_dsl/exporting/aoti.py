"""AOTInductor packages: compiled by torch's Inductor and a C++ compiler, run by torch's package loader alone."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import torch._inductor
from torch import Tensor
from torch.export import ExportedProgram

from sparx_dsl.exporting import pt2


def write(program: ExportedProgram, path: Path) -> None:
    """Compile the program for this machine's CPU and pack it with its weights; raises ``OSError`` without room."""
    compile_program = cast(Callable[..., Any], torch._inductor.aoti_compile_and_package)  # pyright: ignore
    buffer = io.BytesIO()  # as in pt2.py
    compile_program(program, package_path=buffer)
    path.write_bytes(buffer.getbuffer())


def run(path: Path, batches: list[Tensor]) -> list[list[Tensor]]:
    """The results of the package for batches of images (batch, channels, height, width)."""
    return pt2.run_in_process("aoti", path, batches)


def runtime() -> str:
    """Its runtime, with the version."""
    return f"AOTInductor's loader, torch {torch.__version__} alone"
