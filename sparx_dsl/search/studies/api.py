"""The calls about studies. Optuna is imported when one is first made."""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sparx_dsl.errors import Code, Diagnostic, SparxError
from sparx_dsl.search.read_space import load_space
from sparx_dsl.search.search_space import Space
from sparx_dsl.search.studies.config import RayOptions, StudyConfig, read_sampler
from sparx_dsl.search.studies.objectives import Function, read_directions, read_objectives
from sparx_dsl.search.studies.records import StudyResult

if TYPE_CHECKING:
    from optuna.pruners import BasePruner

    from sparx_dsl.search.studies.callbacks import Callback


def run_study(
    space: Space | str | os.PathLike[str],
    objective: str | Function | Sequence[str | Function],
    *,
    trials: int,
    study: str | os.PathLike[str] | None = None,
    directions: Sequence[str] = (),
    sampler: str | None = None,
    seed: int | None = None,
    workers: int | None = None,
    timeout: float | None = None,
    inherit: bool = False,
    ray: RayOptions | None = None,
    pruner: str | BasePruner | None = None,
    callbacks: Sequence[Callback] = (),
    progress: bool = False,
) -> StudyResult:
    """Evaluate points of a space until ``trials`` of them have ended, and return all trials with their outcomes.

    ``objective`` is a function of a ``Trial`` that returns a number, a tuple of numbers, or a mapping with ``values``,
    ``constraints`` (kept where they are not above 0) and what else is to be recorded; or its name,
    ``module:function``; or ``params``, ``macs`` or ``peak``; or several of these. ``directions`` has ``maximize`` or
    ``minimize`` for each value; by default prices are minimised and functions maximised.

    ``study`` is the file that keeps everything, by default ``NAME.journal`` here; a study that is there goes on.
    ``sampler`` is ``random``, ``tpe`` (by default for one value) or ``nsga2`` (for several). After ``timeout``
    seconds no trial begins any more. With ``inherit`` a trial is given the weights of the closest one. ``pruner`` is
    ``median``, ``asha``, ``hyperband`` or one of Optuna's own, for objectives that ``report``. ``callbacks`` are
    Optuna's: each is called with the study and every trial that ends, in this process. ``progress`` shows a bar on
    standard error, or lines where that is no terminal.

    Raises ``SparxError`` with the codes from SPX750 on; what an objective raises is the failure of its trial alone.
    """
    _require_optuna()
    from sparx_dsl.search.studies.pruning import read_pruner
    from sparx_dsl.search.studies.run import run

    space = space if isinstance(space, Space) else load_space(space)
    names = (objective,) if isinstance(objective, str) or callable(objective) else tuple(objective)
    objectives = read_objectives(names)
    found = read_directions(tuple(directions), objectives)
    path = Path(study) if study is not None else default_study(space)
    config = StudyConfig(
        space, path, objectives, found, read_sampler(sampler, found), trials,
        seed=seed, workers=workers, timeout=timeout, inherit=inherit, ray=ray,
        pruner=read_pruner(pruner, found, remote=ray is not None),
    )  # fmt: skip
    return run(config, progress=progress, callbacks=callbacks)


def read_study(space: Space | str | os.PathLike[str], study: str | os.PathLike[str]) -> StudyResult:
    """A study as it stands, whoever works on it; raises ``SparxError`` (SPX752, SPX753)."""
    _require_optuna()
    from sparx_dsl.search.studies.run import read

    return read(space if isinstance(space, Space) else load_space(space), Path(study))


def default_study(space: Space) -> Path:
    """The file of a study that was given none: the space's name, made safe, in the working folder."""
    safe = re.sub(r"[^A-Za-z0-9_-]", "_", space.name)[:64]
    return Path(f"{safe or 'study'}.journal")


def _require_optuna() -> None:
    if importlib.util.find_spec("optuna") is None:
        message = "studies need the package optuna"
        raise SparxError(Diagnostic(Code.PACKAGE_NOT_INSTALLED, message, help='pip install "sparx_dsl[search]"'))
