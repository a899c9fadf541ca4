"""ONNX: written by ``torch.onnx`` and onnxscript, checked by onnx, run by onnxruntime on the CPU."""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# onnx and onnxruntime have no complete types.

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.export import ExportedProgram

IMAGES = "images"
"""The name of the file's input."""


def write(program: ExportedProgram, path: Path) -> None:
    """Write the program with its weights in one file, which is valid by the rules of onnx; at most 2 GiB."""
    import onnx

    # The program has its sample images, and knows which dimensions are dynamic.
    torch.onnx.export(program, (), path, dynamo=True, external_data=False, verbose=False, input_names=[IMAGES])
    onnx.checker.check_model(str(path))


def run(path: Path, batches: list[Tensor]) -> list[list[Tensor]]:
    """What onnxruntime gives for batches of images (batch, channels, height, width), with as many threads as torch."""
    import onnxruntime

    options: Any = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session: Any = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return [[torch.from_numpy(each) for each in session.run(None, {IMAGES: images.numpy()})] for images in batches]


def runtime() -> str:
    """Its runtime, with the version."""
    import onnxruntime

    return f"onnxruntime {onnxruntime.__version__}"
