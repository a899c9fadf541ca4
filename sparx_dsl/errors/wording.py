"""Numbers with their nouns, as messages and tables have them."""

from __future__ import annotations


def plural(number: int, noun: str) -> str:
    """The noun, in the plural unless there is one of it: ``layer`` for 1, ``layers`` for 0 and 2."""
    return noun if number == 1 else f"{noun}s"


def counted(number: int, noun: str) -> str:
    """The number and its noun: ``1 tensor``, ``1,234 tensors``."""
    return f"{number:,} {plural(number, noun)}"
