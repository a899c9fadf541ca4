"""Writing checkpoints: our own format, which carries the spec, and those of the released models."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final, cast

import safetensors.torch
import torch
from torch import Tensor, nn

from sparx_dsl import __version__
from sparx_dsl.errors import Code, Diagnostic, SourceText, SparxError, Where, quoted
from sparx_dsl.kinds.checkpoint import ReleasedFormat
from sparx_dsl.language.spec import dump_spec
from sparx_dsl.lowering.wrapped import backbone_within
from sparx_dsl.render import replacing
from sparx_dsl.schedule import Schedule
from sparx_dsl.weights.compare import expected_tensors
from sparx_dsl.weights.described_model import described_tensors
from sparx_dsl.weights.formats import named_format
from sparx_dsl.weights.load import FEATURES_KEY, LANGUAGE_KEY, SPEC_KEY
from sparx_dsl.weights.released_buffers import computed_buffers
from sparx_dsl.weights.released_names import other_kinds, other_settings
from sparx_dsl.weights.report import shortened
from sparx_dsl.weights.safetensors_file import LENGTH_BYTES
from sparx_dsl.weights.tensor_lists import listed

RELEASED_EXTENSIONS: Final = (".pth", ".pt")
"""What the files of released formats are called."""


def save_checkpoint(model: nn.Module, path: str | os.PathLike[str], *, format: str = "sparx_dsl") -> None:
    """Write a backbone's weights: as ``sparx_dsl`` to a .safetensors file with its spec, from which ``load_model``
    rebuilds it; as ``sparx_mamba``, ``vmamba`` or ``swin`` to a .pth file that the released code loads.

    What the file rebuilds computes the same in evaluation, to the bit: a model that is no longer the one its spec
    describes is refused. A backbone within wrappers of PyTorch (DDP, ``torch.compile``, …) is saved as it is without
    them. The file appears whole or not at all, and the same weights and spec give the same bytes.
    Raises ``SparxError``: SPX001 and SPX003 for a spec whose text cannot be read within its limits, SPX324, SPX328,
    SPX628, SPX630 and SPX643 for such a model, SPX502 where the file cannot be written, SPX621, SPX640 for a backbone
    that the format has no names for, SPX641 for another file extension.
    """
    target = Path(path)
    where = Where(source=SourceText(str(target), ""))
    chosen = named_format(format, where)
    extensions = (".safetensors",) if chosen == "sparx_dsl" else RELEASED_EXTENSIONS
    if target.suffix not in extensions:
        message = f"unsupported file extension: {quoted(target.name)} is not a checkpoint in the format {chosen}"
        raise SparxError(
            Diagnostic(Code.FORMAT_AND_EXTENSION_DIFFER, message, where, help=f"write {' or '.join(extensions)}")
        )
    backbone = backbone_within(model, "saved")
    tensors = described_tensors(backbone, where)
    if chosen == "sparx_dsl":
        metadata = _metadata(backbone.schedule)
        _write(target, where, lambda part: _save_safetensors(tensors, metadata, part))
    else:
        state = _released(tensors, backbone.schedule, chosen)
        _write(target, where, lambda part: _save_archive({"model": state}, part))


def released_state(model: nn.Module, format: ReleasedFormat) -> dict[str, Tensor]:
    """The weights under the names and in the shapes of a released format, with the buffers that its code computes.

    Raises ``SparxError`` (SPX640) for a backbone with parts that the format has no names for, or with settings that
    names and shapes do not show and the released code does not have; SPX324, SPX328, SPX628, SPX630 and SPX643 for a
    model that is no longer the one its spec describes.
    """
    backbone = backbone_within(model, "saved")
    return _released(described_tensors(backbone, Where()), backbone.schedule, format)


def _released(tensors: dict[str, Tensor], schedule: Schedule, format: ReleasedFormat) -> dict[str, Tensor]:
    graph = schedule.graph
    names = expected_tensors(tensors, format, graph)
    nameless = [name for name, theirs in names.items() if theirs is None]
    advice = "write it as sparx_dsl; a released format holds only what its own models have"
    if nameless:
        raise SparxError(
            listed(Code.FORMAT_CANNOT_REPRESENT, f"have no name in the format {format}", nameless, Where(), advice)
        )
    odd = shortened([*other_settings(format, graph), *other_kinds(format, graph)])
    if odd:
        message = f"code that reads the format {format} would compute something else with these weights"
        raise SparxError(Diagnostic(Code.FORMAT_CANNOT_REPRESENT, message, notes=tuple(odd), help=advice))
    state = {theirs.name: tensors[name].reshape(theirs.shape) for name, theirs in names.items() if theirs is not None}
    dtype = next(value.dtype for value in tensors.values() if value.is_floating_point())
    return state | computed_buffers(format, graph, dtype)


def _metadata(schedule: Schedule) -> dict[str, str]:
    """What our files say beside the tensors: the spec, the stages whose maps are given, and who wrote it."""
    metadata = {
        "format": "sparx_dsl",
        SPEC_KEY: dump_spec(schedule.graph.spec),
        LANGUAGE_KEY: str(schedule.graph.spec.sparx),
        "sparx_dsl": __version__,
        "torch": str(torch.__version__),
    }
    if schedule.features is not None:
        metadata[FEATURES_KEY] = ",".join(map(str, schedule.features))
    return metadata


def _save_safetensors(tensors: dict[str, Tensor], metadata: dict[str, str], part: Path) -> None:
    """Write the file with its metadata in order: the library writes them in another one each time."""
    save = cast(Callable[..., None], safetensors.torch.save_file)  # pyright: ignore[reportUnknownMemberType]
    save(tensors, part, metadata)
    with part.open("r+b") as file:
        length = int.from_bytes(file.read(LENGTH_BYTES), "little")
        header = json.loads(file.read(length)) | {"__metadata__": dict(sorted(metadata.items()))}
        text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
        if len(text) > length:
            raise ValueError(f"the header in order takes {len(text)} bytes, and {length} were written")
        file.seek(LENGTH_BYTES)
        file.write(text.ljust(length))


def _save_archive(state: dict[str, dict[str, Tensor]], part: Path) -> None:
    """Write an archive of PyTorch, through memory.

    By a path, what is in it is called after the temporary file; and torch's writer does not say why it could not write.
    """
    archive = io.BytesIO()
    torch.save(state, archive)
    part.write_bytes(archive.getbuffer())


def _write(target: Path, where: Where, write: Callable[[Path], None]) -> None:
    """Write a file that appears whole or not at all; raises ``SparxError`` (SPX502)."""
    try:
        with replacing(target) as part:
            write(part)
    except (OSError, RuntimeError, ValueError, safetensors.SafetensorError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise SparxError(Diagnostic(Code.FILE_NOT_WRITABLE, f"the file cannot be written: {reason}", where)) from None
