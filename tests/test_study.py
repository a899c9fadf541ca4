"""Studies: every trial a point of the space, exactly as many as asked for, the same ones for the same seed."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sparx_dsl
from sparx_dsl import SparxError, TrialRecord
from sparx_dsl.search import Space
from tests.support import studies
from tests.support.paths import ROOT
from tests.support.spaces import Assignment, Drawn, sound_spaces
from tests.support.strategies import examples

SAMPLERS = ("random", "tpe", "nsga2")
SMALL = studies.small_space()


# Laws.


@settings(max_examples=examples(0.25))
@given(sound_spaces(), st.sampled_from(SAMPLERS), st.integers(1, 6), st.integers(0, 5))
def test_every_trial_is_a_point_and_has_its_price(sound: tuple[Drawn, list[Assignment]], sampler: str, trials: int,
                                                  seed: int) -> None:  # fmt: skip
    """Whatever the space and the sampler: each number once, each a valid point, each value the price of its spec."""
    space = sound[0].space()
    every = set(space.enumerate())
    with tempfile.TemporaryDirectory() as folder:
        result = sparx_dsl.run_study(space, ["params", "macs"], trials=trials, study=Path(folder) / "a.journal",
                                     sampler=sampler, seed=seed)  # fmt: skip
    assert [trial.number for trial in result.trials] == list(range(trials))
    for trial in result.trials:
        price = sparx_dsl.cost(result.spec(trial))
        assert trial.point in every
        assert trial.values == (price.params, price.macs)
        assert trial.choices == space.values(trial.point)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The journal of a study of six trials."""
    folder = tmp_path_factory.mktemp("whole")
    sparx_dsl.run_study(SMALL, "params", trials=6, study=folder / "a.journal", sampler="random")
    return (folder / "a.journal").read_bytes()


@settings(max_examples=examples(0.4))
@given(st.data())
def test_a_journal_cut_anywhere_goes_on(whole: bytes, data: st.DataObject) -> None:
    """Cut at any byte, a study has all trials whose last line was whole, and goes on to the same end."""
    cut = data.draw(st.integers(0, len(whole)))
    lines = [json.loads(line) for line in whole[:cut].split(b"\n")[:-1]]
    ended = sum(line.get("state") == 1 and "trial_id" in line for line in lines)
    with tempfile.TemporaryDirectory() as folder:
        study = Path(folder) / "a.journal"
        study.write_bytes(whole[:cut])
        if ended:
            assert len(sparx_dsl.read_study(SMALL, study).complete) == ended
        result = sparx_dsl.run_study(SMALL, "params", trials=6, study=study, sampler="random")
        study.write_bytes(whole)
        assert studies.ends(result) == studies.ends(sparx_dsl.read_study(SMALL, study))


# The same trials, and as many as asked for.


@pytest.mark.parametrize(
    ("ending", "sampler", "first", "all_of_them"),
    [*((".journal", sampler, 8, 14) for sampler in SAMPLERS), (".db", "random", 1, 3), (".db", "nsga2", 2, 4)],
)
def test_a_study_goes_on_as_if_it_had_never_stopped(
    ending: str, sampler: str, first: int, all_of_them: int, tmp_path: Path
) -> None:
    """Some trials and then the rest are what all are at once; the first ones are left alone; no more are begun."""
    parts = [
        sparx_dsl.run_study(SMALL, studies.params, trials=trials, study=tmp_path / f"parts{ending}", sampler=sampler)
        for trials in (first, all_of_them, all_of_them)
    ]
    whole = sparx_dsl.run_study(
        SMALL, studies.params, trials=all_of_them, study=tmp_path / f"whole{ending}", sampler=sampler
    )
    assert studies.ends(parts[0]) == studies.ends(whole)[:first]
    assert studies.ends(parts[1]) == studies.ends(whole) == studies.ends(parts[2])
    assert [trial.seconds for trial in parts[1].trials] == [trial.seconds for trial in parts[2].trials]


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_another_seed_gives_other_trials(sampler: str, tmp_path: Path) -> None:
    """The seed decides, and a study keeps its own."""
    first, other = (
        sparx_dsl.run_study(SMALL, "macs", trials=6, study=tmp_path / f"{seed}.journal", sampler=sampler, seed=seed)
        for seed in (1, 2)
    )
    assert studies.ends(first) != studies.ends(other)
    again = sparx_dsl.run_study(SMALL, "macs", trials=7, study=tmp_path / "1.journal", sampler=sampler)
    assert studies.ends(again)[:6] == studies.ends(first)


