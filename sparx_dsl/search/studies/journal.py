"""The study's journal: a file to which every change of the study is appended as a line of JSON.

Optuna's own file backend holds a lock that outlives a killed process by half a minute, and stops for good at a line
that was cut off in the middle: the next entry is appended to it. This one does neither.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

from optuna.storages.journal import BaseJournalBackend

from sparx_dsl.search.studies.locks import SharedLock
from sparx_dsl.search.studies.storage_errors import inaccessible

BLOCK_BYTES = 4096
"""Read at a time, from the end, in search of the last line break."""


class Journal(BaseJournalBackend):
    """Lines of JSON in a file, appended under a lock.

    A line is part of the journal once its line break is written. What a killed process left without one is ignored by
    readers, and removed by the next process that appends. Reading and writing raise ``SparxError`` (SPX752) for a
    journal of more than ``max_bytes``.
    """

    def __init__(self, path: Path, lock: SharedLock, max_bytes: int) -> None:
        self._path, self._lock, self._max_bytes = path, lock, max_bytes
        self._starts = [0]
        """Where each line starts that was read before, and where the next one does."""

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:
        """Every entry from that number on, from 0; raises ``ValueError`` for a line that is not an entry."""
        first = min(log_number_from, len(self._starts) - 1)
        with self._path.open("rb") as file:
            self._check_size(os.fstat(file.fileno()).st_size)
            file.seek(self._starts[first])
            for number, line in enumerate(file, first):
                if not line.endswith(b"\n"):
                    return
                if number + 1 == len(self._starts):
                    self._starts.append(self._starts[number] + len(line))
                if number >= log_number_from:
                    yield _entry(line, number + 1)

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Append entries; those that end a trial are on the disk when this returns."""
        lines = "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs).encode()
        with self._lock, self._path.open("r+b") as file:
            end = _drop_partial_line(file)
            self._check_size(end + len(lines))
            file.write(lines)
            file.flush()
            if any("state" in log and "trial_id" in log for log in logs):
                os.fsync(file.fileno())

    def _check_size(self, size: int) -> None:
        if size > self._max_bytes:
            reason = f"it has {size:,} bytes, more than the limit of {self._max_bytes:,}"
            raise inaccessible(self._path, reason, "begin another study, or keep it in a database: NAME.db")


def _entry(line: bytes, number: int) -> dict[str, Any]:
    """The entry of a line of that number, from 1; raises ``ValueError``."""
    try:
        entry: object = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"line {number} is not a journal entry: {error}") from None
    if not isinstance(entry, dict):
        raise ValueError(f"line {number} is not a journal entry")
    return cast("dict[str, Any]", entry)


def _drop_partial_line(file: BinaryIO) -> int:
    """Remove what a killed process left of a line; the file's size, which is also where it stands."""
    size = end = file.seek(0, os.SEEK_END)
    line_end = -1
    while line_end < 0 < end:
        end = max(0, end - BLOCK_BYTES)
        file.seek(end)
        line_end = file.read(BLOCK_BYTES).rfind(b"\n")
    end += line_end + 1
    if end < size:
        file.truncate(end)
    return file.seek(end)
