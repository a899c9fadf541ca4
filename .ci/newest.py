"""The fast tests with the newest versions that pyproject.toml accepts: what breaks, and by which package.

    python .ci/newest.py FOLDER

FOLDER takes the environment and what the tests print. Nothing has a hash there. torch and triton stay at their pins.
Packages that differ from constraints.txt go back to their pins one after the other, until every test that broke holds
again. The status is 0 whatever breaks, for that is no fault of what was just written; the report is for whoever renews
the pins.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
import venv
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
MOST = 40
"""Tests that are run again with each package that goes back, and that are listed for it."""
HELD = ("torch", "triton")
"""What stays at its pin; torch, where it is built for CUDA, asks for one triton."""
LIMIT = 1200.0
"""Seconds for the tests and as many for the search for what breaks them."""


def pins() -> dict[str, str]:
    """The version of every package of constraints.txt."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    parted = [line.partition("==") for line in lines if line and not line.startswith("#")]
    return {normal(name): version for name, _, version in parted}


def normal(name: str) -> str:
    """A package's name as it is compared."""
    return re.sub(r"[-_.]+", "-", name).lower()


class Newest:
    """An environment with the newest versions."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.python = folder / "bin" / "python"

    def run(self, *words: str, limit: float = LIMIT) -> subprocess.CompletedProcess[str]:
        """Run a module of this environment's Python in the checkout; a process that takes too long has status 124."""
        command = [str(self.python), "-m", *words]
        try:
            return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=limit, check=False)
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(command, 124, "", f"it took more than {limit:.0f} s")

    def install(self, *words: str) -> str | None:
        """Install; None, or why not."""
        done = self.run("pip", "install", "--quiet", "--disable-pip-version-check", *words)
        return (done.stderr.strip() or "no reason given").splitlines()[-1] if done.returncode else None

    def versions(self) -> dict[str, str]:
        """What is installed."""
        listed = json.loads(self.run("pip", "list", "--format", "json", "--disable-pip-version-check").stdout)
        return {normal(one["name"]): one["version"].partition("+")[0] for one in listed}

    def failing(self, *tests: str, limit: float = LIMIT) -> tuple[list[str], str]:
        """Run the fast tests, or these; which fail, and why they did not run if they did not."""
        cache = self.folder / "cache"
        failed = cache / "v" / "cache" / "lastfailed"
        failed.unlink(missing_ok=True)
        options = ("-q", "-n", "2", "--dist", "loadfile", "-o", f"cache_dir={cache}")
        done = self.run("pytest", *options, *tests, limit=limit)
        (self.folder / "tests.txt").write_text(done.stdout + done.stderr, encoding="utf-8")
        last = (done.stdout.strip() or done.stderr.strip() or "nothing was said").splitlines()[-1]
        found = sorted(json.loads(failed.read_text(encoding="utf-8"))) if failed.exists() else []
        ran = done.returncode in (0, 1) or found
        return found, "" if ran else f"status {done.returncode}, {last}"


def listed(names: Sequence[str]) -> str:
    """The names one below the other, not too many of them."""
    more = [f"and {len(names) - MOST} more"] if len(names) > MOST else []
    return "\n".join(f"    {name}" for name in [*names[:MOST], *more])


def trace(newest: Newest, differing: Mapping[str, tuple[str, str]], broken: list[str]) -> None:
    """Put back one package after the other, and print which tests hold again with it; then what is left."""
    end = time.monotonic() + LIMIT
    left = broken[:: -(-len(broken) // MOST)]
    if len(left) < len(broken):
        print(f"  {len(left)} of them are looked into:")
    for name, (pinned, new) in differing.items():
        if not left or time.monotonic() > end:
            break
        if why := newest.install("--no-deps", f"{name}=={pinned}"):
            print(f"  {name} {pinned} cannot be put back: {why}")
            continue
        still, _ = newest.failing(*left, limit=max(1.0, end - time.monotonic()))
        if again := [test for test in left if test not in still]:
            print(f"  {name} {new} breaks what holds with {pinned}:\n{listed(again)}")
        left = [test for test in left if test in still]
    if left:
        print(f"  not traced to a package:\n{listed(left)}")


def main(folder: Path) -> None:
    """Install, test, report."""
    venv.create(folder, clear=True, with_pip=True)
    newest, pinned = Newest(folder), pins()
    held = [f"{name}=={pinned[name]}" for name in HELD]
    if why := newest.install("--upgrade", "--upgrade-strategy", "eager", *held, "-e", ".[test]"):
        print(f"the newest versions cannot be installed together: {why}")
        return
    installed = newest.versions()
    differing = {
        name: (pinned[name], version)
        for name, version in installed.items()
        if name in pinned and version != pinned[name]
    }
    unpinned = sorted(installed.keys() - pinned.keys() - {"pip", "sparx-dsl"})
    if not differing and not unpinned:
        print("the newest versions are those of constraints.txt")
        return
    print("not as in constraints.txt:", ", ".join(f"{name} {old} → {new}" for name, (old, new) in differing.items()))
    if unpinned:
        print("not in constraints.txt:", ", ".join(unpinned))
    broken, why = newest.failing()
    if broken:
        print(f"with them {len(broken)} tests break:")
        trace(newest, differing, broken)
    elif why:
        print(f"with them the tests do not run: {why}")
    else:
        print("with them all fast tests hold")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
