"""The page docs/errors.md, made from the catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sparx_dsl.errors import Code, CodeEntry

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

NAMES: Final[Mapping[str, str]] = {code.value: code.name for code in Code}
"""The names of the codes in Python."""

_INTRODUCTION: Final = """\
# The codes of errors

Every error is reported with a code, its place, and what to write instead. `sparx explain SPX106` prints what stands
here. In Python a code has a name, with which to compare `diagnostic.code`; those of a single kind's options have none.
The snippets show only the keys that matter; the rest of the spec is valid. This page is made from
`sparx_dsl/errors/catalogue/` and the kinds' own `codes.py` by `tests/support/errors_page.py`.
"""


def catalogue_page(codes: Mapping[str, CodeEntry]) -> str:
    """The page docs/errors.md, of all codes."""
    parts = [_INTRODUCTION]
    for prefix, family in FAMILIES.items():
        sections = [_section(entry) for code, entry in codes.items() if code.startswith(prefix)]
        parts += [f"## {family} ({prefix}xx)\n", *sections] if sections else []
    return "\n".join(parts)


def _section(entry: CodeEntry) -> str:
    """One code as a section of the page."""
    name = f"`sparx_dsl.Code.{NAMES[entry.code]}`\n\n" if entry.code in NAMES else ""
    text = f"### {entry.code}: {entry.title}\n\n{name}{entry.explanation}\n"
    if entry.wrong:
        text += f"\nWrong:\n\n```text\n{entry.wrong.rstrip()}\n```\n\nRight:\n\n```yaml\n{entry.right.rstrip()}\n```\n"
    return text
