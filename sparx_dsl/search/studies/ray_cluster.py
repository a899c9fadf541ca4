"""Trials on a Ray cluster: Ray runs them, wherever there is room, and again where a worker or a machine is lost.

Only this process reads and writes the study, so that a cluster needs no shared folder for it.
"""

from __future__ import annotations

import logging
import math
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from sparx_dsl.errors import Code, Diagnostic, SparxError
from sparx_dsl.search.studies.claims import Claim, NoTrial, TrialQueue
from sparx_dsl.search.studies.config import LOCAL, RayOptions, StudyConfig
from sparx_dsl.search.studies.interrupts import Interrupts
from sparx_dsl.search.studies.objectives import Objective, evaluate
from sparx_dsl.search.studies.outcome import Outcome, failure
from sparx_dsl.search.studies.reports import KeptReports
from sparx_dsl.search.studies.trial import Trial
from sparx_dsl.search.studies.worker import trial_queue


def evaluate_remotely(objectives: tuple[Objective, ...], trial: Trial, count: int) -> Outcome | SparxError:
    """Evaluate one trial on a node; what would stop the study is returned as a value."""
    trial.folder.mkdir(parents=True, exist_ok=True)
    kept = KeptReports()
    try:
        outcome = evaluate(objectives, replace(trial, reporter=kept), count)
        return replace(outcome, intermediate=kept.values)
    except SparxError as error:
        return SparxError(error.diagnostics)


@dataclass
class Cluster:
    """A Ray cluster with some trials on it."""

    queue: TrialQueue
    options: RayOptions
    ray: Any
    """The package; it has few types."""
    in_flight: dict[Any, Claim] = field(default_factory=dict[Any, Claim])

    def run(self, on_progress: Callable[[], None]) -> None:
        """Run trials until all have ended or the timeout is over; raises ``SparxError`` as ``run_worker`` does."""
        # A trial may cost so many workers at most, here as elsewhere.
        retries = self.queue.config.limits.worker_crashes - 1
        options = {"num_cpus": self.options.cpus, "num_gpus": self.options.gpus, "max_retries": retries}
        remote = self.ray.remote(**options)(evaluate_remotely)
        try:
            while self._submit(remote) or self.in_flight:
                self._collect_finished()
                on_progress()
        finally:
            for reference in self.in_flight:
                self.ray.cancel(reference, force=True)

    def _submit(self, remote: Any) -> bool:
        """Begin trials while there is room; whether there may be more to begin later."""
        config = self.queue.config
        while len(self.in_flight) < self._room():
            found = self.queue.next()
            if not isinstance(found, Claim):
                if found is NoTrial.WAITING and not self.in_flight:
                    time.sleep(config.limits.poll_s)
                return found is NoTrial.WAITING
            # The study's file stays here.
            trial = replace(found.trial, reporter=KeptReports())
            reference = remote.remote(config.objectives, trial, len(config.directions))
            self.in_flight[reference] = found
        return True

    def _room(self) -> int:
        if self.queue.config.workers is not None:
            return self.queue.config.workers
        resources = self.ray.cluster_resources()
        wanted = {"CPU": self.options.cpus, "GPU": self.options.gpus}
        rooms = [resources.get(name, 0.0) / amount for name, amount in wanted.items() if amount > 0]
        return max(1, int(min(rooms, default=1)))

    def _collect_finished(self) -> None:
        """Write the outcomes of the trials that have ended."""
        if not self.in_flight:
            return
        ended, _ = self.ray.wait(list(self.in_flight), num_returns=1, timeout=self.queue.config.limits.poll_s)
        for reference in ended:
            try:
                outcome = self.ray.get(reference)
            except self.ray.exceptions.RayError as error:
                outcome = failure(error)
            if isinstance(outcome, SparxError):
                if not self.queue.has_values:
                    raise outcome
                outcome = failure(outcome)
            self.queue.store.finish(self.in_flight.pop(reference).attempt, outcome)


def run_on_ray(
    config: StudyConfig, options: RayOptions, interrupts: Interrupts, on_progress: Callable[[], None]
) -> None:
    """Run a study's trials on a cluster; raises ``SparxError``: SPX750 without Ray, SPX760 where none is reachable."""
    try:
        ray = _package()
    except ImportError:
        message = "trials on a cluster need the package ray"
        raise SparxError(Diagnostic(Code.PACKAGE_NOT_INSTALLED, message, help='pip install "sparx_dsl[ray]"')) from None
    ours = not ray.is_initialized()
    try:
        if ours:
            with interrupts.immediate():
                _connect(ray, options, config)
    except Exception as error:
        # Ray has an exception of its own for every way in which a cluster can be out of reach.
        note = f"{type(error).__name__}: {(str(error).strip().splitlines() or [''])[0]}"
        message = f"no Ray cluster can be reached at {options.address}"
        advice = "start one with: ray start --head; or leave the address out for a local one"
        raise SparxError(Diagnostic(Code.CLUSTER_NOT_REACHABLE, message, notes=(note,), help=advice)) from None
    try:
        with trial_queue(config) as queue:
            Cluster(queue, options, ray).run(on_progress)
    finally:
        if ours:
            ray.shutdown()


def _check_reachable(address: str, timeout_s: float) -> None:
    """Raise ``OSError`` where nothing listens at ``host:port``, which Ray itself would find out after minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if port.isdecimal():
        socket.create_connection((host, int(port)), timeout=timeout_s).close()


def _package() -> Any:
    import ray  # pyright: ignore[reportMissingImports]

    return ray


def _connect(ray: Any, options: RayOptions, config: StudyConfig) -> None:
    if options.address != LOCAL:
        _check_reachable(options.address, config.limits.connect_s)
        ray.init(address=options.address, logging_level=logging.ERROR, log_to_driver=False)
    else:
        # A local cluster has room for the wanted number of trials.
        room = None if config.workers is None else max(1, math.ceil(config.workers * options.cpus))
        ray.init(num_cpus=room, include_dashboard=False, logging_level=logging.ERROR, log_to_driver=False)
