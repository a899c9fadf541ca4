"""What a person sees while a study runs: a bar with the best so far."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from sparx_dsl.search.studies.records import StudyResult

UPDATE_INTERVAL_S = 0.5
"""Between two readings of the study."""


class StudyProgress:
    """A bar on standard error."""

    def __init__(self, trials: int, *, shown: bool) -> None:
        columns = (TextColumn("trials"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn(),
                   TextColumn("{task.fields[best]}", markup=False))  # fmt: skip
        self._bar = Progress(*columns, console=Console(stderr=True), disable=not shown)
        self._task = self._bar.add_task("trials", total=trials, best="")
        self._shown, self._last = shown, 0.0

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._bar.stop()

    def update(self, result: Callable[[], StudyResult]) -> None:
        """Show the result where a bar is shown and half a second has passed; may be called as often as one likes."""
        if self._shown and time.monotonic() - self._last >= UPDATE_INTERVAL_S:
            self.show(result())

    def show(self, result: StudyResult) -> None:
        """Bring the bar up to date."""
        self._last = time.monotonic()
        self._bar.update(self._task, completed=result.finished, best=best_so_far(result))


def best_so_far(result: StudyResult) -> str:
    """The best so far in a few words, and how many trials failed."""
    parts: list[str] = []
    best = result.best
    if best is not None and len(result.directions) == 1:
        parts.append(f"best {Text(f'{best.values[0]:.6g}').plain} (trial {best.number})")
    elif best is not None:
        parts.append(f"front of {len(result.front)}")
        extremes = [
            (max if direction == "maximize" else min)(trial.values[place] for trial in result.front)
            for place, direction in enumerate(result.directions)
        ]
        parts += [f"{name} {value:.4g}" for name, value in zip(result.names, extremes, strict=True)]
    if result.failed:
        parts.append(f"{len(result.failed)} failed")
    return ", ".join(parts)
