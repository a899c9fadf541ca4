"""The page ``docs/reliability.md``: for each campaign the figures of its last full run, between two comments."""

from __future__ import annotations

import platform
import re
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from tests.campaign.findings import Findings

PACKAGES = ("torch", "pydantic", "PyYAML", "networkx", "safetensors")
SHOWN = 20
"""Faults that the page lists."""


def versions() -> str:
    """What the figures were measured with."""
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return f"Python {platform.python_version()}, {packages}, {platform.system()} {platform.machine()}"


def table(rows: Sequence[tuple[str, str]]) -> list[str]:
    """A table of two columns."""
    return ["| what | figure |", "| --- | --- |", *(f"| {what} | {figure} |" for what, figure in rows)]


def report(command: str, seconds: float, findings: Findings) -> str:
    """The figures of one run as Markdown."""
    rows = [(what, f"{number:,}") for what, number in sorted(findings.outcomes.items())]
    rows += [(what, f"{len(things):,}") for what, things in findings.seen.items()]
    rows += [(what, f"{figure:.1e} of the largest value") for what, figure in findings.largest.items()]
    rows += [*findings.measured.items(), ("faults", f"{len(findings.faults):,}"), ("time", f"{seconds:,.0f} s")]
    faults = ["", *(f"- {' '.join(fault.split())}" for fault in findings.faults[:SHOWN])] if findings.faults else []
    return "\n".join(["```bash", command, "```", "", *table(rows), *faults, "", f"With {versions()}."])


def update(page: Path, name: str, text: str) -> None:
    """Put a report between the campaign's two comments of the page; ``ValueError`` where they are missing."""
    found = page.read_text(encoding="utf-8")
    pattern = rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)"
    new, count = re.subn(pattern, lambda match: f"{match[1]}{text}\n{match[2]}", found, flags=re.DOTALL)
    if count != 1:
        raise ValueError(f"{page} needs <!-- {name} --> and <!-- /{name} --> once, and has them {count} times")
    page.write_text(new, encoding="utf-8")
