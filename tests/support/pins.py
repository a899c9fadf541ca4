"""The versions that the tests are run with, their files' hashes, and what asks for them."""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Iterable
from dataclasses import dataclass

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from tests.support.paths import ROOT

LOCKS = ROOT / ".ci" / "locks"
OF_CUDA = "# What torch brings where it is built for CUDA.\n"
"""The line of constraints.txt under which the rest is so."""


def pins(text: str | None = None) -> dict[str, str]:
    """The version of every package of constraints.txt, or of a part of its text."""
    lines = (text or (ROOT / "constraints.txt").read_text(encoding="utf-8")).splitlines()
    parted = [line.partition("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): version for name, _, version in parted}


@dataclass(frozen=True)
class Locked:
    """An entry of a lock file: a package at one version where its marker holds, and the hashes of its files."""

    requirement: Requirement
    hashes: tuple[str, ...]

    @property
    def name(self) -> NormalizedName:
        """The package."""
        return canonicalize_name(self.requirement.name)

    @property
    def here(self) -> bool:
        """Whether this platform and this Python take it."""
        return self.requirement.marker is None or self.requirement.marker.evaluate()


def locked(lock: str) -> list[Locked]:
    """The entries of a lock file."""
    text = (LOCKS / f"{lock}.txt").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    parted = [re.split(r"\s+--hash=", line.strip()) for line in lines]
    return [Locked(Requirement(first), tuple(hashes)) for first, *hashes in parted]


def collect(lines: Iterable[str], extra: str, seen: set[str]) -> None:
    """Add to ``seen`` the packages of some requirements, as that extra asks for them here, and all that these need."""
    for requirement in map(Requirement, lines):
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": extra}):
            continue
        for inner in ("", *requirement.extras):
            key = canonicalize_name(requirement.name) + (f"[{inner}]" if inner else "")
            if key not in seen:
                seen.add(key)
                found = next(iter(importlib.metadata.distributions(name=requirement.name)), None)
                collect((found.requires or ()) if found else (), inner, seen)
