"""What the catalogue says about one code."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CodeEntry:
    """A code's explanation, with a snippet that causes it and the corrected snippet."""

    code: str
    """``SPX`` and three digits, the first of them the family; kinds of other packages have letters of their own."""
    title: str
    """What went wrong, in a few words."""
    explanation: str
    """Why it is an error and what to do, in a few sentences."""
    wrong: str = ""
    """YAML that causes the code; empty where no YAML does."""
    right: str = ""
    """The corrected YAML."""
