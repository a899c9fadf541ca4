"""From a backbone to a file that another runtime has run with the same results."""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram

from sparx_dsl.errors import Code, Diagnostic, SparxError, exception_text, plural
from sparx_dsl.exporting.checked_export import checked_export
from sparx_dsl.exporting.formats import Results
from sparx_dsl.exporting.program import decomposed, evaluated, exported
from sparx_dsl.exporting.report import ExportReport
from sparx_dsl.exporting.request import ExportRequest
from sparx_dsl.lowering import Backbone
from sparx_dsl.lowering.wrapped import backbone_within
from sparx_dsl.render import replacing

Progress = Callable[[str], None]
"""Is given a line about what is being done."""
TOLERANCE = 1e-4
"""The largest error, relative to the largest value, with which a file is kept."""


def export(
    model: nn.Module,
    path: str | os.PathLike[str],
    format: Literal["pt2", "onnx", "aoti", "executorch"] | None = None,
    size: tuple[int, int] = (224, 224),
    batch: int = 1,
    dynamic: Sequence[str] = (),
    *,
    keep_operators: bool = False,
    progress: Progress | None = None,
) -> ExportReport:
    """Write a backbone, in evaluation, to a file that runs without this package; the model stays as it was.

    It may be within wrappers of PyTorch.

    Without a ``format`` the file's extension says which: ``.pt2``, ``.onnx`` or ``.pte``.
    The file takes images (batch, channels, height, width) of ``size`` (height, width) in pixels: ``batch`` of them, or
    any number with ``"batch"`` in ``dynamic``; with ``"height"`` or ``"width"`` that side is any multiple of the last
    stage's stride, from twice that to 2,048 pixels. Scans are decomposed to plain operators; a ``.pt2`` file with
    ``keep_operators`` has them as they are and is loaded after ``import sparx_dsl.ops``. Then the format's own runtime
    runs the file with random images; the report says how far its results are from the model's on this CPU. ``progress``
    is given a line for each of these steps, of which those of a large model take minutes.

    Raises ``SparxError``: SPX320 for images that cannot be, SPX328 for a model that is no backbone, SPX502 where the
    file cannot be written, SPX570 where a package or compiler is missing, SPX571 and SPX572 for an unknown format and
    another file extension than its own, SPX573 for what a format or the backbone cannot do (dynamic sides with windows,
    other dtypes than float32), SPX574 where torch or the runtime fails, and SPX575 for an error above 1e-4 of the
    largest value. No file is left behind then, and one that was there stays.
    """
    target = Path(path)
    backbone = backbone_within(model, "exported")
    request = checked_export(backbone, target, format, size, batch, dynamic, keep_operators)
    copied, say = evaluated(backbone), progress or _silent
    with warnings.catch_warnings(), torch.no_grad():
        # Torch warns of its own deprecated calls, and of weights that share memory, of which it writes each.
        warnings.simplefilter("ignore")
        batches = request.samples()
        try:
            # The place to write to comes first: what cannot be kept is not made.
            with replacing(target) as part, tempfile.TemporaryDirectory(dir=part.parent, prefix=".export-") as folder:
                numbers = ", ".join(map(str, request.batches))
                say(f"model: {copied.spec.name} runs with {numbers} {plural(request.batches[-1], 'image')}")
                expected = [listed(copied(images)) for images in batches]
                program = _program(copied, request, say)
                # Writers and runtimes know a file by its extension.
                written = Path(folder) / target.name
                error = largest_error(_written_and_run(program, written, request, batches, say), expected)
                _refuse_difference(error, request)
                written.replace(part)
        except OSError as failure:
            message = f"cannot write {os.fspath(path)!r}: {failure.strerror or failure}"
            raise SparxError(Diagnostic(Code.FILE_NOT_WRITABLE, message)) from None
    return ExportReport(
        target, request.format.name, request.size, request.dynamic, target.stat().st_size, request.format.runtime(),
        request.batches, request.sizes, request.multiples, error,
    )  # fmt: skip


def listed(results: Any) -> list[Tensor]:
    """What a backbone gives, one tensor or several of any shape, as a list."""
    return [results] if isinstance(results, Tensor) else list(results)


def largest_error(found: Results, expected: Results) -> float:
    """The largest absolute difference relative to the largest absolute value, over all tensors, of any shape.

    NaN where a value is NaN, infinite where shapes differ.
    """
    errors = [0.0]
    for mine, theirs in zip(chain(*expected), chain(*found), strict=True):
        if mine.shape != theirs.shape:
            return float("inf")
        largest = mine.abs().max().clamp(min=torch.finfo(mine.dtype).tiny)
        errors.append(float(((theirs - mine).abs().max() / largest).item()))
    return float("nan") if any(error != error for error in errors) else max(errors)


def _silent(line: str) -> None:
    pass


def _program(model: Backbone, request: ExportRequest, say: Progress) -> ExportedProgram:
    try:
        say("export: torch.export traces the model")
        program = exported(model, request)
        if not request.format.decomposed:
            return program
        say("decompose: scans become plain operators")
        return decomposed(program, request)
    except Exception as error:  # torch.export raises of every kind
        raise _failed("torch.export", error) from error


def _written_and_run(
    program: ExportedProgram, path: Path, request: ExportRequest, batches: list[Tensor], say: Progress
) -> Results:
    try:
        say(f"write: the format {request.format.name}")
        request.format.write(program, path)
    except OSError:
        raise
    except Exception as error:  # as do the writers
        raise _failed(f"writing {request.format.name}", error) from error
    try:
        say(f"run: {request.format.runtime()}")
        return request.format.run(path, batches)
    except Exception as error:  # and the runtimes
        raise _failed(request.format.runtime(), error) from error


def _failed(tool: str, error: Exception) -> SparxError:
    message = f"{tool} failed: {exception_text(error)}"
    return SparxError(Diagnostic(Code.EXPORT_FAILED, message, help="try another format, or another size of images"))


def _refuse_difference(error: float, request: ExportRequest) -> None:
    if not error <= TOLERANCE:
        message = (
            f"{request.format.runtime()} gives other results than the model: largest error {error:.1e} of the largest "
            f"value, where {TOLERANCE:.0e} is accepted"
        )
        help = "check that the model's results are finite; try another format"
        raise SparxError(Diagnostic(Code.EXPORT_DIFFERS, message, help=help))
