"""``.pt2``: a program that ``torch.export.load`` reads, run by a process that cannot import this package."""

from __future__ import annotations

import io
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import cast

import torch
from torch import Tensor
from torch.export import ExportedProgram

from sparx_dsl.exporting import run_alone


def write(program: ExportedProgram, path: Path) -> None:
    """Write the program with its weights; raises ``OSError`` where there is no room for it."""
    # torch's own writer of files ends the process where a disk is full.
    buffer = io.BytesIO()
    torch.export.save(program, buffer)
    path.write_bytes(buffer.getbuffer())


def run(path: Path, batches: list[Tensor]) -> list[list[Tensor]]:
    """The results of the program for batches of images (batch, channels, height, width)."""
    return run_in_process("pt2", path, batches)


def runtime() -> str:
    """Its runtime, with the version."""
    return f"torch {torch.__version__} alone"


def run_here(path: Path, batches: list[Tensor]) -> list[list[Tensor]]:
    """The results in this process, which has this package's operators, for images (batch, channels, height, width)."""
    return run_alone.results("pt2", str(path), batches)


def runtime_here() -> str:
    """Its runtime, with the version and what has to be imported before."""
    return f"torch {torch.__version__} after `import sparx_dsl.ops`"


def run_in_process(format: str, path: Path, batches: list[Tensor]) -> list[list[Tensor]]:
    """The results of any shape of a file that torch alone runs, from a new process that cannot import ``sparx_dsl``.

    Raises ``RuntimeError`` with the last line that the process wrote, where it fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        given, found = Path(folder) / "images.pt", Path(folder) / "results.pt"
        torch.save(batches, given)
        # With -P the process does not find this folder's modules either.
        command = [sys.executable, "-P", run_alone.__file__, format, str(path), str(given), str(found)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # this file's own script
        if done.returncode != 0:
            lines = done.stderr.strip().splitlines() or [f"the process ended with status {done.returncode}"]
            raise RuntimeError(lines[-1])
        return cast("list[list[Tensor]]", torch.load(found, weights_only=True))
