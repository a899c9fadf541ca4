"""Runs a study as it was asked for: here, in several processes, or on a cluster."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from pathlib import Path

from sparx_dsl.errors import Diagnostic, SourceText, SparxError, Where
from sparx_dsl.search.space import Space
from sparx_dsl.search.studies.objectives import Direction, read_directions, read_objectives, value_names
from sparx_dsl.search.studies.on_ray import run_on_ray
from sparx_dsl.search.studies.processes import Crew
from sparx_dsl.search.studies.progress import StudyProgress
from sparx_dsl.search.studies.records import StudyResult
from sparx_dsl.search.studies.settings import RayOptions, Request, Settings, check_request, read_sampler
from sparx_dsl.search.studies.store import Store, enter, header_of, open_store, quiet
from sparx_dsl.search.studies.working import Job, work


def run(space: Space, request: Request) -> StudyResult:
    """See ``run_study``."""
    check_request(request)
    objectives = read_objectives(request.objectives)
    directions = read_directions(request.directions, objectives)
    sampler = read_sampler(request.sampler, directions)
    names = value_names(objectives, len(directions))
    with quiet():
        store = open_store(request.study, space)
        header = header_of(space, names, directions, request.seed or 0)
        held = enter(store, header, seed_given=request.seed is not None)
        deadline = math.inf if request.timeout is None else time.time() + request.timeout
        settings = Settings(objectives, directions, request.trials, sampler, held.seed, request.inherit, deadline)
        job = Job(request.study, space, settings, names)
        with StudyProgress(request.trials, shown=request.progress) as bar:
            _work(job, store, request.workers, request.ray, bar)
        result = result_of(store, names, directions)
    if request.trials and len(result.failed) >= request.trials:
        raise SparxError(_all_failed(result, request.study))
    return result


def read(space: Space, path: Path) -> StudyResult:
    """See ``read_study``."""
    with quiet():
        store = open_store(path, space, make=False)
        held = store.header()
        if held is None:
            raise SparxError(Diagnostic("SPX752", "the file holds no study", Where(source=SourceText(str(path), ""))))
        enter(store, header_of(space, held.names, held.directions, held.seed), seed_given=True)
        return result_of(store, held.names, held.directions)


def result_of(store: Store, names: Sequence[str], directions: Sequence[Direction]) -> StudyResult:
    """The study's trials so far."""
    return StudyResult(store.space, tuple(names), tuple(directions), store.records())


def _work(job: Job, store: Store, workers: int | None, ray: RayOptions | None, bar: StudyProgress) -> None:
    def seen() -> None:
        if bar.due:
            bar.show(result_of(store, job.names, job.settings.directions))

    def begun() -> int:
        seen()
        return len(store.attempts())

    seen()
    if ray is not None:
        run_on_ray(job, ray, workers, seen)
    elif workers is not None and workers > 1:
        Crew(job, workers).run(begun)
    else:
        work(job, seen=seen)
    bar.show(result_of(store, job.names, job.settings.directions))


def _all_failed(result: StudyResult, path: Path) -> Diagnostic:
    """The mistake of a study in which no trial gave values, with the first one's cause."""
    first = result.failed[0]
    lines = first.cause.trace.rstrip().splitlines()[-6:] if first.cause else []
    message = f"none of the {len(result.failed)} trials gave values; trial {first.number} failed: {first.cause}"
    advice = "put the objective right, and begin another study"
    return Diagnostic("SPX762", message, Where(source=SourceText(str(path), "")), tuple(lines), advice)
