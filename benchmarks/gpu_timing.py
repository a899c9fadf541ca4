"""Times on a CUDA device, a budget of seconds for all of them, and the table that they make."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import torch


def milliseconds(call: Callable[[], object], runs: int = 15) -> float:
    """The median duration of that many calls after three more, by CUDA's events."""
    for _ in range(3):
        call()
    pairs = [[torch.cuda.Event(enable_timing=True) for _ in range(2)] for _ in range(runs)]
    torch.cuda.synchronize()
    for start, end in pairs:
        start.record()
        call()
        end.record()
    torch.cuda.synchronize()
    return statistics.median(start.elapsed_time(end) for start, end in pairs)


def captured(call: Callable[[], object], times: int = 1) -> Callable[[], object]:
    """A CUDA graph of that many calls, as one call that replays it."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            call()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for _ in range(times):
            call()
    return graph.replay


def peak_megabytes(call: Callable[[], object]) -> float:
    """The most memory that PyTorch holds during a call, weights included."""
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    call()
    torch.cuda.synchronize()
    return torch.cuda.max_memory_allocated() / 1e6


@dataclass
class Report:
    """Rows of Markdown, printed as they come, until the seconds are over."""

    seconds: float
    started: float = field(default_factory=time.monotonic)
    lines: list[str] = field(default_factory=list[str])

    def say(self, line: str = "") -> None:
        """Print a line, and keep it."""
        print(line, flush=True)
        self.lines.append(line)

    def heading(self, title: str, *columns: str) -> None:
        """Begin a table."""
        self.say(f"\n{title}\n")
        self.say("| " + " | ".join(columns) + " |")
        self.say("| --- |" + " ---: |" * (len(columns) - 1))

    def row(self, name: str, *cells: str | float | None) -> None:
        """A row of the table."""
        words = ["–" if cell is None else cell if isinstance(cell, str) else f"{cell:,.3g}" for cell in cells]
        self.say("| " + " | ".join([name, *words]) + " |")

    def measure(self, call: Callable[[], float], seconds: float = 0) -> float | str:
        """What the call gives; where it runs out of memory, or so many seconds are not left, a word on that."""
        if time.monotonic() - self.started + seconds > self.seconds:
            return "no time"
        try:
            return call()
        except torch.OutOfMemoryError:
            torch.cuda.empty_cache()
            return "no memory"
