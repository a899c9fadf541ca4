"""Where the folders of the checkout are."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"
DOCS = ROOT / "docs"
SPECS = ROOT / "specs"
SPACES = SPECS / "spaces"
ZOO = (*sorted(SPECS.glob("*.yaml")), *sorted(SPECS.glob("ablations/*.yaml")))
"""Every spec that comes with the project."""
