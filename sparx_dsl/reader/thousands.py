"""Numbers with commas between their thousands, which YAML reads as several values inside brackets and braces."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

REACH: Final = 40
"""Characters that are looked at before and behind three digits."""
_DIGITS: Final = re.compile(r"[0-9]{3}")
_BEFORE: Final = re.compile(r"(?<![\w.,+-])([+-]?[0-9]{1,3}(?:,[0-9]{3})*),\Z")
_BEHIND: Final = re.compile(r"((?:,[0-9]{3})*)[ \t]*(:?)")


@dataclass(frozen=True, slots=True)
class Thousands:
    """A number as it is written, and whether its first three digits behind a comma are the ones that were read."""

    text: str
    ahead: int
    """How many of its characters stand before the digits that were read."""
    first: bool


def with_commas(line: str, start: int, end: int, *, key: bool) -> Thousands | None:
    """The number of which the characters from ``start`` to ``end`` of a line are three digits behind a comma.

    None where they may be meant for themselves: in a list, unless they begin with 0, and as a key with a value.
    """
    before = _BEFORE.search(line[max(0, start - REACH) : start])
    behind = _BEHIND.match(line[end : end + REACH])
    if before is None or behind is None or not _DIGITS.fullmatch(line[start:end]):
        return None
    if behind[2] or not (key or line[start] == "0"):
        return None
    groups = before[1].split(",")[1:]
    first = not groups if key else not any(group.startswith("0") for group in groups)
    return Thousands(f"{before[0]}{line[start:end]}{behind[1]}", len(before[0]), first)
