"""A campaign by several processes, part by part, until all attacks are made or the time is over."""

from __future__ import annotations

import gc
import multiprocessing
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait

from tests.campaign.findings import Findings

PART = 250
"""Attacks of one part."""


def made_in_parts(
    part: Callable[[range, int], Findings], numbers: range, seed: int, processes: int, seconds: float
) -> tuple[int, Findings]:
    """How many of these attacks were made, and what was found; after so many seconds no part is begun any more."""
    begun, findings, made = time.monotonic(), Findings(), 0
    waiting = iter([numbers[first : first + PART] for first in range(0, len(numbers), PART)])
    running: dict[Future[Findings], range] = {}
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), _seldom_collected) as pool:
        while True:
            while len(running) < processes and time.monotonic() - begun < seconds:
                some = next(waiting, None)
                if some is None:
                    break
                running[pool.submit(part, some, seed)] = some
            if not running:
                return made, findings
            for done in wait(running, return_when=FIRST_COMPLETED).done:
                findings.add(done.result())
                made += len(running.pop(done))


def _seldom_collected() -> None:
    """Collect less often what models leave behind: a sixth of the time of small ones goes there."""
    gc.freeze()
    gc.set_threshold(50_000, 50, 50)
