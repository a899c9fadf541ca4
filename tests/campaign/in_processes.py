"""A campaign by several processes, part by part, until all attacks are made or the time is over."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait

from tests.campaign.findings import Findings

PART = 250
"""Attacks of one part."""


def made_in_parts(
    part: Callable[[range, int], Findings], count: int, seed: int, processes: int, seconds: float
) -> tuple[int, Findings]:
    """How many attacks were made, and what was found; after so many seconds no part is begun any more."""
    begun, findings, made = time.monotonic(), Findings(), 0
    waiting = iter([range(first, min(first + PART, count)) for first in range(0, count, PART)])
    running: dict[Future[Findings], range] = {}
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        while True:
            while len(running) < processes and time.monotonic() - begun < seconds:
                numbers = next(waiting, None)
                if numbers is None:
                    break
                running[pool.submit(part, numbers, seed)] = numbers
            if not running:
                return made, findings
            for done in wait(running, return_when=FIRST_COMPLETED).done:
                findings.add(done.result())
                made += len(running.pop(done))
