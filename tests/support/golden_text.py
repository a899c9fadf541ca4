"""Expected texts that stand in files, and are written anew with ``--update-golden``."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.paths import TESTS

GOLDEN = TESTS / "golden"


@dataclass(frozen=True)
class Golden:
    """The expected text of one test, in ``tests/golden/<test module>/<test name>.txt``."""

    path: Path
    update: bool
    command: str

    def check(self, text: str) -> None:
        """Compare ``text`` with the expected one; fails with a diff, or says how to write the file."""
        found = text.rstrip("\n") + "\n"
        if self.update:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.write_text(found, encoding="utf-8")
            return
        if not self.path.is_file():
            pytest.fail(f"there is no {self.path.name} yet; to write it, run: {self.command}")
        expected = self.path.read_text(encoding="utf-8")
        if found != expected:
            lines = difflib.unified_diff(expected.splitlines(), found.splitlines(), "expected", "found", lineterm="")
            pytest.fail("\n".join([*lines, f"if the new text is right, run: {self.command}"]))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--update-golden``."""
    parser.addoption("--update-golden", action="store_true", help="write the golden texts anew instead of comparing")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """The expected text of the test that asks."""
    name = re.sub(r"[^A-Za-z0-9_.=-]+", "_", request.node.name).strip("_")
    path = GOLDEN / Path(str(request.node.path)).stem / f"{name}.txt"
    command = f'python -m pytest "{request.node.nodeid}" --update-golden'
    return Golden(path, bool(request.config.getoption("--update-golden")), command)
