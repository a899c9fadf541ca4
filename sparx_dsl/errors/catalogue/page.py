"""The catalogue as text: one code for the terminal, and all of them as a page of the documentation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sparx_dsl.errors.catalogue.entry import CodeEntry

FAMILIES: Final[dict[str, str]] = {
    "SPX0": "Text and YAML",
    "SPX1": "Keys and values",
    "SPX2": "Values that do not go together",
    "SPX3": "Connections",
    "SPX4": "Limits",
    "SPX5": "Files and tools",
    "SPX6": "Checkpoints",
    "SPX7": "Search spaces",
}
"""The first character after SPX, and what the codes of that family are about."""

_INTRODUCTION: Final = """\
# The codes of errors

Every error is reported with a code, its place, and what to write instead. `sparx explain SPX106` prints what stands
here. The snippets show only the keys that matter; the rest of the spec is valid. This page is made from
`sparx_dsl/errors/catalogue/` and the kinds' own `codes.py` by `sparx_dsl.errors.catalogue.page.catalogue_page`.
"""


def entry_text(entry: CodeEntry) -> str:
    """What a code means, with a wrong and a right snippet where it is about a spec."""
    parts = [f"{entry.code}: {entry.title}", entry.explanation]
    if entry.wrong:
        parts += [f"Wrong:\n\n{_indented(entry.wrong)}", f"Right:\n\n{_indented(entry.right)}"]
    return "\n\n".join(parts) + "\n"


def catalogue_page(codes: Mapping[str, CodeEntry]) -> str:
    """The page docs/errors.md, of all codes."""
    parts = [_INTRODUCTION]
    for prefix, family in FAMILIES.items():
        sections = [_section(entry) for code, entry in codes.items() if code.startswith(prefix)]
        parts += [f"## {family} ({prefix}xx)\n", *sections] if sections else []
    return "\n".join(parts)


def _section(entry: CodeEntry) -> str:
    """One code as a section of the page."""
    text = f"### {entry.code}: {entry.title}\n\n{entry.explanation}\n"
    if entry.wrong:
        text += f"\nWrong:\n\n```text\n{entry.wrong.rstrip()}\n```\n\nRight:\n\n```yaml\n{entry.right.rstrip()}\n```\n"
    return text


def _indented(snippet: str) -> str:
    """A snippet, four columns in."""
    return "\n".join(f"    {line}" for line in snippet.rstrip().splitlines())