def test_samplers_that_learn_do_better_than_chance(tmp_path: Path) -> None:
    """After 25 trials TPE finds smaller backbones than even draws do, the median of three seeds."""

    def found(sampler: str) -> list[float]:
        studied = [
            sparx_dsl.run_study(SMALL, "params", trials=30, study=tmp_path / f"{sampler}{seed}.journal", seed=seed,
                                sampler=sampler)
            for seed in range(3)
        ]  # fmt: skip
        return sorted(sum(trial.values[0] for trial in result.trials[-10:]) for result in studied)

    assert found("tpe")[1] < 0.8 * found("random")[1]


def test_a_failed_trial_keeps_its_cause_and_stops_nothing(tmp_path: Path) -> None:
    """It counts for the number asked for, and is not tried again."""
    first, again = (
        sparx_dsl.run_study(SMALL, studies.some_fail, trials=6, study=tmp_path / "a.journal") for _ in range(2)
    )
    for result in (first, again):
        assert Counter(trial.state for trial in result.trials) == {"complete": 4, "failed": 2}
        cause = result.trials[4].cause
        assert cause is not None
        assert str(cause) == "RuntimeError: no memory for 4"
        assert "in some_fail" in cause.trace
    assert "2 trials failed:\n  RuntimeError: no memory for 1 (trial 1)" in sparx_dsl.study_table(again)


def test_an_interrupted_trial_is_begun_again(tmp_path: Path) -> None:
    """Ctrl-C stops the study at once; the trial that was in work belongs to the next one who comes."""
    asked: list[int] = []

    def objective(trial: sparx_dsl.Trial) -> float:
        asked.append(trial.number)
        if len(asked) == 3:
            raise KeyboardInterrupt
        return trial.prices.params

    with pytest.raises(KeyboardInterrupt):
        sparx_dsl.run_study(SMALL, objective, trials=4, study=tmp_path / "a.journal")
    assert [trial.state for trial in sparx_dsl.read_study(SMALL, tmp_path / "a.journal").trials][2] == "lost"
    result = sparx_dsl.run_study(SMALL, objective, trials=4, study=tmp_path / "a.journal")
    assert (len(result.complete), asked) == (4, [0, 1, 2, 2, 3])


def test_no_trial_begins_after_the_timeout(tmp_path: Path) -> None:
    """The study stops short of its number, without an error, and can be gone on with."""
    path = tmp_path / "a.journal"
    first = sparx_dsl.run_study(SMALL, studies.params, trials=2, study=path, timeout=3600)
    stopped = sparx_dsl.run_study(SMALL, studies.params, trials=9, study=path, timeout=0)
    assert studies.ends(stopped) == studies.ends(first)
    assert len(sparx_dsl.run_study(SMALL, studies.params, trials=9, study=path).complete) == 9


# Bounds, constraints, points.


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_no_trial_misses_the_bounds(sampler: str, tmp_path: Path) -> None:
    """What is beyond the bounds is priced and passed over; the objective never sees it."""
    bounded = studies.small_space(bounds={"params": {"least": 9000, "most": 11_000}})
    seen: list[int] = []

    def objective(trial: sparx_dsl.Trial) -> float:
        seen.append(sparx_dsl.cost(trial.spec).params)
        return 0.0

    sparx_dsl.run_study(bounded, objective, trials=12, study=tmp_path / "a.journal", sampler=sampler)
    assert len(seen) == 12
    assert 9000 <= min(seen) <= max(seen) <= 11_000


def test_bounds_that_nothing_keeps_are_reported(tmp_path: Path) -> None:
    """With the closest price, as ``sample`` reports them; the trial that was begun is not counted."""
    impossible = studies.small_space(bounds={"params": 10})
    for sampler in ("random", "tpe"):
        with pytest.raises(SparxError) as caught:
            sparx_dsl.run_study(impossible, "macs", trials=2, study=tmp_path / f"{sampler}.journal", sampler=sampler)
        assert [mistake.code for mistake in caught.value.diagnostics] == ["SPX732"]
        assert "closest price found" in caught.value.diagnostics[0].notes[0]


def test_the_best_keeps_the_constraints(tmp_path: Path) -> None:
    """A trial above a constraint has its values and is never among the best; what else was given is kept."""
    for sampler in SAMPLERS:
        result = sparx_dsl.run_study(SMALL, studies.constrained, trials=25, study=tmp_path / f"{sampler}.journal",
                                     sampler=sampler)  # fmt: skip
        within = [trial for trial in result.complete if sparx_dsl.cost(result.spec(trial)).macs <= 400_000]
        assert 0 < len(within) < 25
        best = result.best
        assert best is not None
        assert best.values[0] == max(trial.values[0] for trial in within)
        assert best.attributes == {"word": "kept", "list": [1, 2.5, None]}


