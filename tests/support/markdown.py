"""The fenced blocks of Markdown pages."""

from __future__ import annotations

import re
from pathlib import Path

Block = re.Match[str]
BLOCK = re.compile(r"^```(?P<language>\w+)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)


def bodies(page: Path, language: str) -> list[str]:
    """The bodies of a page's blocks in that language, in order."""
    found = BLOCK.finditer(page.read_text(encoding="utf-8"))
    return [match["body"] for match in found if match["language"] == language]
