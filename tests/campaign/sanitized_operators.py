"""The operators' attacks on a library compiled with AddressSanitizer and UBSan, which end a process at once."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.campaign.findings import Findings
from tests.campaign.raw_operators import TOGETHER
from tests.support.paths import ROOT

OPTIONS = ["-fopenmp", "-O1", "-g1", "-fno-omit-frame-pointer", "-fsanitize=address,undefined",
           "-fno-sanitize-recover=all"]  # fmt: skip
RUNTIMES = ("libasan.so", "libubsan.so")
"""What has to be loaded before Python, which was compiled without."""
FEW = 1000
"""Up to so many attacks only the compiler's default instructions are compiled, which takes seconds."""


def problem() -> str | None:
    """Why nothing can be attacked here; None where it can."""
    compiler = shutil.which("gcc")
    if compiler is None:
        return "nothing is attacked under sanitizers: there is no gcc on the PATH"
    missing = [name for name in RUNTIMES if not _found(compiler, name)]
    return f"nothing is attacked under sanitizers: {compiler} has no {' and no '.join(missing)}" if missing else None


def attack_sanitized(count: int, seed: int) -> Findings:
    """Compile the library into a copy of the package, and make so many attacks on that.

    Without GCC and its runtimes nothing is attacked, and the outcome says so.
    """
    compiler = shutil.which("gcc")
    if compiler is None or problem() is not None:
        return Findings(outcomes=Counter({"not attacked, without GCC's sanitizers": count}))
    runtimes = [_found(compiler, name) for name in RUNTIMES]
    findings = Findings()
    with TemporaryDirectory() as place:
        folder = Path(place)
        copy_package(folder)
        compile_sanitized(compiler, folder / "sparx_dsl" / "ops" / "cpu", wide=count > FEW)
        variables = {**os.environ, "PYTHONPATH": place, "LD_PRELOAD": " ".join(runtimes),
                     "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1",
                     "UBSAN_OPTIONS": "print_stacktrace=1"}  # fmt: skip
        for first in range(0, count, TOGETHER):
            findings.add(_attacked(folder, variables, seed, min(TOGETHER, count - first), first))
    return findings


def copy_package(folder: Path) -> None:
    """Put the package, without its library, and these tests into a folder."""
    shutil.copytree(ROOT / "sparx_dsl", folder / "sparx_dsl", ignore=shutil.ignore_patterns("*.so*", "__pycache__"))
    (folder / "tests").symlink_to(ROOT / "tests")


def compile_sanitized(compiler: str, folder: Path, *, wide: bool) -> None:
    """Compile the library in a folder as its build does, with sanitizers; ``wide`` is for all sets of instructions."""
    description = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert description is not None
    assert description.loader is not None
    build = importlib.util.module_from_spec(description)
    description.loader.exec_module(build)
    build.compile_with([compiler], folder, OPTIONS, wide=wide)


def _found(compiler: str, name: str) -> str:
    """The path of one of GCC's libraries, or nothing."""
    done = subprocess.run([compiler, f"-print-file-name={name}"], capture_output=True, text=True, check=True)
    path = done.stdout.strip()
    return path if Path(path).is_absolute() else ""


def _attacked(folder: Path, variables: Mapping[str, str], seed: int, count: int, first: int) -> Findings:
    command = [sys.executable, "-m", "tests.support.operator_attacks", str(seed), str(count), str(first)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=variables, check=False)
    if done.returncode:
        at, _, said = done.stderr.partition("=====")
        number = re.findall(r"^\d+$", at, re.MULTILINE)[-1:]
        return Findings(faults=[f"attack {number} of seed {seed} ended with {done.returncode}: {said[:3000]}"])
    report = json.loads(done.stdout)
    outcomes: Counter[str] = Counter()
    for name, number in report["outcomes"].items():
        outcomes[name.rpartition(" ")[2]] += number
    return Findings(outcomes=outcomes, faults=report["wrong"])
