"""Objectives and a small space for the tests of studies; other processes import them by name."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import sparx_dsl
from sparx_dsl import SparxError, StudyResult, Trial
from sparx_dsl.search import Space
from sparx_dsl.search.studies.config import StudyConfig
from sparx_dsl.search.studies.limits import StudyLimits
from sparx_dsl.search.studies.objectives import read_directions, read_objectives
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
    """The parameters, and a line in a log of who did what; no trial ends before a second process has begun one."""
    log = trial.folder.parent.parent / "log.txt"
    with log.open("a", encoding="ascii") as file:
        file.write(f"{trial.number} {os.getpid()}\n")
    for _ in range(3000):
        if len({line.split()[1] for line in log.read_text(encoding="ascii").splitlines()}) > 1:
            return float(trial.prices.params)
        time.sleep(0.02)
    raise RuntimeError("there is no second process")


def slow(trial: Trial) -> float:
    """The parameters, after a third of a second, in which one can be killed."""
    time.sleep(0.3)
    return float(trial.prices.params)


def killed_twice(trial: Trial) -> float:
    """The second and the fifth trial kill the first process that runs them."""
    if trial.number in (1, 4) and _first_time(trial):
        os.kill(os.getpid(), signal.SIGKILL)
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
    """The second trial ends whoever runs it, with the status of success."""
    if trial.number == 1:
        os._exit(0)
    return float(trial.prices.params)


def ends_in_every_way(trial: Trial) -> float:
    """The first five trials each end the first one who runs them, in ways of their own; the sixth leaves a thread."""
    if trial.number < 6 and _first_time(trial):
        ends: tuple[Callable[[], object], ...] = (
            lambda: os._exit(0),
            lambda: os._exit(3),
            lambda: os.kill(os.getpid(), signal.SIGKILL),
            lambda: os.kill(os.getpid(), signal.SIGSEGV),
            lambda: os.execv(sys.executable, ["python", "-c", ""]),  # noqa: S606
            lambda: threading.Thread(target=time.sleep, args=(600,)).start(),
        )
        ends[trial.number]()
    return float(trial.prices.params)


def interrupted(trial: Trial) -> float:
    """The second trial raises what Ctrl-C does."""
    if trial.number == 1:
        raise KeyboardInterrupt
    return float(trial.prices.params)


def _first_time(trial: Trial) -> bool:
    """Whether nobody has begun this trial before."""
    mark = trial.folder / "begun"
    with contextlib.suppress(FileExistsError):
        mark.touch(exist_ok=False)
        return True
    return False


def two(trial: Trial) -> tuple[float, float]:
    """Two values that cannot both be best."""
    return trial.prices.params / 1000, trial.prices.macs / 1000


def constrained(trial: Trial) -> dict[str, Any]:
    """The parameters, while the MACs stay below 400,000; and a word."""
    over = float(trial.prices.macs - 400_000)
    return {"values": trial.prices.params, "constraints": {"macs": over}, "word": "kept", "list": (1, 2.5, None)}


def config_of(
    path: Path,
    objective: str | Callable[[Trial], object],
    limits: StudyLimits,
    *,
    trials: int = 3,
    workers: int | None = None,
) -> StudyConfig:
    """What a study of the small space is asked to do, with limits, for which ``run_study`` has no argument."""
    objectives = read_objectives([objective])
    directions = read_directions((), objectives)
    return StudyConfig(small_space(), path, objectives, directions, "random", trials, workers=workers, limits=limits)


def command(
    folder: Path, *arguments: object, output: int | IO[str] = subprocess.PIPE, start_new_session: bool = False
) -> subprocess.Popen[str]:
    """``sparx search`` on the small space with objectives of this module, in a process of its own."""
    words = ["search", space_file(folder), *arguments]
    code = "import sys; from sparx_dsl.cli.main import main; sys.argv[0] = 'sparx'; main()"
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, words)],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=output, stderr=subprocess.PIPE, text=True, start_new_session=start_new_session,
    )  # fmt: skip


def ends(result: StudyResult) -> list[tuple[int, object, tuple[float, ...]]]:
    """The outcome of each trial: its number, its point and its values."""
    return [(trial.number, trial.point, trial.values) for trial in result.trials]


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
                os.kill(int(running[-1].worker.rsplit("_", 2)[1]), signal.SIGKILL)
                killed += 1
        ended = now
    process.communicate()
    return killed
