"""What can be exported, checked before anything is written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import nn

from sparx_dsl.errors import Code, Diagnostic, SparxError, did_you_mean, quoted
from sparx_dsl.exporting.formats import DIMENSIONS, FORMATS, SIDES, WITH_OPERATORS, Format, format_of
from sparx_dsl.exporting.request import ExportRequest
from sparx_dsl.graph import Node
from sparx_dsl.lowering import Backbone
from sparx_dsl.registry import default_registry
from sparx_dsl.schedule.request import checked_request


def checked_export(
    model: Backbone, path: Path, format: object, size: object, batch: object, dynamic: Sequence[str], keep: bool
) -> ExportRequest:
    """The request that these values make; ``keep`` says that the scans stay this package's operators.

    Raises ``SparxError``: SPX320 for images that cannot be, SPX570 where a package or a compiler is missing, SPX571 and
    SPX572 for an unknown format and another file extension than its own, SPX573 for what a format or the backbone's
    kinds cannot do.
    """
    chosen = _format(format, path)
    request = checked_request(model.spec, size, batch, "float32", None)
    errors = [*_extension(path, chosen), *_names(dynamic), *_model(model), *_kept(chosen, keep)]
    strides = [node.stride for node in model.schedule.graph.layers()]
    wanted = ExportRequest(
        path, WITH_OPERATORS if keep else chosen, model.spec.input.channels, request.size, request.batch,
        tuple(dynamic), max(strides), min(strides),
    )  # fmt: skip
    errors += _dynamic(wanted, model)
    if errors:
        raise SparxError(errors)
    chosen.require()
    return wanted


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


def _names(dynamic: Sequence[str]) -> Iterator[Diagnostic]:
    if isinstance(dynamic, str) or any(name not in DIMENSIONS for name in dynamic):
        given = dynamic if isinstance(dynamic, str) else ", ".join(map(str, dynamic))
        message = f"unknown dynamic dimensions {quoted(given)}"
        help = f"write some of {', '.join(DIMENSIONS)} (in Python a tuple of their names), or leave it out"
        yield Diagnostic(Code.EXPORT_NOT_SUPPORTED, message, help=help)


def _dynamic(request: ExportRequest, model: Backbone) -> Iterator[Diagnostic]:
    never = [name for name in DIMENSIONS if name in request.dynamic and name not in request.format.dynamic]
    if never:
        message = f"{', '.join(never)} cannot be dynamic in a file of the format {request.format.name}"
        yield Diagnostic(Code.EXPORT_NOT_SUPPORTED, message, help="export one file for each number and size of images")
        return
    sides = [side for side in SIDES if side in request.dynamic]
    if not sides:
        return
    named = " and ".join(sides)
    fixed = [node.name for node in model.schedule.graph.nodes if _has_one_size(node)]
    if fixed:
        message = f"{named} cannot be dynamic: what {fixed[0]} computes, windows for one, depends on the map's size"
        yield Diagnostic(Code.EXPORT_NOT_SUPPORTED, message, help="export one file for each image size")
    sizes = zip(SIDES, request.size, strict=True)
    wrong = [side for side, size in sizes if side in sides and (size % request.stride or size < 2 * request.stride)]
    if wrong:
        height, width = (max(round(side / request.stride), 2) * request.stride for side in request.size)
        message = (
            f"a dynamic {' and '.join(wrong)} is a multiple of the backbone's stride of {request.stride}, from "
            f"{2 * request.stride} pixels on, but the size is {request.size}"
        )
        yield Diagnostic(Code.EXPORT_NOT_SUPPORTED, message, help=f"write size=({height}, {width})")


def _has_one_size(node: Node) -> bool:
    of = default_registry().of
    if node.settings is None:
        return node.options is not None and node.role != "layer" and of(node.role, node.options).one_size
    fuses = node.ganglion and of("fusion", node.settings.fusion).one_size
    return fuses or of("mixer", node.settings.mixer).one_size or of("ffn", node.settings.ffn).one_size


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
