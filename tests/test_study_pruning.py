"""Intermediate values, pruners and callbacks, and what Optuna's own tools see of a study."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState

import sparx_dsl
from sparx_dsl import RayOptions, SparxError, StudyResult, Trial
from sparx_dsl.search.studies.reports import KeptReports
from tests.support import studies

SMALL = studies.small_space()


def growing(trial: Trial) -> float:
    """A value that grows over four steps, lower for each later trial."""
    for step in range(4):
        trial.report(step - trial.number, step)
        if trial.should_prune():
            raise optuna.TrialPruned
    return 3.0 - trial.number


def run(path: Path, objective: object = growing, trials: int = 12, **options: object) -> StudyResult:
    """A study in that file."""
    given: dict[str, object] = {"sampler": "random", "study": path, "trials": trials, **options}
    return sparx_dsl.run_study(SMALL, objective, **given)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("name", ["a.journal", "a.db"])
def test_trials_that_promise_little_are_pruned(tmp_path: Path, name: str) -> None:
    """By the median of the earlier ones, which Optuna begins to ask for after five; both kinds of file keep it."""
    result = run(tmp_path / name, pruner="median")
    assert [trial.number for trial in result.complete] == [0, 1, 2, 3, 4]
    assert [trial.number for trial in result.pruned] == [5, 6, 7, 8, 9, 10, 11]
    assert result.finished == 12
    assert {tuple(trial.values) for trial in result.pruned} == {()}
    assert [dict(trial.intermediate) for trial in result.trials[4:6]] == [
        {step: float(step - 4) for step in range(4)}, {0: -5.0}
    ]  # fmt: skip
    assert sparx_dsl.read_study(SMALL, tmp_path / name) == result
    table = sparx_dsl.study_table(result).splitlines()
    assert table[-1] == "7 trials were pruned."


@pytest.mark.parametrize("pruner", ["asha", "hyperband", optuna.pruners.ThresholdPruner(lower=-3.5)])
def test_every_pruner_ends_trials(tmp_path: Path, pruner: str | optuna.pruners.BasePruner) -> None:
    """Those by name, and one as it is; in several processes too, and with a sampler that learns of what was pruned."""
    result = run(tmp_path / "a.journal", growing, 16, pruner=pruner, sampler="tpe", seed=1)
    assert result.finished == 16
    assert result.pruned
    assert {trial.state for trial in result.trials} == {"complete", "pruned"}


def test_nothing_is_pruned_without_a_pruner(tmp_path: Path) -> None:
    """The values are kept all the same."""
    result = run(tmp_path / "a.journal", growing, 7)
    assert len(result.complete) == 7
    assert result.trials[6].intermediate == {step: float(step - 6) for step in range(4)}


@pytest.mark.parametrize(("value", "step"), [(1.0, -1), (1.0, 0.5), (float("inf"), 0), ("x", 0)])
def test_values_that_are_none_fail_their_trial(tmp_path: Path, value: object, step: object) -> None:
    """With the message that the objective gets."""

    def wrong(trial: Trial) -> float:
        if trial.number:
            trial.report(value, step)  # pyright: ignore[reportArgumentType]
        return 1.0

    result = run(tmp_path / "a.journal", wrong, 2)
    assert [trial.state for trial in result.trials] == ["complete", "failed"]
    assert result.trials[1].cause is not None
    assert result.trials[1].cause.type == "ValueError"


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"pruner": "hyperbad"}, "SPX764"),
        ({"pruner": "median", "directions": ["minimize", "maximize"]}, "SPX765"),
        ({"pruner": "median", "ray": RayOptions()}, "SPX765"),
    ],
)
def test_what_cannot_be_pruned_is_refused(tmp_path: Path, options: dict[str, object], code: str) -> None:
    """Before a study is made."""
    with pytest.raises(SparxError, match=code):
        run(tmp_path / "a.journal", growing, 2, **options)
    assert list(tmp_path.iterdir()) == []


def test_reports_on_another_machine_are_kept() -> None:
    """The outcome brings them."""
    kept = KeptReports()
    kept.report(0.5, 3)
    assert kept.values == {3: 0.5}
    assert not kept.should_prune()


def test_callbacks_are_called_once_for_every_trial(tmp_path: Path) -> None:
    """In this process, with the choices as text, in whatever process the trial ran; trials of before are not told."""
    told: list[FrozenTrial] = []

    def callback(study: optuna.Study, trial: FrozenTrial) -> None:
        assert study.metric_names == ["params"]
        told.append(trial)

    objective = "tests.support.studies:params"
    run(tmp_path / "a.journal", objective, 2)
    result = run(tmp_path / "a.journal", objective, 5, callbacks=[callback], workers=2)
    assert sorted(trial.number for trial in told) == [2, 3, 4]
    for trial in told:
        record = result.trials[trial.number]
        assert trial.state == TrialState.COMPLETE
        assert trial.values == list(record.values)
        assert trial.params["layer.ffn"] in ("{kind: mlp, ratio: 2}", "{kind: conv, ratio: 1}", "none")
        assert trial.params.keys() == record.choices.keys()
        assert record.prices is not None
        assert trial.user_attrs["macs"] == record.prices.macs


@pytest.mark.filterwarnings("ignore::DeprecationWarning:tensorboard")
def test_a_callback_writes_to_tensorboard(tmp_path: Path) -> None:
    """Each trial has its choices there, as hyperparameters, and its value by the objective's name."""
    from tensorboard.backend.event_processing import event_accumulator  # pyright: ignore[reportMissingTypeStubs]
    from torch.utils.tensorboard import SummaryWriter

    def callback(study: optuna.Study, trial: FrozenTrial) -> None:
        with SummaryWriter(str(tmp_path / "runs" / str(trial.number))) as writer:
            values = dict(zip(study.metric_names or (), trial.values, strict=True))
            writer.add_hparams(trial.params, values, run_name=".")

    result = run(tmp_path / "a.journal", "tests.support.studies:params", 3, callbacks=[callback])
    for record in result.trials:
        events: Any = event_accumulator.EventAccumulator(str(tmp_path / "runs" / str(record.number)))
        events.Reload()
        assert [event.value for event in events.Scalars("params")] == pytest.approx(record.values)  # of float32
        written = events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
        assert all(name.encode() in written for name in record.choices)


