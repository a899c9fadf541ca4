"""The formats of exported files: what each is called, what it requires, who writes it and who runs it."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from torch import Tensor
from torch.export import ExportedProgram

from sparx_dsl.errors import Code, Diagnostic, SparxError
from sparx_dsl.exporting import aoti, executorch_file, onnx_file, pt2

BATCH = "batch"
SIDES = ("height", "width")
DIMENSIONS = (BATCH, *SIDES)
"""The dimensions of images that can be dynamic."""
Results = list[list[Tensor]]
"""For each batch of images the tensors that a model gives, one or several."""
Write = Callable[[ExportedProgram, Path], None]
"""Writes a program of plain PyTorch operators to a file."""
Run = Callable[[Path, list[Tensor]], Results]
"""Runs a file with batches of images (batch, channels, height, width)."""


@dataclass(frozen=True, slots=True)
class Format:
    """A format: its name, its file extension, and the packages that writing and running it take beyond torch.

    ``compiled`` says that a C++ compiler writes it, ``decomposed`` that its scans are plain operators,
    ``dynamic`` which dimensions of images may be. ``runtime`` names what runs it, with the version; ``extra`` is the
    extra of this package that installs the ``packages``.
    """

    name: str
    extension: str
    write: Write
    run: Run
    runtime: Callable[[], str]
    packages: tuple[str, ...] = ()
    extra: str = "export"
    compiled: bool = False
    decomposed: bool = True
    dynamic: tuple[str, ...] = DIMENSIONS

    def require(self) -> None:
        """Raise ``SparxError`` (SPX570) where a package or a compiler that it takes is not installed."""
        missing = [name for name in self.packages if importlib.util.find_spec(name) is None]
        if missing:
            several = "packages" if len(missing) > 1 else "package"
            message = f"the format {self.name} needs the {several} {', '.join(missing)}"
            help = f'pip install "sparx_dsl[{self.extra}]"'
            raise SparxError(Diagnostic(Code.EXPORT_TOOL_NOT_INSTALLED, message, help=help))
        if self.compiled and compiler() is None:
            message = f"the format {self.name} needs a C++ compiler"
            help = "install g++ or clang++, or name one in the environment variable CXX"
            raise SparxError(Diagnostic(Code.EXPORT_TOOL_NOT_INSTALLED, message, help=help))


def compiler() -> str | None:
    """The path of the C++ compiler that torch will call; None where there is none."""
    named = os.environ.get("CXX")
    found = (shutil.which(name) for name in ((named,) if named else ("g++", "clang++")))
    return next((path for path in found if path is not None), None)


def _formats() -> tuple[Format, ...]:
    onnx = ("onnx", "onnxscript", "onnxruntime")
    return (
        Format("pt2", ".pt2", pt2.write, pt2.run, pt2.runtime),
        Format("onnx", ".onnx", onnx_file.write, onnx_file.run, onnx_file.runtime, onnx),
        Format("aoti", ".pt2", aoti.write, aoti.run, aoti.runtime, compiled=True),
        Format(
            "executorch", ".pte", executorch_file.write, executorch_file.run, executorch_file.runtime,
            packages=("executorch",), extra="executorch", dynamic=(),
        ),
    )  # fmt: skip


FORMATS: Final = MappingProxyType({format.name: format for format in _formats()})
"""Every format by its name."""
WITH_OPERATORS: Final = Format("pt2", ".pt2", pt2.write, pt2.run_here, pt2.runtime_here, decomposed=False)
"""The format ``pt2`` with the scans as this package's operators, which whoever loads the file has to register."""


def format_of(path: Path) -> Format | None:
    """The first format that has the file's extension; None where none has."""
    return next((format for format in FORMATS.values() if format.extension == path.suffix), None)
