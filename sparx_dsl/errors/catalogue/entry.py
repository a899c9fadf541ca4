"""What the catalogue says about one code, and the same as text for the terminal."""

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


def entry_text(entry: CodeEntry) -> str:
    """What a code means, with a wrong and a right snippet where it is about a spec."""
    parts = [f"{entry.code}: {entry.title}", entry.explanation]
    if entry.wrong:
        parts += [f"Wrong:\n\n{_indented(entry.wrong)}", f"Right:\n\n{_indented(entry.right)}"]
    return "\n\n".join(parts) + "\n"


def _indented(snippet: str) -> str:
    """A snippet, four columns in."""
    return "\n".join(f"    {line}" for line in snippet.rstrip().splitlines())
