"""Files that appear complete or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Generator
from pathlib import Path

from sparx_dsl.errors import Code, Diagnostic, SparxError


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write a text as UTF-8; raises ``SparxError`` (SPX502) where the file cannot be written."""
    write_bytes(path, text.encode())


def write_bytes(path: str | os.PathLike[str], data: bytes) -> None:
    """Write beside the target and rename, so that no reader ever sees half a file; raises ``SparxError`` (SPX502).

    A link is followed, a file keeps its mode, and what is no regular file (a pipe, a device) is written to as it is.
    """
    try:
        target = Path(path)
        if target.exists() and not target.is_file():
            target.write_bytes(data)
        else:
            with replacing(target) as part:
                part.write_bytes(data)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise SparxError(Diagnostic(Code.FILE_NOT_WRITABLE, f"cannot write {os.fspath(path)!r}: {reason}")) from None


@contextlib.contextmanager
def replacing(path: Path) -> Generator[Path, None, None]:
    """A path beside ``path`` to write to, which takes its place at the end; where writing fails, nothing is left of it.

    A link is followed. A file keeps its mode, and a new one has the mode that the umask asks for, whatever the writer
    gave it. Raises ``OSError``, also where ``path`` is there and no regular file.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        raise OSError(errno.EINVAL, "it is not a regular file")
    part = target.with_name(f".{target.name}.{secrets.token_hex(8)}.part")
    try:
        part.touch(exist_ok=False)
        mode = (target if target.exists() else part).stat().st_mode
        yield part
        part.chmod(stat.S_IMODE(mode))
        part.replace(target)
    finally:
        with contextlib.suppress(OSError):
            part.unlink()
