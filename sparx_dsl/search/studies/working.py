"""One worker's loop: begin a trial, ask the objectives, write down what came of it, until all have ended."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

from sparx_dsl.search.space import Space
from sparx_dsl.search.studies.claiming import Claim, Claims, Rest
from sparx_dsl.search.studies.guarding import reachable
from sparx_dsl.search.studies.objectives import evaluate
from sparx_dsl.search.studies.outcome import AnswerError, failure
from sparx_dsl.search.studies.presence import Presence
from sparx_dsl.search.studies.settings import Settings
from sparx_dsl.search.studies.store import Store, enter, header_of, open_store, quiet

PAUSE = 0.2
"""Seconds between two looks at a study in which all that is left is in work elsewhere."""


@dataclass(frozen=True)
class Job:
    """What a worker needs to take part in a study."""

    path: Path
    space: Space
    settings: Settings
    names: tuple[str, ...]

    def join(self) -> Store:
        """Open the study; raises ``SparxError``."""
        store = open_store(self.path, self.space)
        enter(store, header_of(self.space, self.names, self.settings.directions, self.settings.seed), seed_given=True)
        return store


def work(job: Job, *, seen: Callable[[], None] = lambda: None, stopped: Callable[[], bool] = lambda: False) -> None:
    """Do trials until all have ended, the time is up, or ``stopped``; ``seen`` is called after each, and while waiting.

    Raises ``SparxError`` for what would go wrong in every trial, and where the study's file cannot be reached.
    """
    with quiet(), interruptible(), reachable(job.path), Presence((store := job.join()).workers) as presence:
        claims = Claims(store, job.settings, presence.name)
        while not stopped():
            found = claims.next()
            if isinstance(found, Claim):
                _do(claims, found)
            elif found is Rest.WAIT:
                time.sleep(PAUSE)
            else:
                return
            seen()


@contextlib.contextmanager
def interruptible() -> Generator[None]:
    """A polite request to end (SIGTERM) is taken as Ctrl-C is, so that a trial in work is given back, not lost.

    Where the program has a handler of its own, or this is not its main thread, nothing is changed.
    """
    ours = threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    if ours:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        if ours:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _do(claims: Claims, claim: Claim) -> None:
    try:
        outcome = evaluate(claims.settings.objectives, claim.trial, len(claims.settings.directions))
    except AnswerError as error:
        if not claims.proven:
            claims.give_back(claim)
            raise
        outcome = failure(error)
    except BaseException:
        claims.give_back(claim)
        raise
    claims.store.finish(claim.attempt, outcome)
