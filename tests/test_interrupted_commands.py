"""One law for every command: Ctrl+C at any instant ends it with status 130 and without a traceback."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.support.commands import COMMAND_LINES, every_command
from tests.support.paths import ROOT
from tests.support.studies import space_file

IMPORTS: Final = (1, 30, 80, 130, 180)
"""How many modules a command has begun to import when Ctrl+C comes: of its own and of the packages that it needs."""
SEARCH: Final = (
    "search",
    "small.yaml",
    "--objective",
    "params",
    "--trials",
    "2",
    "--sampler",
    "random",
    "--workers",
    "2",
)
LATER: Final = (700, 800)
"""The same for a search, which imports Optuna once its study is begun."""


def test_an_interrupt_while_a_command_imports_modules(tmp_path: Path) -> None:
    """Status 130, and at most the sentence that says how a study goes on."""
    assert {*every_command()} == {*COMMAND_LINES}
    space_file(tmp_path)
    cases = [
        ((*name.split(), *words), IMPORTS[place % len(IMPORTS)])
        for place, (name, words) in enumerate(COMMAND_LINES.items())
    ]
    cases += [(SEARCH, number) for number in (*IMPORTS, *LATER)]
    command = [sys.executable, "-m", "tests.support.interrupted_process"]
    environment = {"PATH": "", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, input=json.dumps(cases), capture_output=True, check=True, cwd=tmp_path, env=environment, text=True
    )
    found = dict(zip(cases, json.loads(done.stdout), strict=True))
    later = "stopped; the same command goes on with small.journal\n"
    expected = {case: [130, later if case[1] in LATER else ""] for case in cases}
    assert expected == found
