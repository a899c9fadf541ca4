"""What a study leaves behind: a table, a picture, and the best backbones as specs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from sparx_dsl.errors import Code, Diagnostic, SparxError, visible
from sparx_dsl.language.spec import dump_spec
from sparx_dsl.render import write_text
from sparx_dsl.render.notebook import safe
from sparx_dsl.render.scatter import Panel, scatter
from sparx_dsl.render.text_table import WIDTH, Column, text_table
from sparx_dsl.render.units import binary_bytes, decimal_count, duration
from sparx_dsl.search.space.bounds import MEASURES, price_of
from sparx_dsl.search.space.choices import value_text
from sparx_dsl.search.studies.records import StudyResult, TrialRecord

MOST = 10
"""Winners where there is one direction; a front is shown whole."""
NAME_LENGTH = 64
GAP = 2
"""Characters between two columns of a table."""


def winners(result: StudyResult, most: int = MOST) -> tuple[TrialRecord, ...]:
    """The front, or with one direction the best trials, each backbone once."""
    if len(result.directions) > 1:
        return result.front
    found: dict[object, TrialRecord] = {}
    for trial in sorted(result.complete, key=lambda one: (result.losses(one), one.number)):
        if trial.feasible:
            found.setdefault(trial.point, trial)
    return tuple(found.values())[:most]


def study_table(result: StudyResult, *, width: int = WIDTH) -> str:
    """The winners' values and prices, the choices in which they differ, what failed, and how many trials there are."""
    shown = winners(result)
    prices = [measure for measure in MEASURES if measure not in result.names]
    columns = [Column("Trial", True), *(Column(shown_name(name), True) for name in result.names),
               *(Column(MEASURES[measure], True) for measure in prices), Column("Time", True)]  # fmt: skip
    rows = [
        [str(trial.number), *_values(result, trial), *(_price(trial, measure) for measure in prices),
         "–" if trial.seconds is None else duration(trial.seconds)]
        for trial in shown
    ]  # fmt: skip
    best = "The front" if len(result.directions) > 1 else "The best"
    lines = [f"{best} of {len(result.complete)} trials with values:"] if shown else []
    lines += [text_table(columns, rows, width=width)] if shown else ["No trial satisfies all constraints."]
    return "\n".join([*lines, *_choices(shown, width), *_failures(result)])


def study_picture(result: StudyResult) -> str:
    """An SVG text: the first value of every trial against each other one, or against MACs where there is no other.

    Raises ``SparxError`` (SPX763) where no trial has values.
    """
    if not result.complete:
        raise SparxError(Diagnostic(Code.NOTHING_TO_DRAW, "no trial has values, so there is nothing to draw"))
    sideways = list(range(1, len(result.directions)))
    panels = [_panel(result, place) for place in sideways] or [_panel(result, None)]
    return scatter(panels, f"{result.space.name}: {len(result.complete)} trials")


def study_html(result: StudyResult) -> str:
    """What notebooks show of a study: its picture where a trial has values, and its table."""
    table = "\n".join(map(safe, study_table(result).splitlines()))
    return f"{study_picture(result) if result.complete else ''}<pre>{table}</pre>"


def write_winners(result: StudyResult, folder: str | os.PathLike[str]) -> tuple[Path, ...]:
    """Write each winner as a spec, the table and the picture into a folder, which is made; the paths of the specs.

    The files are called ``01_trial_17.yaml`` by place and number, ``table.txt`` and ``front.svg``. Raises
    ``SparxError`` (SPX502) where they cannot be written.
    """
    target = Path(folder)
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"cannot make the folder {os.fspath(target)!r}: {error.strerror or error}"
        raise SparxError(Diagnostic(Code.FILE_NOT_WRITABLE, message)) from None
    paths: list[Path] = []
    for place, trial in enumerate(winners(result), start=1):
        path = target / f"{place:02d}_trial_{trial.number}.yaml"
        write_text(path, _spec_text(result, trial))
        paths.append(path)
    write_text(target / "table.txt", study_table(result) + "\n")
    if result.complete:
        write_text(target / "front.svg", study_picture(result))
    return tuple(paths)


