"""What an answer may take, in every campaign that measures it."""

from __future__ import annotations

from typing import Final

CHOICE: Final = "choice of 4,096 values"
"""A space that has one, over a published backbone."""
SECONDS: Final = {"space": 5.0, CHOICE: 2.0}
"""Of CPU, by what is read, where it is not one: a space of a few lines is a question about all its points."""


def most_seconds(read: str) -> float:
    """Seconds of CPU that an answer to this may take: to a ``spec``, a ``space`` or a file of another kind."""
    return SECONDS.get(read, 1.0)
