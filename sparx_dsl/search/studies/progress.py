"""What a person sees while a study runs: a bar with the best so far."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from sparx_dsl.search.studies.records import StudyResult
from sparx_dsl.search.studies.winners import shown_value

UPDATE_INTERVAL_S = 0.5
"""Between two readings of the study."""


LINE_INTERVAL_S = 10.0
"""Between two lines, where standard error is no terminal."""


class StudyProgress:
    """A bar on standard error, or a line now and then where that is no terminal."""

    def __init__(self, trials: int, *, shown: bool) -> None:
        columns = (TextColumn("trials"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn(),
                   TextColumn("{task.fields[best]}", markup=False))  # fmt: skip
        console = Console(stderr=True)
        self._lines, self._trials = not console.is_terminal, trials
        self._bar = Progress(*columns, console=console, disable=not shown or self._lines)
        self._task = self._bar.add_task("trials", total=trials, best="")
        self._shown, self._last, self._line = shown, 0.0, ""

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._bar.stop()

    def update(self, result: Callable[[], StudyResult]) -> None:
        """Show the result where it is shown and it is time to; may be called as often as one likes."""
        interval = LINE_INTERVAL_S if self._lines else UPDATE_INTERVAL_S
        if self._shown and time.monotonic() - self._last >= interval:
            self.show(result())

    def show(self, result: StudyResult) -> None:
        """Bring the bar up to date, or write a line where it is another one than the last."""
        self._last = time.monotonic()
        best = best_so_far(result)
        line = f"{result.finished} of {self._trials} trials" + (f", {best}" if best else "")
        if self._shown and self._lines and line != self._line:
            self._line = line
            self._bar.console.print(line, markup=False, highlight=False, soft_wrap=True)
        self._bar.update(self._task, completed=result.finished, best=best)


def best_so_far(result: StudyResult) -> str:
    """The best so far in a few words, and how many trials failed."""
    parts: list[str] = []
    best = result.best
    if best is not None and len(result.directions) == 1:
        parts.append(f"best {shown_value(result, result.names[0], best.values[0])} (trial {best.number})")
    elif best is not None:
        parts.append(f"front of {len(result.front)}")
        extremes = [
            (max if direction == "maximize" else min)(trial.values[place] for trial in result.front)
            for place, direction in enumerate(result.directions)
        ]
        parts += [
            f"{name} {shown_value(result, name, value)}" for name, value in zip(result.names, extremes, strict=True)
        ]
    if result.pruned:
        parts.append(f"{len(result.pruned)} pruned")
    if result.failed:
        parts.append(f"{len(result.failed)} failed")
    return ", ".join(parts)
