"""Long studies: workers read what has changed alone, and samplers look at no more trials than they need."""

from __future__ import annotations

from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

import sparx_dsl
from sparx_dsl.search.studies.config import StudyConfig
from sparx_dsl.search.studies.history import History
from sparx_dsl.search.studies.limits import StudyLimits
from sparx_dsl.search.studies.sampler_study import SamplerStudy
from sparx_dsl.search.studies.store import Store, open_store, silence_optuna
from tests.support.studies import small_space

SPACE = small_space()


def by_turns(trial: sparx_dsl.Trial) -> float:
    """A value that is highest for every seventh trial, and differs between all of them."""
    return trial.number % 7 + trial.number / 100


def opened(folder: Path, trials: int, ending: str = ".journal") -> Store:
    """The store of a study of so many trials."""
    study = folder / f"a{ending}"
    sparx_dsl.run_study(SPACE, by_turns, trials=trials, study=study, sampler="random")
    store = open_store(study, SPACE, StudyLimits())
    assert store.header() is not None
    return store


def config_of(store: Store) -> StudyConfig:
    """A study that TPE samples."""
    return StudyConfig(SPACE, store.path, (), ("maximize",), "tpe", 100)


@pytest.mark.parametrize("ending", [".journal", ".db"])
def test_what_has_settled_is_read_once_and_nothing_is_missed(ending: str, tmp_path: Path) -> None:
    """Attempts that end in another order than they began in are all there, in the order in which they began."""
    store, other = opened(tmp_path, 2, ending), opened(tmp_path, 2, ending)
    history = History(store)
    begun = [other.create(number, "somebody") for number in (2, 3, 4)]
    for attempt in (begun[2], begun[1]):
        other.lose(attempt, died=attempt == begun[1])
        history.update()
    assert [attempt.id for attempt in store.attempts()] == [attempt.id for attempt in other.attempts()]
    assert len(store.settled) == 2  # the third is running
    assert (history.free(5), history.is_running(5)) == (4, True)
    other.lose(begun[0])
    history.update()
    assert len(store.settled) == 5
    assert (history.free(5), history.is_running(5)) == (2, False)
    assert dict(history.crashes) == {3: 1}
    assert (history.free(2), history.free(4)) == (None, 2)


def test_a_sampler_looks_at_recent_trials_and_the_best_before(tmp_path: Path) -> None:
    """Of 26 trials and a window of 8: from the 16th on, and the three best before."""
    store = opened(tmp_path, 26)
    store.attempts()
    with silence_optuna():
        seen = SamplerStudy(store, config_of(store), window=8, best=3)
        study, trial = seen.begin(optuna.samplers.TPESampler(seed=0), -1)
        values = [one.value for one in study.get_trials(states=[TrialState.COMPLETE])]
        assert values == [by_number(number) for number in (6, 12, 13, *range(16, 26))]
        assert trial.state == TrialState.RUNNING
        again, _ = seen.begin(optuna.samplers.TPESampler(seed=0), -1)
        assert [one.value for one in again.get_trials(states=[TrialState.COMPLETE])] == values
        assert len(again.get_trials(states=[TrialState.RUNNING])) == 1  # no trial that has ended counts as running


def test_a_short_study_is_looked_at_whole(tmp_path: Path) -> None:
    """So what TPE suggests there is what Optuna's own study would."""
    store = opened(tmp_path, 15)
    (attempt, *_) = [attempt.id for attempt in store.attempts()]
    study, _ = SamplerStudy(store, config_of(store), window=8, best=3).begin(optuna.samplers.TPESampler(), attempt)
    assert len(study.get_trials()) == 15


def by_number(number: int) -> float:
    """What ``by_turns`` gives for the trial of that number."""
    return number % 7 + number / 100


def test_a_long_study_goes_on(tmp_path: Path) -> None:
    """TPE suggests points of the space from what it looks at in memory."""
    store = opened(tmp_path, 24)
    store.attempts()
    with silence_optuna():
        sampler = optuna.samplers.TPESampler(seed=0, n_startup_trials=2)
        study, trial = SamplerStudy(store, config_of(store), window=8, best=3).begin(sampler, -1)
        kind = optuna.distributions.CategoricalDistribution((0, 1))
        assert sampler.sample_relative(study, trial, {"stages.1.S": kind})["stages.1.S"] in (0, 1)
