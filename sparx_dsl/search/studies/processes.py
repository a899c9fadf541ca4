"""Several workers on this machine: processes that share the study's file, and one that looks after them."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess

from sparx_dsl.errors import Diagnostic, SparxError
from sparx_dsl.search.studies.working import Job, work

LOOK = 0.25
"""Seconds between two looks at the workers."""
FAREWELL = 5.0
"""Seconds that a worker has to end by itself."""
BARREN_DEATHS = 5
"""Workers that may die one after the other without one trial begun."""


@dataclass
class Worker:
    """A process, and where it tells why it gave up."""

    process: SpawnProcess
    complaints: Connection


@dataclass
class Crew:
    """So many workers, each replaced when it dies before the study has ended."""

    job: Job
    size: int
    workers: list[Worker] = field(default_factory=list[Worker])
    barren: int = 0
    """Workers that died since the last trial was begun."""

    def run(self, seen: Callable[[], int]) -> None:
        """Wait until all workers have ended; ``seen`` gives how many trials were begun so far, and is called often.

        Raises ``SparxError``: what stopped a worker, or SPX761 where workers only die.
        """
        _check_pickles(self.job)
        begun = seen()
        try:
            self.workers = [self._start() for _ in range(self.size)]
            while self.workers:
                time.sleep(LOOK)
                now = seen()
                self.barren, begun = (0 if now > begun else self.barren), now
                self.workers = [kept for worker in self.workers if (kept := self._looked_after(worker)) is not None]
        finally:
            self._dismiss()

    def _start(self) -> Worker:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe(duplex=False)
        threads = max(1, (os.cpu_count() or 1) // self.size)
        process = context.Process(target=worker_main, args=(self.job, theirs, threads), daemon=False)
        process.start()
        theirs.close()
        return Worker(process, ours)

    def _looked_after(self, worker: Worker) -> Worker | None:
        """The worker, another one where it has died, or None where its work is done; raises its ``SparxError``."""
        if worker.process.is_alive():
            return worker
        worker.process.join()
        if worker.complaints.poll():
            try:
                raise worker.complaints.recv()
            except EOFError:
                pass
        if worker.process.exitcode == 0:
            return None
        self.barren += 1
        if self.barren >= BARREN_DEATHS:
            message = f"{self.barren} workers died one after the other without having begun a trial"
            note = f"the last one ended with the status {worker.process.exitcode}"
            raise SparxError(Diagnostic("SPX761", message, notes=(note,), help="try with one worker, to see why"))
        return self._start()

    def _dismiss(self) -> None:
        """End what is left of the crew; a worker that is in a trial gives it back."""
        until = time.monotonic() + FAREWELL
        for worker in self.workers:
            worker.process.terminate()
        for worker in self.workers:
            worker.process.join(max(0.0, until - time.monotonic()))
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()


def _check_pickles(job: Job) -> None:
    """Raise ``SparxError`` (SPX751) for an objective that other processes cannot be given."""
    try:
        pickle.dumps(job.settings.objectives)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        message = f"the objective cannot be given to other processes: {error}"
        advice = "make it a function of a module, or use one worker"
        raise SparxError(Diagnostic("SPX751", message, help=advice)) from None


def worker_main(job: Job, complaints: Connection, threads: int) -> None:
    """What each worker's process runs."""
    # Workers share the cores; what the user has set stands. It counts where torch is first imported by the objective.
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))
    parent = multiprocessing.parent_process()
    try:
        work(job, stopped=lambda: parent is not None and not parent.is_alive())
    except SparxError as error:
        complaints.send(error)
    except KeyboardInterrupt:
        return
