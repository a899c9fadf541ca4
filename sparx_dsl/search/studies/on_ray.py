"""Trials on a Ray cluster: Ray runs them, wherever there is room, and again where a worker or a machine is lost.

Only this process reads and writes the study, so that a cluster needs no folder in common for it.
"""

from __future__ import annotations

import logging
import math
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sparx_dsl.errors import Diagnostic, SparxError
from sparx_dsl.search.studies.claiming import Claim, Claims, Rest
from sparx_dsl.search.studies.guarding import reachable
from sparx_dsl.search.studies.objectives import Objective, evaluate
from sparx_dsl.search.studies.outcome import Outcome, failure
from sparx_dsl.search.studies.presence import Presence
from sparx_dsl.search.studies.settings import LOCAL, RayOptions
from sparx_dsl.search.studies.store import quiet
from sparx_dsl.search.studies.trial import Trial
from sparx_dsl.search.studies.working import PAUSE, Job

RETRIES = 4
"""Times that Ray runs a trial again whose worker died."""
PATIENCE = 10.0
"""Seconds in which a cluster must answer at all."""
LOOK = 0.25
"""Seconds that one wait for a trial lasts at most."""


def evaluate_there(objectives: tuple[Objective, ...], trial: Trial, count: int) -> Outcome | SparxError:
    """Run one trial on a node; what would stop the study is given back as a value."""
    trial.folder.mkdir(parents=True, exist_ok=True)
    try:
        return evaluate(objectives, trial, count)
    except SparxError as error:
        return SparxError(error.diagnostics)


@dataclass
class Cluster:
    """A Ray cluster with some trials on it."""

    job: Job
    options: RayOptions
    workers: int | None
    """Trials at once; by default as many as the cluster has room for."""
    ray: Any
    """The package; it has few types."""
    flying: dict[Any, Claim] = field(default_factory=dict[Any, Claim])

    def run(self, seen: Callable[[], None]) -> None:
        """Do trials until all have ended or the time is up; raises ``SparxError`` as ``work`` does."""
        options = {"num_cpus": self.options.cpus, "num_gpus": self.options.gpus, "max_retries": RETRIES}
        remote = self.ray.remote(**options)(evaluate_there)
        with quiet(), reachable(self.job.path), Presence((store := self.job.join()).workers) as presence:
            claims = Claims(store, self.job.settings, presence.name)
            try:
                while self._filled(claims, remote) or self.flying:
                    self._landed(claims)
                    seen()
            finally:
                for reference, claim in self.flying.items():
                    self.ray.cancel(reference, force=True)
                    claims.give_back(claim)

    def _filled(self, claims: Claims, remote: Any) -> bool:
        """Begin trials while there is room; whether there may be more to begin later."""
        while len(self.flying) < self._room():
            found = claims.next()
            if not isinstance(found, Claim):
                if found is Rest.WAIT and not self.flying:
                    time.sleep(PAUSE)
                return found is Rest.WAIT
            settings = self.job.settings
            reference = remote.remote(settings.objectives, found.trial, len(settings.directions))
            self.flying[reference] = found
        return True

    def _room(self) -> int:
        if self.workers is not None:
            return self.workers
        resources = self.ray.cluster_resources()
        wanted = {"CPU": self.options.cpus, "GPU": self.options.gpus}
        rooms = [resources.get(name, 0.0) / amount for name, amount in wanted.items() if amount > 0]
        return max(1, int(min(rooms, default=1)))

    def _landed(self, claims: Claims) -> None:
        """Write down the trials that have ended."""
        if not self.flying:
            return
        ended, _ = self.ray.wait(list(self.flying), num_returns=1, timeout=LOOK)
        for reference in ended:
            try:
                outcome = self.ray.get(reference)
            except self.ray.exceptions.RayError as error:
                outcome = failure(error)
            if isinstance(outcome, SparxError):
                if not claims.proven:
                    raise outcome
                outcome = failure(outcome)
            claims.store.finish(self.flying.pop(reference).attempt, outcome)


def run_on_ray(job: Job, options: RayOptions, workers: int | None, seen: Callable[[], None]) -> None:
    """Do a study's trials on a cluster; raises ``SparxError``: SPX750 without Ray, SPX760 where none can be reached."""
    try:
        ray = _package()
    except ImportError:
        message = "trials on a cluster need the package ray"
        raise SparxError(Diagnostic("SPX750", message, help='pip install "sparx_dsl[ray]"')) from None
    ours = not ray.is_initialized()
    try:
        if ours:
            _connect(ray, options, workers)
    except Exception as error:
        # Ray has an exception of its own for every way in which a cluster can be out of reach.
        note = f"{type(error).__name__}: {(str(error).strip().splitlines() or [''])[0]}"
        message = f"no Ray cluster can be reached at {options.address}"
        advice = "start one with: ray start --head; or leave the address out for a local one"
        raise SparxError(Diagnostic("SPX760", message, notes=(note,), help=advice)) from None
    try:
        Cluster(job, options, workers, ray).run(seen)
    finally:
        if ours:
            ray.shutdown()


def _knock(address: str) -> None:
    """Raise ``OSError`` where nobody listens at ``host:port``, which Ray itself would find out after minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if port.isdecimal():
        socket.create_connection((host, int(port)), timeout=PATIENCE).close()


def _package() -> Any:
    import ray  # pyright: ignore[reportMissingImports]

    return ray


def _connect(ray: Any, options: RayOptions, workers: int | None) -> None:
    if options.address != LOCAL:
        _knock(options.address)
        ray.init(address=options.address, logging_level=logging.ERROR, log_to_driver=False)
    else:
        # A local cluster has room for the wanted number of trials.
        room = None if workers is None else max(1, math.ceil(workers * options.cpus))
        ray.init(num_cpus=room, include_dashboard=False, logging_level=logging.ERROR, log_to_driver=False)
