"""Reading files of ``torch.save``: looked through before ``torch.load``, which then runs with ``weights_only=True``.

A pickle is a program. Before torch sees it, its opcodes are listed (nothing is run), and whatever it names beyond
tensors and plain containers is refused. There is no second attempt with fewer checks.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import pickletools
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import torch

from sparx_dsl.errors import Code, Diagnostic, SparxError, Where, quoted, visible
from sparx_dsl.weights.limits import CheckpointLimits
from sparx_dsl.weights.report import shortened

ALLOWED: Final = re.compile(
    r"collections (?:OrderedDict|Counter)|(?:builtins|__builtin__) set|torch\._utils _rebuild_(?:tensor_v2|parameter)"
    r"|torch (?:[A-Z]\w{0,30}Storage|Size|device|[a-z]{1,10}\d{1,3})"
)
"""What the pickle of a plain checkpoint names: containers, storages, dtypes, two functions that make tensors."""
_CALLING: Final = {"STACK_GLOBAL", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "EXT1", "EXT2", "EXT4", "PERSID"}
_NUMBERS: Final = {"BININT", "BININT1", "BININT2", "LONG1", "INT", "LONG"}
_BESIDE: Final = {"BINPUT", "LONG_BINPUT", "MEMOIZE", "NONE"}
"""What may stand between a storage's size and the end of its tuple."""
SECTIONS: Final = ("model", "state_dict", "model_ema", "state_dict_ema")
"""Under which of these keys training scripts put a model's weights."""
ARCHIVE_START: Final = b"PK\x03\x04"
LEGACY_MAGIC: Final = 0x1950A86A20F9469CFC6C
LEGACY_PICKLES: Final = 5
"""A file as torch wrote it before version 1.6: magic number, version, platform, the object, the storages' names."""


def read_torch(path: Path, limits: CheckpointLimits, where: Where) -> Any:
    """What ``torch.save`` put into the file; raises ``SparxError`` (SPX602, SPX610 to SPX612)."""
    size = path.stat().st_size
    try:
        zipped = _is_archive(path)
        pickles = [_zipped_pickle(path, size, limits, where)] if zipped else _legacy_pickles(path, limits)
        for pickle in pickles:
            refusal = _forbidden(pickle, size, where)
            if refusal is not None:
                raise SparxError(refusal)
        return torch.load(path, map_location="cpu", weights_only=True, mmap=zipped)
    except SparxError:
        raise
    except Exception as error:  # Broken bytes fail in zipfile, pickletools and torch in more ways than can be listed.
        reason = visible(str(error).partition("\n")[0]) or type(error).__name__
        advice = "fetch or save it again, as a plain dict of tensors"
        raise SparxError(
            Diagnostic(Code.NOT_A_TORCH_FILE, f"torch cannot read this file: {reason}", where, help=advice)
        ) from None


def _is_archive(path: Path) -> bool:
    """Whether the file is an archive; raises ``ValueError`` where its beginning says one thing and its end another."""
    with path.open("rb") as file:
        begins = file.read(len(ARCHIVE_START)) == ARCHIVE_START
    if begins != zipfile.is_zipfile(path):
        raise ValueError("the archive is damaged")
    return begins


