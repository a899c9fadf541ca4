"""One worker's loop: begin a trial, evaluate the objectives, write the outcome, until all trials have ended."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Generator

from sparx_dsl.errors import SparxError
from sparx_dsl.search.studies.claims import Claim, NoTrial, TrialQueue
from sparx_dsl.search.studies.config import StudyConfig
from sparx_dsl.search.studies.heartbeat import Heartbeat
from sparx_dsl.search.studies.interrupts import Interrupts
from sparx_dsl.search.studies.objectives import evaluate
from sparx_dsl.search.studies.outcome import AnswerError, failure
from sparx_dsl.search.studies.storage_errors import access_errors
from sparx_dsl.search.studies.store import open_study, silence_optuna


@contextlib.contextmanager
def trial_queue(config: StudyConfig) -> Generator[TrialQueue]:
    """Take part in a study inside the block; raises ``SparxError``, also where the file cannot be accessed inside.

    A trial that is not ended when such an error or an interrupt leaves the block is given back; one that is left in any
    other way stays with its worker, and counts as lost with it.
    """
    with silence_optuna(), access_errors(config.path):
        store, _ = open_study(config)
        with Heartbeat(store.workers, config.limits) as heartbeat:
            queue = TrialQueue(store, config, heartbeat)
            try:
                yield queue
            except (SparxError, KeyboardInterrupt):
                queue.give_back()
                raise


def run_worker(
    config: StudyConfig,
    interrupts: Interrupts,
    *,
    on_progress: Callable[[], None] = lambda: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> None:
    """Run trials until all have ended, or the timeout is over; ``on_progress`` is called after each, and in waiting.

    Raises ``SparxError`` for what would go wrong in every trial, and where the study's file cannot be accessed; and
    ``KeyboardInterrupt``.
    """
    with trial_queue(config) as queue:
        while not should_stop():
            interrupts.check()
            found = queue.next()
            if isinstance(found, Claim):
                run_trial(queue, found, interrupts)
            elif found is NoTrial.WAITING:
                time.sleep(config.limits.poll_s)
            else:
                return
            on_progress()


def run_trial(queue: TrialQueue, claim: Claim, interrupts: Interrupts) -> None:
    """Evaluate the objectives for a trial and write its outcome; raises ``AnswerError`` while no trial has values."""
    try:
        with interrupts.immediate():
            outcome = evaluate(queue.config.objectives, claim.trial, len(queue.config.directions))
    except AnswerError as error:
        if not queue.has_values:
            raise
        outcome = failure(error)
    queue.store.finish(claim.attempt, outcome)
