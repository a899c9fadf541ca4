"""What goes wrong with a study's file is told as a mistake: it cannot be reached, or it holds something else."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Generator
from pathlib import Path

from optuna.exceptions import UpdateFinishedTrialError

from sparx_dsl.errors import Diagnostic, SourceText, SparxError, Where


def at_study(path: Path) -> Where:
    """A study's file as a place."""
    return Where(source=SourceText(str(path), ""))


@contextlib.contextmanager
def reachable(path: Path) -> Generator[None]:
    """Raise ``SparxError`` (SPX752) where the file cannot be read or written inside the block: it is locked, say."""
    try:
        yield
    except OSError as error:
        message = f"the study cannot be read and written: {error.strerror or error}"
        raise SparxError(Diagnostic("SPX752", message, at_study(path))) from None
    except Exception as error:
        refusal = _refusal(error)
        if refusal is None:
            raise
        message = f"the study cannot be read and written: {_first_line(refusal)}"
        advice = "see whether another program holds the file, or whether its disk is full"
        raise SparxError(Diagnostic("SPX752", message, at_study(path), help=advice)) from None


@contextlib.contextmanager
def readable(path: Path) -> Generator[None]:
    """Raise ``SparxError`` (SPX752) where the file, read inside the block, is none that a study has written."""
    try:
        with reachable(path):
            yield
    except (SparxError, UpdateFinishedTrialError):
        raise
    except Exception as error:
        # A file of another kind fails in as many ways as it can differ; what it is not is all that there is to say.
        note = f"{type(error).__name__}: {_first_line(error)}"
        advice = "name another file with --study, or put this one right"
        raise SparxError(Diagnostic("SPX752", "the file holds no study", at_study(path), (note,), advice)) from None


def _refusal(error: BaseException | None) -> sqlite3.OperationalError | None:
    """What SQLite could not do, where that is what an exception comes from; what is no database is none of it."""
    while error is not None and not isinstance(error, sqlite3.OperationalError):
        error = error.__cause__
    return error


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [""])[0]
