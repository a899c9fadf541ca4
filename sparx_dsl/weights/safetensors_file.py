"""Reading .safetensors files: the header by ourselves, strictly and within limits, before any library sees the file.

The library accepts duplicate names, and headers of 100 MB; both are refused here.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

from sparx_dsl.errors import Diagnostic, SparxError, Where, quoted
from sparx_dsl.weights.limits import CheckpointLimits
from sparx_dsl.weights.report import count

LENGTH_BYTES: Final = 8
"""The file begins with the header's length, a little-endian integer of this many bytes."""
METADATA: Final = "__metadata__"
DTYPE_BYTES: Final = {
    "F64": 8,
    "F32": 4,
    "F16": 2,
    "BF16": 2,
    "I64": 8,
    "I32": 4,
    "I16": 2,
    "I8": 1,
    "U8": 1,
    "BOOL": 1,
}
"""Bytes of one value of the dtypes that weights have here."""
MAX_SIDES: Final = 8
"""Sides of a shape at most."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One tensor as the header describes it."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class Header:
    """What stands before the data: the tensors, and texts that the writer left."""

    entries: tuple[Entry, ...]
    metadata: dict[str, str]


def read_safetensors(path: Path, limits: CheckpointLimits, where: Where) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors and the metadata of a file; raises ``SparxError`` (SPX602 to SPX609)."""
    header = read_header(path, limits, where)
    try:
        tensors = safetensors.torch.load_file(path)  # pyright: ignore[reportUnknownMemberType]
        return tensors, header.metadata
    except (SafetensorError, RuntimeError, ValueError, OSError) as error:
        # The header was sound a moment ago, so this is rare: the file changed, or memory ran out.
        raise SparxError(Diagnostic("SPX605", f"the tensors cannot be read: {error}", where)) from None


def read_header(path: Path, limits: CheckpointLimits, where: Where) -> Header:
    """The header, checked against itself, the limits and the size of the file; raises ``SparxError``."""
    try:
        with path.open("rb") as file:
            return _header(file, path.stat().st_size, limits, where)
    except OSError as error:
        raise SparxError(Diagnostic("SPX501", f"the file cannot be read: {error.strerror or error}", where)) from None


def _header(file: BinaryIO, size: int, limits: CheckpointLimits, where: Where) -> Header:
    start = file.read(LENGTH_BYTES)
    length = int.from_bytes(start, "little")
    if len(start) == LENGTH_BYTES and length > limits.header_bytes:
        message = f"the header is said to have {length:,} bytes, more than the limit of {limits.header_bytes:,}"
        raise SparxError(Diagnostic("SPX602", message, where, help="real headers have some 100 bytes for each tensor"))
    text = file.read(length)
    if len(start) < LENGTH_BYTES or len(text) < length:
        message = "the file is empty" if size == 0 else f"the file ends within its header, after {size:,} bytes"
        raise SparxError(Diagnostic("SPX604", message, where, help="fetch or save it again"))
    raw = _parsed(text, where)
    metadata = raw.pop(METADATA, {})
    if len(raw) > limits.tensors:
        message = f"{len(raw):,} tensors are more than the limit of {limits.tensors:,}"
        raise SparxError(Diagnostic("SPX603", message, where))
    entries = tuple(_entry(name, value, where) for name, value in raw.items())
    mistakes = [*_untrue(entries, where)] or [*_misplaced(entries, size - LENGTH_BYTES - length, where)]
    if mistakes:
        raise SparxError(mistakes)
    return Header(entries, _texts(metadata, where))


def _parsed(text: bytes, where: Where) -> dict[str, Any]:
    """The header's JSON object, in which no name may come twice."""
    twice: list[str] = []

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            twice.extend(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)
        return found

    try:
        raw: Any = json.loads(text.decode("utf-8"), object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deep" if isinstance(error, RecursionError) else str(error)
        raise SparxError(Diagnostic("SPX605", f"the header is no JSON: {reason}", where)) from None
    if twice:
        message = f"{quoted(twice[0])} stands in the header more than once"
        raise SparxError(Diagnostic("SPX606", message, where, help="which of the two is meant cannot be known"))
    if not isinstance(raw, dict):
        raise _formless("it is no object", where)
    return cast(dict[str, Any], raw)


def _entry(name: str, value: Any, where: Where) -> Entry:
    """What the header says of one tensor; raises ``SparxError`` (SPX605) for anything but the three keys."""
    if isinstance(value, dict):
        facts = cast(dict[str, Any], value)
        dtype, shape, place = facts.get("dtype"), _numbers(facts.get("shape")), _numbers(facts.get("data_offsets"))
        if len(facts) == 3 and isinstance(dtype, str) and shape is not None and place is not None and len(place) == 2:
            return Entry(name, dtype, shape, *place)
    raise _formless(f"of {quoted(name)} it does not give a dtype, a shape and two offsets", where)


def _numbers(value: Any) -> tuple[int, ...] | None:
    """A short list of sizes; ``true`` is an int to Python, and no number to this format."""
    numbers = tuple(cast(list[Any], value)) if isinstance(value, list) else (None,)
    sizes = len(numbers) <= MAX_SIDES and all(type(number) is int and 0 <= number < 2**63 for number in numbers)
    return cast(tuple[int, ...], numbers) if sizes else None


def _texts(metadata: Any, where: Where) -> dict[str, str]:
    if not isinstance(metadata, dict) or not all(
        isinstance(text, str) for text in cast(dict[str, Any], metadata).values()
    ):
        raise _formless("its metadata are no texts", where)
    return cast(dict[str, str], metadata)


def _formless(reason: str, where: Where) -> SparxError:
    return SparxError(Diagnostic("SPX605", f"the header has not the form of safetensors: {reason}", where))


def _untrue(entries: tuple[Entry, ...], where: Where) -> Iterator[Diagnostic]:
    """Tensors whose dtype is unknown, or whose dtype and shape ask for another number of bytes than they have."""
    for entry in entries:
        if entry.dtype not in DTYPE_BYTES:
            message = f"{quoted(entry.name)} has the dtype {quoted(entry.dtype)}, which weights here do not have"
            yield Diagnostic("SPX609", message, where, help=f"one of {', '.join(DTYPE_BYTES)}")
            return
        wanted = math.prod(entry.shape) * DTYPE_BYTES[entry.dtype]
        if wanted != entry.end - entry.begin:
            message = (
                f"{quoted(entry.name)} of shape {list(entry.shape)} and dtype {entry.dtype} needs "
                f"{count(wanted, 'byte')}, and the header gives it {entry.end - entry.begin:,}"
            )
            yield Diagnostic("SPX608", message, where)
            return


def _misplaced(entries: tuple[Entry, ...], data: int, where: Where) -> Iterator[Diagnostic]:
    """Tensors that overlap, leave gaps, or reach past the end of the file, which has ``data`` bytes for them."""
    reached, before = 0, "the header"
    for entry in sorted(entries, key=lambda entry: (entry.begin, entry.end)):
        if entry.begin != reached:
            how = "overlaps" if entry.begin < reached else "leaves a gap after"
            yield Diagnostic("SPX607", f"{quoted(entry.name)} {how} {before}", where)
            return
        reached, before = entry.end, quoted(entry.name)
    if reached > data:
        message = f"the tensors need {reached:,} bytes, and the file has {data:,}: it was cut off"
        yield Diagnostic("SPX604", message, where, help="fetch or save it again")
    elif reached < data:
        yield Diagnostic("SPX607", f"{data - reached:,} bytes at the end belong to no tensor", where)
