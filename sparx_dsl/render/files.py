"""Files that appear complete or not at all."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from sparx_dsl.errors import Diagnostic, SparxError


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write a text as UTF-8; raises ``SparxError`` (SPX502) where the file cannot be written."""
    write_bytes(path, text.encode())


def write_bytes(path: str | os.PathLike[str], data: bytes) -> None:
    """Write beside the target and rename, so that no reader ever sees half a file; raises ``SparxError`` (SPX502)."""
    target = Path(path)
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        part.write_bytes(data)
        part.replace(target)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink()
        raise SparxError(Diagnostic("SPX502", f"cannot write {str(target)!r}: {error.strerror or error}")) from None