def test_a_learning_sampler_tries_new_points_first(tmp_path: Path) -> None:
    """In a space of nine points it has tried eight or more after nine trials, and goes on when all were tried."""
    base = sparx_dsl.parse_spec(studies.BASE)
    tiny = sparx_dsl.make_space(base, {"stages.2.depth": {"from": 1, "to": 4}, "stages.1.channels": [8, 16, 24]})
    result = sparx_dsl.run_study(tiny, "params", trials=12, study=tmp_path / "a.journal", sampler="tpe")
    assert tiny.count == 9
    assert len({trial.point for trial in result.trials[:9]}) >= 8
    assert len(result.complete) == 12


# Trials.


def test_a_trial_says_all_about_itself(tmp_path: Path) -> None:
    """Its spec, point, values and prices belong together; its folder is its own; its seed depends on both numbers."""
    kept: list[sparx_dsl.Trial] = []
    model = sparx_dsl.build(sparx_dsl.parse_spec(studies.BASE))
    for seed in (0, 1):
        sparx_dsl.run_study(SMALL, lambda trial: kept.append(trial) or 0.0, trials=3, seed=seed, sampler="random",
                            study=tmp_path / f"{seed}.journal")  # fmt: skip
    for trial in kept:
        assert trial.spec == SMALL.spec(trial.point)
        assert trial.values == SMALL.values(trial.point)
        assert trial.prices == SMALL.prices(trial.point)
        assert trial.folder.is_dir()
        assert trial.parent is None
        assert trial.inherit(model) is None
    assert len({trial.folder for trial in kept}) == len({trial.seed for trial in kept}) == 6


def differing(first: TrialRecord, second: TrialRecord) -> int:
    """In how many choices two trials differ."""
    return len(set(first.choices.items() ^ second.choices.items()) and {
        name for name in {*first.choices, *second.choices} if first.choices.get(name) != second.choices.get(name)
    })  # fmt: skip


def test_weights_come_from_the_closest_trial(tmp_path: Path) -> None:
    """The parent differs in the fewest choices of all that had ended; what fits is copied, and the report says what."""
    import torch

    from sparx_dsl.weights import renames_by_stride

    reports: list[object] = []

    def objective(trial: sparx_dsl.Trial) -> float:
        torch.manual_seed(trial.seed)
        model = sparx_dsl.build(trial.spec)
        report = trial.inherit(model)
        if trial.parent is not None and report is not None:
            parent = sparx_dsl.build(trial.parent)
            source, now = parent.state_dict(), model.state_dict()
            moved = renames_by_stride(parent.spec, model.spec)
            still = [name for name in report.matched if ".".join(name.split(".")[:2]) not in {*moved, *moved.values()}]
            alike = [name for name in still if name in source and source[name].shape == now[name].shape]
            assert len(alike) > 5
            assert all(torch.equal(source[name], now[name]) for name in alike)
        reports.append(report)
        trial.save(model)
        return 0.0

    plain = {name: values for name, values in studies.CHOICES.items() if name != "layer.ffn"}
    space = sparx_dsl.make_space(sparx_dsl.parse_spec(studies.BASE), plain)
    result = sparx_dsl.run_study(space, objective, trials=6, study=tmp_path / "a.journal", inherit=True)
    assert [trial.state for trial in result.trials] == ["complete"] * 6, result.failed
    assert (result.trials[0].parent, reports[0]) == (None, None)
    for trial in result.trials[1:]:
        parent = result.trials[trial.parent or 0]
        assert differing(trial, parent) == min(differing(trial, other) for other in result.trials[: trial.number])
        assert reports[trial.number] is not None


def test_the_space_need_not_be_read_anew(tmp_path: Path) -> None:
    """A path stands for the space in it."""
    file = studies.space_file(tmp_path)
    first = sparx_dsl.run_study(file, "params", trials=2, study=tmp_path / "a.journal")
    assert studies.ends(first) == studies.ends(sparx_dsl.read_study(str(file), str(tmp_path / "a.journal")))


def test_optuna_is_imported_when_a_study_is_asked_for() -> None:
    """The package itself, its spaces and its prices work without it."""
    code = "import sys, sparx_dsl.search; sys.exit(any(name in sys.modules for name in ('optuna', 'ray', 'torch')))"
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=ROOT).returncode == 0


def names(spaces: Sequence[Space]) -> list[str]:
    """The files that studies of these spaces have by default."""
    return [str(sparx_dsl.default_study(space)) for space in spaces]


def test_the_default_file_has_a_safe_name() -> None:
    """Whatever a space is called, its study is a file of this folder."""
    base = sparx_dsl.parse_spec(studies.BASE)
    odd = [
        sparx_dsl.make_space(base, {"stages.1.S": [1, 2]}, name=name) for name in ("../etc", "a b", "ü" * 99, "ok-1")
    ]
    assert names(odd) == ["___etc.journal", "a_b.journal", f"{'_' * 64}.journal", "ok-1.journal"]
