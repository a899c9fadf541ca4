"""Numbers with their nouns and exceptions, as messages and tables have them."""

from __future__ import annotations

from sparx_dsl.errors.escape import visible

EXCEPTION_LENGTH = 300
"""Characters of what an exception says that are shown."""


def plural(number: int, noun: str) -> str:
    """The noun, in the plural unless there is one of it: ``layer`` for 1, ``layers`` for 0 and 2."""
    return noun if number == 1 else f"{noun}s"


def counted(number: int, noun: str) -> str:
    """The number and its noun: ``1 tensor``, ``1,234 tensors``."""
    return f"{number:,} {plural(number, noun)}"


def exception_text(error: BaseException) -> str:
    """An exception in one line: its type, and what it says, escaped, up to about ``EXCEPTION_LENGTH`` characters."""
    text = str(error)
    shown = visible(text[:EXCEPTION_LENGTH]) + ("…" if len(text) > EXCEPTION_LENGTH else "")
    return f"{type(error).__name__}: {shown}" if text else type(error).__name__
