"""From a file or a state dict to named tensors, whatever it was wrapped in."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

import torch
from torch import Tensor, nn

from sparx_dsl.errors import Code, Diagnostic, SourceText, SparxError, Where, did_you_mean, quoted
from sparx_dsl.weights.limits import CheckpointLimits
from sparx_dsl.weights.prefixes import bare_tensors
from sparx_dsl.weights.report import shortened
from sparx_dsl.weights.safetensors_file import read_safetensors
from sparx_dsl.weights.torch_file import SECTIONS, read_torch

Source = str | os.PathLike[str] | Mapping[str, Any]
"""A path to a file with one of the ``EXTENSIONS``, or a state dict, which may lie in a section of a mapping."""

PICKLE_EXTENSIONS: Final = (".pth", ".pt", ".pth.tar", ".ckpt", ".bin")
EXTENSIONS: Final = (".safetensors", *PICKLE_EXTENSIONS)
RAISE_LIMIT: Final = "load_checkpoint and load_model of sparx_dsl.weights take other CheckpointLimits(file_bytes=…)"


@dataclass(frozen=True)
class Checkpoint:
    """Named tensors of any shape, where they came from, and the texts that their file carries."""

    tensors: Mapping[str, Tensor]
    where: Where
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])
    notes: tuple[str, ...] = ()
    """What a report should say of what was left out."""


def read_checkpoint(
    source: Source, section: str | None, limits: CheckpointLimits, prefix: str | None = None
) -> Checkpoint:
    """Read a checkpoint, its names without those of wrappers; with a ``prefix`` only the tensors that it begins.

    Raises ``SparxError`` for what is not a checkpoint of plain tensors.
    """
    tensors, where, metadata = _read(source, section, limits)
    found = bare_tensors(tensors, prefix, where)
    return Checkpoint(found.tensors, where, metadata, found.notes)


def _read(
    source: Source, section: str | None, limits: CheckpointLimits
) -> tuple[dict[str, Tensor], Where, Mapping[str, str]]:
    """The tensors by their names in the source, where that is, and the texts that it carries."""
    if isinstance(source, Mapping):
        where = Where(source=SourceText("<state dict>", ""))
        tensors = _tensors(source, section, limits, where)
        if any(value.is_meta for value in tensors.values()):
            message = "the state dict is of a model on the device meta, so it has no values to load"
            raise SparxError(Diagnostic(Code.MODEL_ON_META, message, where))
        return tensors, where, {}
    path = Path(source)
    where = Where(source=SourceText(str(path), ""))
    _check_file(path, limits, where)
    if path.suffix == ".safetensors":
        tensors, metadata = read_safetensors(path, limits, where)
        return _tensors(tensors, section, limits, where), where, metadata
    tensors = _tensors(read_torch(path, limits, where), section, limits, where)
    _refuse_unbacked(tensors, where)
    return tensors, where, {}


def _check_file(path: Path, limits: CheckpointLimits, where: Where) -> None:
    if not path.name.endswith(EXTENSIONS):
        advice = did_you_mean(path.suffix, EXTENSIONS) or f"one of {', '.join(EXTENSIONS)}"
        message = f"unsupported file extension: {quoted(path.name)} is not a checkpoint"
        raise SparxError(Diagnostic(Code.UNKNOWN_FILE_EXTENSION, message, where, help=advice))
    try:
        size = path.stat().st_size
        regular = path.is_file()
    except (OSError, ValueError) as error:
        reason = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
        raise SparxError(Diagnostic(Code.FILE_NOT_READABLE, f"the file cannot be read: {reason}", where)) from None
    if not regular:
        raise SparxError(Diagnostic(Code.FILE_NOT_READABLE, "the file cannot be read: it is not a regular file", where))
    if size > limits.file_bytes:
        message = f"the file has {size:,} bytes, more than the limit of {limits.file_bytes:,}"
        raise SparxError(Diagnostic(Code.CHECKPOINT_TOO_LARGE, message, where, help=RAISE_LIMIT))


def _tensors(found: Any, section: str | None, limits: CheckpointLimits, where: Where) -> dict[str, Tensor]:
    """The state dict in what a file holds: the thing itself, or one section of it."""
    if not isinstance(found, Mapping):
        message = f"the file holds no state dict, but a value of type {type(found).__name__}"
        raise SparxError(Diagnostic(Code.NOT_PLAIN_TENSORS, message, where))
    chosen = _section(cast(Mapping[Any, Any], found), section, where)
    if len(chosen) > limits.tensors:
        message = f"{len(chosen):,} tensors are more than the limit of {limits.tensors:,}"
        raise SparxError(Diagnostic(Code.TOO_MANY_TENSORS, message, where))
    odd = [quoted(str(name)) for name, value in chosen.items() if not (isinstance(name, str) and is_plain(value))]
    if odd or not chosen:
        message = f"{len(odd)} entries are not plain dense tensors" if odd else "it holds no tensors"
        raise SparxError(Diagnostic(Code.NOT_PLAIN_TENSORS, message, where, notes=tuple(shortened(odd))))
    return dict(chosen)


def _section(found: Mapping[Any, Any], section: str | None, where: Where) -> Mapping[Any, Any]:
    sections = [key for key in SECTIONS if isinstance(found.get(key), Mapping)]
    if section is not None:
        if not isinstance(found.get(section), Mapping):
            there = [str(key) for key, value in found.items() if isinstance(value, Mapping)]
            advice = did_you_mean(section, there) or (f"it has {', '.join(shortened(there))}" if there else None)
            raise SparxError(
                Diagnostic(Code.AMBIGUOUS_SECTION, f"the file has no section {quoted(section)}", where, help=advice)
            )
        return found[section]
    if len(sections) > 1:
        message = f"the file holds weights under {' and under '.join(sections)}, which may differ"
        raise SparxError(Diagnostic(Code.AMBIGUOUS_SECTION, message, where, help=f"write section={sections[0]!r}"))
    return found[sections[0]] if sections else found


def is_plain(value: object) -> bool:
    """A dense tensor of no subclass that could compute something of its own, or a parameter."""
    return type(value) in (Tensor, nn.Parameter) and isinstance(value, Tensor) and value.layout == torch.strided \
        and not value.is_quantized  # fmt: skip


def _refuse_unbacked(tensors: Mapping[str, Tensor], where: Where) -> None:
    """Refuse tensors that claim more values than the file gives them: repeated ones could fill any memory."""
    for name, value in tensors.items():
        if value.is_meta or value.numel() * value.element_size() > value.untyped_storage().nbytes():
            message = f"{quoted(name)} claims the shape {list(value.shape)}, and the file holds fewer values for it"
            raise SparxError(Diagnostic(Code.INVALID_TENSOR_SHAPE, message, where))
