"""Pruners, which end trials whose intermediate values promise little: Optuna's own, by name or as they are."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from optuna.exceptions import UpdateFinishedTrialError
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, SuccessiveHalvingPruner

from sparx_dsl.errors import Code, Diagnostic, SparxError, did_you_mean, quoted
from sparx_dsl.search.studies.store import Store

PRUNERS: Final = {"median": MedianPruner, "asha": SuccessiveHalvingPruner, "hyperband": HyperbandPruner}


@dataclass(frozen=True)
class StoreReports:
    """The intermediate values of one attempt, written to the study as they come."""

    store: Store
    attempt: int
    pruner: BasePruner | None

    def report(self, value: float, step: int) -> None:
        """Write a value of that step."""
        with self.store.lock, contextlib.suppress(UpdateFinishedTrialError):
            self.store.storage.set_trial_intermediate_value(self.attempt, step, value)

    def should_prune(self) -> bool:
        """Whether the pruner would end the attempt now."""
        if self.pruner is None:
            return False
        trial = self.store.storage.get_trial(self.attempt)
        return bool(trial.intermediate_values) and self.pruner.prune(self.store.study(pruner=self.pruner), trial)


def read_pruner(given: str | BasePruner | None, directions: Sequence[str], *, remote: bool) -> BasePruner | None:
    """The pruner of that name with Optuna's own settings, or the one that is given; None without one.

    Raises ``SparxError``: SPX764 for an unknown name, SPX765 where trials have several values, and where they run on a
    cluster, which the study's file is not part of.
    """
    if given is None:
        return None
    if len(directions) > 1:
        message = f"trials with {len(directions)} values cannot be pruned, since intermediate values are of one"
        raise SparxError(Diagnostic(Code.PRUNING_NOT_POSSIBLE, message, help="leave the pruner out, or give one value"))
    if remote:
        message = "trials on a Ray cluster cannot be pruned, since only this process reads the study"
        raise SparxError(Diagnostic(Code.PRUNING_NOT_POSSIBLE, message, help="use --workers in place of --ray"))
    if not isinstance(given, str):
        return given
    if given not in PRUNERS:
        notes, advice = (f"the pruners are {', '.join(PRUNERS)}",), did_you_mean(given, PRUNERS)
        raise SparxError(Diagnostic(Code.UNKNOWN_PRUNER, f"unknown pruner {quoted(given)}", notes=notes, help=advice))
    return PRUNERS[given]()
