"""Errors of a study's file as diagnostics: it cannot be accessed, or it holds something else."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Generator
from pathlib import Path

from optuna.exceptions import UpdateFinishedTrialError

from sparx_dsl.errors import Code, Diagnostic, SourceText, SparxError, Where, quoted


def at_study(path: Path) -> Where:
    """A study's file as a place."""
    return Where(source=SourceText(str(path), ""))


def inaccessible(path: Path, reason: str, advice: str | None = None) -> SparxError:
    """The error of a file that cannot be read and written (SPX752)."""
    message = f"the study cannot be read and written: {reason}"
    return SparxError(Diagnostic(Code.STUDY_NOT_USABLE, message, at_study(path), help=advice))


def check_regular(*files: Path) -> None:
    """Raise ``OSError`` for what is there and is no regular file, nor a link to one: a device may never end, a pipe
    may block whoever opens it."""
    for file in files:
        if file.exists() and not file.is_file():
            raise OSError(f"{quoted(file.name)} is {'a directory' if file.is_dir() else 'not a regular file'}")


@contextlib.contextmanager
def access_errors(path: Path) -> Generator[None]:
    """Raise ``SparxError`` (SPX752) where the file cannot be read or written inside the block: it is locked, say."""
    try:
        yield
    except OSError as error:
        raise inaccessible(path, error.strerror or str(error)) from None
    except Exception as error:
        database_error = _operational_error(error)
        if database_error is None:
            raise
        advice = "see whether another program holds the file, or whether its disk is full"
        raise inaccessible(path, _first_line(database_error), advice) from None


@contextlib.contextmanager
def content_errors(path: Path) -> Generator[None]:
    """Raise ``SparxError`` (SPX752) where the file, read inside the block, is not one that a study has written."""
    try:
        with access_errors(path):
            yield
    except (SparxError, UpdateFinishedTrialError):
        raise
    except Exception as error:
        # A file of another kind fails in as many ways as it can differ, so every exception has the same meaning.
        note = f"{type(error).__name__}: {_first_line(error)}"
        advice = "name another file with --study, or repair this one"
        raise SparxError(
            Diagnostic(Code.STUDY_NOT_USABLE, "the file holds no study", at_study(path), (note,), advice)
        ) from None


def _operational_error(error: BaseException | None) -> sqlite3.OperationalError | None:
    """The error of SQLite that an exception comes from where it could not operate; a file of another kind has none."""
    while error is not None and not isinstance(error, sqlite3.OperationalError):
        error = error.__cause__
    return error


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [""])[0]
