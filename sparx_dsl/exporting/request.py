"""What can be exported, checked before anything is written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from sparx_dsl.errors import Code, Diagnostic, SparxError, did_you_mean
from sparx_dsl.exporting.formats import FORMATS, WITH_OPERATORS, Format, format_of
from sparx_dsl.lowering import Backbone
from sparx_dsl.schedule.request import checked_request

BATCH = "batch"
"""The one dimension of images that can be dynamic."""
SIDES = ("height", "width")


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """One file to write: its path, its format, and the images that it is for.

    ``size`` is (height, width) in pixels; with a dynamic ``batch`` any number of images is, otherwise that one.
    """

    path: Path
    format: Format
    channels: int
    size: tuple[int, int]
    batch: int
    dynamic: tuple[str, ...]

    @property
    def batches(self) -> tuple[int, ...]:
        """The numbers of images with which the file is run."""
        return tuple(sorted({1, 3, self.batch})) if self.dynamic else (self.batch,)

    def images(self, batch: int) -> torch.Tensor:
        """Random images (batch, channels, height, width), the same in each call."""
        generator = torch.Generator().manual_seed(batch)
        return torch.randn(batch, self.channels, *self.size, generator=generator)


def checked_export(
    model: Backbone, path: Path, format: object, size: object, batch: object, dynamic: Sequence[str], keep: bool
) -> ExportRequest:
    """The request that these values make; ``keep`` says that the scans stay this package's operators.

    Raises ``SparxError``: SPX320 for images that cannot be, SPX570 where a package or a compiler is missing, SPX571 and
    SPX572 for an unknown format and another file extension than its own, SPX573 for what a format cannot do.
    """
    chosen = _format(format, path)
    request = checked_request(model.spec, size, batch, "float32", None)
    errors = [*_extension(path, chosen), *_dynamic(dynamic), *_model(model), *_kept(chosen, keep)]
    if errors:
        raise SparxError(errors)
    chosen.require()
    chosen = WITH_OPERATORS if keep else chosen
    return ExportRequest(path, chosen, model.spec.input.channels, request.size, request.batch, tuple(dynamic))


def _format(format: object, path: Path) -> Format:
    if format is None:
        found = format_of(path)
        if found is None:
            known = ", ".join(dict.fromkeys(each.extension for each in FORMATS.values()))
            message = f"the name {path.name!r} does not say a format"
            raise SparxError(Diagnostic(Code.EXPORT_EXTENSION_DIFFERS, message, help=f"end it with one of {known}"))
        return found
    if not isinstance(format, str) or format not in FORMATS:
        help = did_you_mean(str(format), FORMATS) or f"write one of {', '.join(FORMATS)}"
        raise SparxError(Diagnostic(Code.UNKNOWN_EXPORT_FORMAT, f"unknown format {format!r} of an export", help=help))
    return FORMATS[format]


def _extension(path: Path, format: Format) -> Iterator[Diagnostic]:
    if path.suffix != format.extension:
        message = f"a file of the format {format.name} cannot be named {path.name!r}"
        help = f"write {path.stem}{format.extension}"
        yield Diagnostic(Code.EXPORT_EXTENSION_DIFFERS, message, help=help)


def _kept(format: Format, keep: bool) -> Iterator[Diagnostic]:
    if keep and format is not FORMATS[WITH_OPERATORS.name]:
        message = (
            f"a file of the format {format.name} cannot keep the operators of sparx_dsl: its runtime has none of them"
        )
        yield Diagnostic(Code.EXPORT_NOT_SUPPORTED, message, help="write a .pt2 file, or leave keep_operators out")


def _dynamic(dynamic: Sequence[str]) -> Iterator[Diagnostic]:
    names = [dynamic] if isinstance(dynamic, str) else list(dynamic)
    fixed = [name for name in names if name in SIDES]
    if fixed:
        message = f"{' and '.join(fixed)} cannot be dynamic: windows and the chunks of scans depend on the size"
        yield Diagnostic(Code.EXPORT_NOT_SUPPORTED, message, help="export one file for each image size")
    unknown = [name for name in names if name not in (BATCH, *SIDES)]
    if unknown or (isinstance(dynamic, str) and not fixed):
        message = f"unknown dynamic dimensions {dynamic!r}"
        yield Diagnostic(Code.EXPORT_NOT_SUPPORTED, message, help='write dynamic=("batch",), or leave it out')


def _model(model: nn.Module) -> Iterator[Diagnostic]:
    tensors = [*model.parameters(), *model.buffers()]
    if any(tensor.is_meta for tensor in tensors):
        message = "a backbone on the device meta has no weights to export"
        yield Diagnostic(Code.EXPORT_NOT_SUPPORTED, message, help="build it on a device, then load its weights")
    dtypes = {tensor.dtype for tensor in tensors if tensor.is_floating_point()} - {torch.float32}
    if dtypes:
        found = ", ".join(sorted(str(dtype).removeprefix("torch.") for dtype in dtypes))
        message = f"a backbone in {found} cannot be exported: only float32 is checked against each runtime"
        yield Diagnostic(Code.EXPORT_NOT_SUPPORTED, message, help="convert it with model.float()")