def _zipped_pickle(path: Path, size: int, limits: CheckpointLimits, where: Where) -> Iterator[tuple[str, Any]]:
    """The opcodes of the one pickle in an archive, whose members are stored as they are, each once."""
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        # Torch never compresses, and what is neither compressed nor overlapping cannot unpack to more than the file.
        packed = [member.filename for member in members if member.compress_type != zipfile.ZIP_STORED]
        if packed or sum(member.file_size for member in members) > size:
            message = f"{quoted(packed[0])} is compressed" if packed else "it would unpack to more than its own size"
            advice = "torch.save does not write such files; save it again"
            raise SparxError(
                Diagnostic(Code.UNTRUSTED_ARCHIVE, f"the archive is not trusted: {message}", where, help=advice)
            )
        folded = {member.filename.casefold() for member in members}
        if len(folded) < len(members):
            raise SparxError(Diagnostic(Code.DUPLICATE_NAME, "the archive holds two members of one name", where))
        pickles = [member for member in members if member.filename.casefold().endswith(".pkl")]
        if len(pickles) != 1 or not pickles[0].filename.endswith("data.pkl"):
            message = f"the archive holds {len(pickles)} pickles, and a checkpoint has one, data.pkl"
            advice = "programs (TorchScript, torch.export) are not loaded"
            raise SparxError(Diagnostic(Code.NOT_A_TORCH_FILE, message, where, help=advice))
        if pickles[0].file_size > limits.header_bytes:
            message = f"the pickle has {pickles[0].file_size:,} bytes, more than the limit of {limits.header_bytes:,}"
            raise SparxError(Diagnostic(Code.CHECKPOINT_TOO_LARGE, message, where))
        return _opcodes(io.BytesIO(archive.read(pickles[0])))


def _legacy_pickles(path: Path, limits: CheckpointLimits) -> Iterator[Iterator[tuple[str, Any]]]:
    """The opcodes of the pickles with which a file of the old form begins."""
    with path.open("rb") as file:
        text = io.BytesIO(file.read(limits.header_bytes))
    if ("LONG1", LEGACY_MAGIC) not in itertools.islice(_opcodes(io.BytesIO(text.getvalue()[:32])), 3):
        raise ValueError("it does not begin like a file of torch.save")
    yield from (_opcodes(text) for _ in range(LEGACY_PICKLES))


def _opcodes(pickle: io.BytesIO) -> Iterator[tuple[str, Any]]:
    return ((opcode.name, argument) for opcode, argument, _ in pickletools.genops(pickle))


def _forbidden(pickle: Iterator[tuple[str, Any]], size: int, where: Where) -> Diagnostic | None:
    """What a pickle does that a file of plain tensors does not: name code, or ask for more memory than the file has."""
    before: list[tuple[str, Any]] = []
    section: str | None = None
    for name, argument in pickle:
        if _names_code(name, argument):
            return _unsafe([(name, argument), *_readable(pickle)], section, where)
        if name == "BINPERSID":
            kind, number = before[0] if before else ("", 0)
            if before[-1:] != [("TUPLE", None)] or kind not in _NUMBERS or int(number) > size:
                return Diagnostic(Code.UNTRUSTED_ARCHIVE, "a storage claims more bytes than the file has", where)
        if name not in _BESIDE:
            before = [*before[-1:], (name, argument)]
        section = argument if section is None and argument in SECTIONS else section
    return None


def _names_code(name: str, argument: Any) -> bool:
    return name in _CALLING or (name == "GLOBAL" and not ALLOWED.fullmatch(argument))


def _readable(pickle: Iterator[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    """The opcodes that follow, as far as they can be read."""
    with contextlib.suppress(Exception):
        yield from pickle


def _unsafe(opcodes: list[tuple[str, Any]], section: str | None, where: Where) -> Diagnostic:
    """The error of a pickle that names code, with all that it names, and how its tensors could be kept alone.

    ``opcodes`` are those from the first that does so on, ``section`` is the key of the weights that came before.
    """
    calls = [name for name, _ in opcodes if name in _CALLING]
    named = [argument for name, argument in opcodes if name == "GLOBAL" and _names_code(name, argument)]
    names = [quoted(each.replace(" ", ".")) for each in dict.fromkeys(named)]
    asked, *others = names or [f"code, by the opcode {calls[0]}"]
    notes = (f"it also asks for {', '.join(shortened(others))}",) if others else ()
    key = section or next((argument for _, argument in opcodes if argument in SECTIONS), None)
    weights = f"torch.load(path, weights_only=False){'' if key is None else f'[{key!r}]'}"
    kept = f"torch.save({weights}, 'weights.pth')"
    advice = f"where you trust the file, keep its tensors alone: {kept}; or use safetensors"
    message = f"the file asks for {asked}; only tensors are loaded, and nothing was run"
    return Diagnostic(Code.UNSAFE_PICKLE, message, where, notes=notes, help=advice)
