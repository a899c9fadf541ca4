"""Runs a study as it was asked for: here, in several processes, or on a cluster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from sparx_dsl.errors import Code, Diagnostic, SparxError
from sparx_dsl.search.search_space import Space
from sparx_dsl.search.studies.callbacks import Callback, Callbacks
from sparx_dsl.search.studies.claims import status_of
from sparx_dsl.search.studies.config import StudyConfig
from sparx_dsl.search.studies.interrupts import Interrupts
from sparx_dsl.search.studies.limits import StudyLimits
from sparx_dsl.search.studies.progress import StudyProgress
from sparx_dsl.search.studies.ray_cluster import run_on_ray
from sparx_dsl.search.studies.records import StudyResult
from sparx_dsl.search.studies.snapshot import Header, space_digest
from sparx_dsl.search.studies.storage_errors import at_study
from sparx_dsl.search.studies.store import Store, check_header, open_store, open_study, silence_optuna
from sparx_dsl.search.studies.worker import run_worker
from sparx_dsl.search.studies.worker_pool import WorkerPool


def run(config: StudyConfig, *, progress: bool = False, callbacks: Sequence[Callback] = ()) -> StudyResult:
    """See ``run_study``; raises ``SparxError``, and what a callback raises."""
    with silence_optuna(), Interrupts() as interrupts:
        store, header = open_study(config)
        config = replace(config, seed=header.seed)
        called = Callbacks(store, callbacks)

        def result() -> StudyResult:
            return _result_of(store, header)

        def on_progress() -> None:
            interrupts.check()
            called.notify()
            bar.update(result)

        with StudyProgress(config.trials, shown=progress) as bar:
            bar.show(result())
            if config.ray is not None:
                run_on_ray(config, config.ray, interrupts, on_progress)
            elif config.workers is not None and config.workers > 1:
                WorkerPool(config).run(lambda: status_of(store, config), on_progress)
            else:
                run_worker(config, interrupts, on_progress=on_progress)
            called.notify()
            bar.show(final := result())
    if config.trials and len(final.failed) >= config.trials:
        raise SparxError(_all_failed(final, config.path))
    return final


def read(space: Space, path: Path) -> StudyResult:
    """See ``read_study``; raises ``SparxError``."""
    with silence_optuna():
        store = open_store(path, space, StudyLimits(), create=False)
        header = store.header()
        if header is None:
            raise SparxError(Diagnostic(Code.STUDY_NOT_USABLE, "the file holds no study", at_study(path)))
        check_header(header, replace(header, space=space_digest(space)), at_study(path), seed_given=False)
        return _result_of(store, header)


def _result_of(store: Store, header: Header) -> StudyResult:
    return StudyResult(store.space, header.names, header.directions, store.records())


def _all_failed(result: StudyResult, path: Path) -> Diagnostic:
    """The error of a study in which no trial gave values, with the first one's cause."""
    first = result.failed[0]
    lines = first.cause.trace.rstrip().splitlines()[-6:] if first.cause else []
    message = f"none of the {len(result.failed)} trials has values; trial {first.number} failed: {first.cause}"
    advice = "fix the objective, then begin another study"
    return Diagnostic(Code.EVERY_TRIAL_FAILED, message, at_study(path), tuple(lines), advice)
