"""The versions that the tests are run with."""

from __future__ import annotations

from packaging.utils import canonicalize_name

from tests.support.paths import ROOT


def pins() -> dict[str, str]:
    """The version of every package of constraints.txt."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    parted = [line.partition("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): version for name, _, version in parted}