def _spec_text(result: StudyResult, trial: TrialRecord) -> str:
    spec = result.spec(trial)
    suffix = f"_trial_{trial.number}"
    named = spec.edit({"name": f"{spec.name[: NAME_LENGTH - len(suffix)]}{suffix}"})
    values = ", ".join(f"{name} {value:.6g}" for name, value in zip(result.names, trial.values, strict=True))
    choices = "".join(f"# {visible(name)}: {visible(value_text(value))}\n" for name, value in trial.choices.items())
    return f"# Trial {trial.number} of a study: {values}.\n{choices}{dump_spec(named)}"


def _choices(shown: Sequence[TrialRecord], width: int) -> Iterator[str]:
    """Tables of the choices in which the trials differ, one row for each, and one column for each trial."""
    names = dict.fromkeys(name for trial in shown for name in trial.choices)
    rows = {name: [value_text(trial.choices[name]) if name in trial.choices else "–" for trial in shown]
            for name in names}  # fmt: skip
    differing = {name: values for name, values in rows.items() if len(set(values)) > 1}
    if not differing:
        return
    yield "Their choices, where they differ:"
    longest = max(len(name) for name in differing)
    widths = [max(len(row[place]) for row in (*differing.values(), [str(one.number) for one in shown]))
              for place in range(len(shown))]  # fmt: skip
    first = 0
    while first < len(shown):
        last, used = first + 1, longest + widths[first] + 2 * GAP
        while last < len(shown) and used + widths[last] + GAP <= width:
            used += widths[last] + GAP
            last += 1
        columns = [Column("Trial"), *(Column(str(trial.number), True) for trial in shown[first:last])]
        yield text_table(columns, [[name, *row[first:last]] for name, row in differing.items()], width=width).rstrip()
        first = last


def _values(result: StudyResult, trial: TrialRecord) -> list[str]:
    return [shown_value(name, value) for name, value in zip(result.names, trial.values, strict=True)]


def shown_name(name: str) -> str:
    """What a person calls a value."""
    return MEASURES.get(name, name)


def shown_value(name: str, value: float) -> str:
    """A value as a person reads it; prices with their units."""
    if name == "peak":
        return binary_bytes(round(value))
    return decimal_count(round(value)) if name in MEASURES else f"{value:.5g}"


def _price(trial: TrialRecord, measure: str) -> str:
    return "–" if trial.prices is None else shown_value(measure, price_of(trial.prices, measure))


def _failures(result: StudyResult) -> Iterator[str]:
    if count := len(result.pruned):
        yield f"{count} trial{'s were' if count > 1 else ' was'} pruned."
    failed = result.failed
    if not failed:
        return
    causes: dict[str, list[int]] = {}
    for trial in failed:
        first, *_ = str(trial.cause).splitlines() or ["no cause"]
        causes.setdefault(visible(first), []).append(trial.number)
    yield f"{len(failed)} trial{'s' if len(failed) > 1 else ''} failed:"
    for cause, numbers in causes.items():
        yield f"  {cause[:WIDTH]} ({_listed(numbers)})"


def _listed(numbers: Sequence[int]) -> str:
    shown = ", ".join(str(number) for number in numbers[:5])
    return f"trial{'s' if len(numbers) > 1 else ''} {shown}{', …' if len(numbers) > 5 else ''}"


def _panel(result: StudyResult, place: int | None) -> Panel:
    """The first value upwards against the value of that place, or against MACs."""
    front = {trial.number for trial in winners(result, 1)}
    shown = [trial for trial in result.complete if trial.prices is not None]
    macs = [0.0 if trial.prices is None else float(trial.prices.macs) for trial in shown]
    across = macs if place is None else [trial.values[place] for trial in shown]
    direction = "minimize" if place is None else result.directions[place]
    return Panel(
        across_label=shown_name("macs" if place is None else result.names[place]),
        upward_label=shown_name(result.names[0]),
        dots=tuple((x, trial.values[0]) for x, trial in zip(across, shown, strict=True)),
        chosen=frozenset(at for at, trial in enumerate(shown) if trial.number in front),
        feasible=frozenset(at for at, trial in enumerate(shown) if trial.feasible),
        more_across=direction == "maximize",
        more_upward=result.directions[0] == "maximize",
    )
