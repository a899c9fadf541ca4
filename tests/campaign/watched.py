"""An audit hook that sees what reading untrusted files must never do: run, import, connect, or open other files."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

FORBIDDEN = ("exec", "compile", "import", "os.system", "os.exec", "os.posix_spawn", "os.fork", "subprocess.", "socket.",
             "ctypes.dlopen", "ctypes.dlsym", "urllib.", "http.", "ftplib.", "shutil.", "os.remove", "os.rename",
             "os.rmdir", "os.mkdir", "os.chmod", "os.link", "os.symlink", "os.truncate", "code.__new__",
             "pickle.find_class", "marshal.")  # fmt: skip
"""Audit events by the beginnings of their names (Python's documentation has the table of all)."""


class Watch:
    """Notes forbidden events while it watches. A hook stays for the life of its process, so there is one in each."""

    def __init__(self) -> None:
        self.allowed: frozenset[str] | None = None
        self.seen: list[str] = []
        sys.addaudithook(self._note)

    def _note(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.allowed is None:
            return
        if event == "open":
            self._note_open(*arguments)
        elif event.startswith(FORBIDDEN):
            self.seen.append(f"{event} {arguments!r:.200}")

    def _note_open(self, path: object, mode: str | None, flags: int) -> None:
        reads = not flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        known = isinstance(path, int) or (isinstance(path, str | bytes) and os.fsdecode(path) in (self.allowed or ()))
        if not (known and reads):
            self.seen.append(f"open {path!r} {mode} {flags:#x}")

    @contextmanager
    def over(self, files: Iterable[Path]) -> Generator[list[str], None, None]:
        """Watch inside; only these files may be opened, and only to be read. Gives what was seen besides."""
        self.seen = []
        self.allowed = frozenset(map(str, files))
        try:
            yield self.seen
        finally:
            self.allowed = None