def test_what_a_callback_raises_ends_the_study(tmp_path: Path) -> None:
    """And the study goes on where it was."""

    def broken(study: optuna.Study, trial: FrozenTrial) -> None:
        raise RuntimeError("no disk")

    with pytest.raises(RuntimeError, match="no disk"):
        run(tmp_path / "a.journal", growing, 3, callbacks=[broken])
    assert len(run(tmp_path / "a.journal", growing, 3).complete) == 3


def test_tables_show_the_choices_in_which_the_best_differ() -> None:
    """One column for each trial, in blocks as wide as the table; of a single winner, all choices."""
    result = sparx_dsl.StudyResult(SMALL, ("f",), ("maximize",), tuple(
        sparx_dsl.TrialRecord(
            number, "complete", SMALL.point(number), (float(-number),), seconds=1.0,
            choices={"same": 1, "layer.ffn": {"kind": "mlp", "ratio": number}, **({"late": True} if number else {})},
        )
        for number in range(3)
    ))  # fmt: skip
    table = sparx_dsl.study_table(result, width=62)
    _, _, choices = table.partition("Their choices, where they differ:")
    assert [line.strip() for line in choices.splitlines() if line.strip() and "─" not in line] == [
        "Trial                          0                      1",
        "layer.ffn  {kind: mlp, ratio: 0}  {kind: mlp, ratio: 1}",
        "late                           –                   true",
        "Trial                          2",
        "layer.ffn  {kind: mlp, ratio: 2}",
        "late                        true",
    ]
    _, _, alone = sparx_dsl.study_table(dataclasses.replace(result, trials=result.trials[:1])).partition("Its choices:")
    assert [line.split(maxsplit=1) for line in alone.splitlines() if line.strip() and "─" not in line] == [
        ["Trial", "0"], ["same", "1"], ["layer.ffn", "{kind: mlp, ratio: 0}"],
    ]  # fmt: skip
