"""Files that appear complete or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

from sparx_dsl.errors import Diagnostic, SparxError


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write a text as UTF-8; raises ``SparxError`` (SPX502) where the file cannot be written."""
    write_bytes(path, text.encode())


def write_bytes(path: str | os.PathLike[str], data: bytes) -> None:
    """Write beside the target and rename, so that no reader ever sees half a file; raises ``SparxError`` (SPX502).

    A link is followed, a file keeps its mode, and what is no regular file (a pipe, a device) is written to as it is.
    """
    try:
        target = Path(os.path.realpath(path))
        if target.exists() and not target.is_file():
            target.write_bytes(data)
        else:
            _replace(target, data)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise SparxError(Diagnostic("SPX502", f"cannot write {os.fspath(path)!r}: {reason}")) from None


def _replace(target: Path, data: bytes) -> None:
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        part.write_bytes(data)
        if target.exists():
            shutil.copymode(target, part)
        part.replace(target)
    finally:
        with contextlib.suppress(OSError):
            part.unlink()
