"""Several workers on this machine: processes that share the study's file, and one that replaces those that end early.

Python's pools lose tasks with their workers: one that is killed breaks a ``concurrent.futures.ProcessPoolExecutor``
with all that was submitted to it; ``multiprocessing.Pool`` starts another one, and waits for the lost task for ever.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

from sparx_dsl.errors import Code, Diagnostic, SparxError
from sparx_dsl.search.studies.claims import Status
from sparx_dsl.search.studies.config import StudyConfig
from sparx_dsl.search.studies.heartbeat import name_prefix
from sparx_dsl.search.studies.interrupts import Interrupts, interrupts_held, release_interrupts
from sparx_dsl.search.studies.worker import run_worker


def worker_main(config: StudyConfig, messages: Connection, threads: int) -> None:
    """What each worker's process runs; what stops the whole study is sent, and the end of the work closes the pipe."""
    # Workers share the cores; what the user has set stands. It counts where torch is first imported by the objective.
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))
    parent = multiprocessing.parent_process()
    # In a terminal both Ctrl-C and the parent's request come; only the first may disturb what follows it.
    with messages, Interrupts(once=True) as interrupts:
        release_interrupts()
        try:
            run_worker(config, interrupts, should_stop=lambda: parent is not None and not parent.is_alive())
        except (SparxError, KeyboardInterrupt) as error:
            messages.send(error)


@dataclass
class Worker:
    """A process, and the pipe over which it sends what stops the study."""

    process: SpawnProcess
    messages: Connection

    @property
    def is_working(self) -> bool:
        """Whether its process runs, and has not reported yet that its work is over."""
        return self.process.is_alive() and not self.messages.poll()

    def raise_message(self) -> None:
        """Raise what it has sent, if anything."""
        if self.messages.poll():
            try:
                error: SparxError | KeyboardInterrupt = self.messages.recv()
            except (EOFError, OSError):
                return
            raise error

    def end(self, timeout_s: float) -> None:
        """Give the process so many seconds to end; kill it then, since threads of the objective may keep it alive."""
        self.process.join(timeout_s)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


@dataclass
class WorkerPool:
    """As many workers as asked for, each replaced when it ends before the study does."""

    config: StudyConfig
    target: Callable[[StudyConfig, Connection, int], None] = worker_main
    """What each process runs."""
    workers: list[Worker] = field(default_factory=list[Worker])
    crashes: int = 0
    """Workers that ended without having begun a trial, since the last one was begun."""

    def run(self, status: Callable[[], Status], on_progress: Callable[[], None] = lambda: None) -> None:
        """Work until all trials have ended, or the timeout is over; both calls are made often.

        Whether a worker's end was due is read from the study, whatever the exit status of its process. Raises
        ``SparxError``: what stopped a worker, or SPX761 where workers only crash; and ``KeyboardInterrupt``.
        """
        _check_pickles(self.config)
        now = status()
        try:
            self.workers = [] if now.finished else [self._start() for _ in range(self.config.workers or 1)]
            while self.workers and not now.finished:
                wait([worker.messages for worker in self.workers], self.config.limits.poll_s)
                on_progress()
                ended = [worker for worker in self.workers if not worker.is_working]
                begun, now = len(now.begun), status()
                self.crashes = 0 if len(now.begun) > begun else self.crashes
                for worker in ended:
                    self._replace(worker, now)
            self._end()
        finally:
            for worker in self.workers:
                worker.process.terminate()
            self._end()

    def _start(self) -> Worker:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe(duplex=False)
        threads = max(1, (os.cpu_count() or 1) // (self.config.workers or 1))
        process = context.Process(target=self.target, args=(self.config, theirs, threads), daemon=False)
        with interrupts_held():
            process.start()
        theirs.close()
        return Worker(process, ours)

    def _replace(self, worker: Worker, now: Status) -> None:
        """Remove a worker that has ended, and start another one if trials may be left; raises what it has sent."""
        worker.raise_message()
        worker.end(self.config.limits.terminate_s)
        self.workers.remove(worker)
        if now.finished or self.config.is_late:
            return
        has_begun = any(name.startswith(name_prefix(worker.process.pid or 0)) for name in now.begun)
        self.crashes += 0 if has_begun else 1
        if self.crashes >= self.config.limits.crashes_without_progress:
            message = f"{self.crashes} workers crashed one after the other before any had begun a trial"
            note = f"the last one ended with the status {worker.process.exitcode}"
            raise SparxError(
                Diagnostic(Code.WORKERS_CRASHED, message, notes=(note,), help="try with one worker, to see why")
            )
        self.workers.append(self._start())

    def _end(self) -> None:
        """End all workers, which have ``terminate_s`` together."""
        until = time.monotonic() + self.config.limits.terminate_s
        while self.workers:
            self.workers.pop().end(max(0.0, until - time.monotonic()))


def _check_pickles(config: StudyConfig) -> None:
    """Raise ``SparxError`` (SPX751) for an objective that other processes cannot be given."""
    try:
        pickle.dumps(config.objectives)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        message = f"the objective cannot be pickled for other processes: {error}"
        advice = "make it a function of a module, or use one worker"
        raise SparxError(Diagnostic(Code.UNKNOWN_OBJECTIVE, message, help=advice)) from None
