"""The pages in docs/, and the blocks in them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest

from tests.support.markdown import bodies
from tests.support.paths import DOCS

EXAMPLES = DOCS / "examples"
NAMES = (
    "language", "rules", "deploy", "running", "training", "integrations", "ablate", "detect", "reports", "pictures",
    "editors", "extending", "commands", "weights", "analysis", "pricing",
)  # fmt: skip
PAGES = {name: DOCS / f"{name}.md" for name in NAMES}

FILE_LINE = re.compile(r"# (?P<path>[\w./-]+\.(?:yaml|py|txt))\n")

PLAIN: Mapping[str, Any] = {"sparx": 1, "name": "x", "stem": {"kind": "patch"}, "layer": {"mixer": {"kind": "ss2d"}}}
"""All that a spec needs but stages."""


def blocks(page: str, language: str) -> list[str]:
    """The bodies of the page's fenced blocks in that language, in order."""
    return bodies(PAGES[page], language)


def numbered(language: str) -> list[Any]:
    """Every block of that language in every page, as a parameter of a test."""
    every = [(page, place, body) for page in PAGES for place, body in enumerate(blocks(page, language), start=1)]
    return [pytest.param(page, body, id=f"{page}-{place}") for page, place, body in every]
