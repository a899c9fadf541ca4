"""Reading .safetensors files: the header by ourselves, strictly and within limits, before the library sees the file.

The library accepts duplicate names, headers of 100 MB, and keys that the format does not have; each is refused here.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

from sparx_dsl.errors import Code, Diagnostic, SparxError, Where, counted, quoted, visible
from sparx_dsl.weights.limits import CheckpointLimits

LENGTH_BYTES: Final = 8
"""The file begins with the header's length, a little-endian integer of this many bytes."""
DTYPE_BYTES: Final = {
    "F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1
}  # fmt: skip
"""Bytes of one value of the dtypes that weights have here."""
MAX_DIMS: Final = 8
"""Dimensions of a shape at most."""


class Entry(NamedTuple):
    """One tensor as the header describes it; they sort by their place in the file."""

    begin: int
    end: int
    name: str
    dtype: str
    shape: tuple[int, ...]


def read_safetensors(path: Path, limits: CheckpointLimits, where: Where) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors, of any shape, and the metadata of a file; raises ``SparxError`` (SPX501, SPX602 to SPX609)."""
    try:
        metadata = _checked_header(path, limits, where)
        return safetensors.torch.load_file(path), metadata  # pyright: ignore[reportUnknownMemberType]
    except (SafetensorError, RuntimeError, ValueError) as error:
        # The header was valid a moment ago, so this is rare: the file changed, or memory ran out.
        message = f"the tensors cannot be read: {visible(str(error))}"
        raise SparxError(Diagnostic(Code.INVALID_HEADER, message, where)) from None
    except OSError as error:
        raise SparxError(
            Diagnostic(Code.FILE_NOT_READABLE, f"the file cannot be read: {error.strerror or error}", where)
        ) from None


def _checked_header(path: Path, limits: CheckpointLimits, where: Where) -> dict[str, str]:
    """The header's metadata, after the header was compared with itself, the limits and the size of the file."""
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(LENGTH_BYTES)
        length = int.from_bytes(start, "little")
        # Seven bytes are a length too, of up to 2**56: what is asked for is memory before it is read.
        if len(start) == LENGTH_BYTES and length > limits.header_bytes:
            message = f"the header claims {length:,} bytes, more than the limit of {limits.header_bytes:,}"
            advice = "real headers have some 100 bytes for each tensor"
            raise SparxError(Diagnostic(Code.CHECKPOINT_TOO_LARGE, message, where, help=advice))
        text = file.read(length) if len(start) == LENGTH_BYTES else b""
    if len(start) < LENGTH_BYTES or len(text) < length:
        message = "the file is empty" if size == 0 else f"the file ends within its header, after {size:,} bytes"
        raise _cut_off(message, where)
    header = _parsed(text, where)
    metadata = header.pop("__metadata__", {})
    if len(header) > limits.tensors:
        message = f"{len(header):,} tensors are more than the limit of {limits.tensors:,}"
        raise SparxError(Diagnostic(Code.TOO_MANY_TENSORS, message, where))
    _check_entries([_entry(name, value, where) for name, value in header.items()], size - LENGTH_BYTES - length, where)
    if not isinstance(metadata, dict) or not all(isinstance(text, str) for text in cast(Any, metadata).values()):
        raise _malformed("its metadata are not strings", where)
    return cast(dict[str, str], metadata)


def _parsed(text: bytes, where: Where) -> dict[str, Any]:
    """The header's JSON object, in which no name may come twice."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
            message = f"{quoted(twice)} is in the header more than once"
            raise SparxError(Diagnostic(Code.DUPLICATE_NAME, message, where, help="the two cannot be distinguished"))
        return found

    try:
        header: Any = json.loads(text.decode("utf-8"), object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deep" if isinstance(error, RecursionError) else str(error)
        raise SparxError(Diagnostic(Code.INVALID_HEADER, f"the header is not JSON: {reason}", where)) from None
    if not isinstance(header, dict):
        raise _malformed("it is not an object", where)
    return cast(dict[str, Any], header)


def _entry(name: str, value: Any, where: Where) -> Entry:
    """What the header says of one tensor; raises ``SparxError`` (SPX605) for anything but the three keys."""
    match value:
        case {"dtype": str(dtype), "shape": [*shape], "data_offsets": [begin, end], **rest} if (
            not rest and len(shape) <= MAX_DIMS and all(map(_is_size, [*shape, begin, end]))
        ):
            return Entry(begin, end, name, dtype, tuple(shape))
        case _:
            raise _malformed(f"of {quoted(name)} it does not give a dtype, a shape and two offsets", where)


def _is_size(value: object) -> bool:
    """``true`` is an int to Python, and no number to this format."""
    return type(value) is int and 0 <= value < 2**63


def _check_entries(entries: list[Entry], data: int, where: Where) -> None:
    """Refuse dtypes that weights do not have, and tensors that do not fill the ``data`` bytes one after the other."""
    for entry in entries:
        if entry.dtype not in DTYPE_BYTES:
            message = f"{quoted(entry.name)} has the dtype {quoted(entry.dtype)}, which is not supported for weights"
            raise SparxError(
                Diagnostic(Code.UNSUPPORTED_DTYPE, message, where, help=f"one of {', '.join(DTYPE_BYTES)}")
            )
        wanted, given = math.prod(entry.shape) * DTYPE_BYTES[entry.dtype], entry.end - entry.begin
        if wanted != given:
            size = f"{quoted(entry.name)} of shape {list(entry.shape)} and dtype {entry.dtype} needs "
            message = f"{size}{counted(wanted, 'byte')}, and the header gives it {given:,}"
            raise SparxError(Diagnostic(Code.INVALID_TENSOR_SHAPE, message, where))
    reached, before = 0, "the header"
    for entry in sorted(entries):
        if entry.begin != reached:
            how = "overlaps" if entry.begin < reached else "leaves a gap after"
            raise SparxError(Diagnostic(Code.OVERLAPPING_TENSORS, f"{quoted(entry.name)} {how} {before}", where))
        reached, before = entry.end, quoted(entry.name)
    if reached > data:
        raise _cut_off(f"the tensors need {reached:,} bytes, and the file has {data:,}: it was cut off", where)
    if reached < data:
        raise SparxError(
            Diagnostic(Code.OVERLAPPING_TENSORS, f"{data - reached:,} bytes at the end belong to no tensor", where)
        )


def _cut_off(message: str, where: Where) -> SparxError:
    return SparxError(Diagnostic(Code.TRUNCATED_CHECKPOINT, message, where, help="fetch or save it again"))


def _malformed(reason: str, where: Where) -> SparxError:
    return SparxError(Diagnostic(Code.INVALID_HEADER, f"the header is not one of safetensors: {reason}", where))
