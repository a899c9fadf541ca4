"""Branch coverage of each room by its own fast tests: ``python -m tests.campaign.covered reader graph``.

Prints the lines and branches that no test of the room reaches; status 1 where there are any. Coverage.py is of the
extra ``coverage``.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.campaign.rooms import ROOMS
from tests.support.paths import ROOT

NEVER = r"if TYPE_CHECKING:|\.\.\.$|raise AssertionError|assert_never"
"""Lines that are for type checkers, or say what cannot be."""


def covered(room: str) -> int:
    """Run a room's tests and print what they leave out; the status is not 0 where that is anything, or a test fails."""
    tests = [f"tests/test_{name}.py" for name in ROOMS[room]]
    with TemporaryDirectory() as folder:
        settings = Path(folder) / "coveragerc"
        settings.write_text(f"[run]\nbranch = true\n[report]\nexclude_also =\n    {NEVER}\n")
        environment = os.environ | {"COVERAGE_FILE": str(Path(folder) / "data"), "CI": "1"}
        command = [sys.executable, "-m", "coverage"]
        pytest = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not slow", *tests]
        source = f"--source={ROOT / 'sparx_dsl' / room}"
        ran = subprocess.run(
            [*command, "run", f"--rcfile={settings}", source, *pytest], cwd=ROOT, env=environment, check=False
        )
        told = subprocess.run(
            [*command, "report", f"--rcfile={settings}", "--show-missing", "--skip-covered", "--fail-under=100"],
            cwd=ROOT, env=environment, check=False,
        )  # fmt: skip
    return ran.returncode or told.returncode


def main() -> int:
    """Measure the rooms that the arguments name, or all."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaign.covered", description=__doc__)
    parser.add_argument("rooms", nargs="*", help="which rooms (default: all)")
    return max(covered(room) for room in parser.parse_args().rooms or ROOMS)


if __name__ == "__main__":
    sys.exit(main())
