"""Objectives and a small space for the tests of studies; other processes import them by name."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import sparx_dsl
from sparx_dsl import SparxError, StudyResult, Trial
from sparx_dsl.search import Space
from tests.support.paths import ROOT

BASE: dict[str, Any] = {
    "sparx": 1,
    "name": "small",
    "input": {"channels": 1, "size": 16},
    "stem": {"kind": "patch", "size": 2},
    "layer": {"mixer": {"kind": "window_attention", "window": 4, "head_width": 4}, "ffn": {"kind": "mlp", "ratio": 1}},
    "stages": [{"channels": 8, "depth": 2, "S": 2}, {"channels": 16, "depth": 2, "S": 2}],
    "head": {"kind": "linear", "classes": 3},
}
CHOICES: dict[str, Any] = {
    "stages.1.channels": {"from": 8, "to": 32, "step": 8},
    "stages.2.depth": {"from": 1, "to": 4},
    "stages.*.S": [1, 2],
    "layer.ffn": [{"kind": "mlp", "ratio": 2}, {"kind": "conv", "ratio": 1}, {"kind": "none"}],
    "layer.mixer.window": [2, 4],
}


def small_space(**keys: Any) -> Space:
    """Some two hundred points, of which each is priced in a millisecond."""
    return sparx_dsl.make_space(sparx_dsl.parse_spec(BASE), CHOICES, name="small", **keys)


def space_file(folder: Path) -> Path:
    """The small space as a file."""
    import yaml

    path = folder / "small.yaml"
    # A command may be reading it.
    if path.exists():
        return path
    space = {"space": 1, "name": "small", "spec": BASE, "choices": CHOICES}
    path.write_text(yaml.safe_dump(space, sort_keys=False), encoding="utf-8")
    return path


def params(trial: Trial) -> float:
    """Parameters in thousands, to be maximised."""
    return trial.prices.params / 1000


def logged(trial: Trial) -> float:
    """The parameters, after a moment and a line in a log of who did what."""
    line = f"{trial.number} {os.getpid()}\n"
    with (trial.folder.parent.parent / "log.txt").open("a", encoding="ascii") as log:
        log.write(line)
    time.sleep(0.05)
    return float(trial.prices.params)


def slow(trial: Trial) -> float:
    """The parameters, after a third of a second, in which one can be killed."""
    time.sleep(0.3)
    return float(trial.prices.params)


def some_fail(trial: Trial) -> float:
    """Every third trial raises."""
    if trial.number % 3 == 1:
        raise RuntimeError(f"no memory for {trial.number}")
    return float(trial.prices.params)


def all_fail(trial: Trial) -> float:
    """No trial gives a value."""
    raise ZeroDivisionError("the data are missing")


def deadly(trial: Trial) -> float:
    """The second trial kills whoever runs it."""
    if trial.number == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return float(trial.prices.params)


def deadly_once(trial: Trial) -> float:
    """The second trial kills the first one who runs it."""
    mark = trial.folder / "killed"
    if trial.number == 1 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return float(trial.prices.params)


def two(trial: Trial) -> tuple[float, float]:
    """Two values that cannot both be best."""
    return trial.prices.params / 1000, trial.prices.macs / 1000


def constrained(trial: Trial) -> dict[str, Any]:
    """The parameters, while the MACs stay below 400,000; and a word."""
    over = float(trial.prices.macs - 400_000)
    return {"values": trial.prices.params, "constraints": {"macs": over}, "word": "kept", "list": (1, 2.5, None)}


def command(folder: Path, *arguments: object) -> subprocess.Popen[str]:
    """``sparx search`` on the small space with objectives of this module, in a process of its own."""
    words = ["search", space_file(folder), *arguments]
    code = "import sys; from sparx_dsl.cli.main import main; sys.argv[0] = 'sparx'; main()"
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, words)],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def look(folder: Path, study: str) -> StudyResult | None:
    """The study as it stands; None before it is there."""
    try:
        return sparx_dsl.read_study(space_file(folder), folder / study)
    except SparxError:
        return None


def kill_workers(process: subprocess.Popen[str], folder: Path, study: str, times: int) -> int:
    """Kill a worker in the middle of a trial so many times, while the command runs; how many were killed.

    Asserts that no trial that had ended is ever lost or changed.
    """
    killed = 0
    ended: set[tuple[int, tuple[float, ...]]] = set()
    while process.poll() is None:
        time.sleep(0.1)
        result = look(folder, study)
        if result is None:
            continue
        now = {(trial.number, trial.values) for trial in result.complete}
        assert ended <= now
        running = [trial for trial in result.trials if trial.state == "running" and trial.point is not None]
        if running and killed < times and len(now) > len(ended):
            # One that has just ended by itself was not killed.
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(running[-1].worker.split("_")[1].split("-")[0]), signal.SIGKILL)
                killed += 1
        ended = now
    process.communicate()
    return killed
