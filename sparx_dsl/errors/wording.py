"""Numbers with their nouns and exceptions, as messages and tables have them."""

from __future__ import annotations

from sparx_dsl.errors.escape import visible


def plural(number: int, noun: str) -> str:
    """The noun, in the plural unless there is one of it: ``layer`` for 1, ``layers`` for 0 and 2."""
    return noun if number == 1 else f"{noun}s"


def counted(number: int, noun: str) -> str:
    """The number and its noun: ``1 tensor``, ``1,234 tensors``."""
    return f"{number:,} {plural(number, noun)}"


def exception_text(error: BaseException, length: int = 300) -> str:
    """An exception in one line: its type, and what it says, escaped and cut to about ``length`` characters."""
    text = str(error)
    shown = visible(text[:length]) + ("…" if len(text) > length else "")
    return f"{type(error).__name__}: {shown}" if text else type(error).__name__
