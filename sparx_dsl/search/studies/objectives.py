"""Objectives: functions of the user's own, by name or as they are, and the prices, which need none.

This is the one place where a name that the user writes on the command line, or in their own program, becomes a module.
No name from a spec or a space gets here.
"""

from __future__ import annotations

import contextlib
import importlib
import re
import sys
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from sparx_dsl.errors import Code, Diagnostic, SparxError, did_you_mean, quoted
from sparx_dsl.search.space.bounds import MEASURES, price_of
from sparx_dsl.search.studies.outcome import AnswerError, Outcome, failure, message_of, read_answer
from sparx_dsl.search.studies.trial import Trial

Direction = Literal["maximize", "minimize"]
Answer = object
"""A number, a tuple of numbers, or a mapping with ``values``, ``constraints`` and what else is to be kept."""
Function = Callable[[Trial], Answer]

REFERENCE = re.compile(r"([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):([A-Za-z_]\w*)")
DIRECTIONS: dict[str, Direction] = {
    "maximize": "maximize", "maximise": "maximize", "max": "maximize",
    "minimize": "minimize", "minimise": "minimize", "min": "minimize",
}  # fmt: skip


@dataclass(frozen=True)
class Objective:
    """What is computed for every trial: a price, a function by its name, or a function itself."""

    name: str
    """``params``, ``macs``, ``peak``, ``module:function``, or a function's own name."""
    function: Function | None = None
    """None for a price, and for a function by name until it is called."""
    folder: Path | None = None
    """Where the module is looked for first."""

    @property
    def is_price(self) -> bool:
        """Whether it is a price, which takes no trial to know."""
        return self.function is None and self.name in MEASURES

    def evaluate(self, trial: Trial) -> Outcome:
        """The values for a trial; raises what the function raises, and ``SparxError``."""
        if self.is_price:
            return Outcome((float(price_of(trial.prices, self.name)),))
        # The function may import more of its folder when it is called.
        with _importable_from(self.folder):
            return read_answer(self.resolve()(trial))

    def resolve(self) -> Function:
        """The function; raises ``SparxError`` (SPX751) where it cannot be imported."""
        if self.function is not None:
            return self.function
        with _importable_from(self.folder):
            return _imported(self.name)


def read_objectives(given: Sequence[str | Function], folder: Path | None = None) -> tuple[Objective, ...]:
    """The objectives of those names; raises ``SparxError`` (SPX751) for one that does not exist."""
    found: list[Objective] = []
    for one in given:
        if not isinstance(one, str):
            found.append(Objective(getattr(one, "__name__", type(one).__name__), one))
            continue
        objective = Objective(one, folder=folder or Path.cwd())
        if not objective.is_price:
            objective.resolve()
        found.append(objective)
    if not found:
        raise SparxError(
            Diagnostic(Code.UNKNOWN_OBJECTIVE, "no objective is given", help=f"name a function, or {_prices()}")
        )
    return tuple(found)


def read_directions(given: Sequence[str], objectives: Sequence[Objective]) -> tuple[Direction, ...]:
    """One direction for each value; by default prices are minimised, and each function gives one value to maximise.

    Raises ``SparxError`` (SPX756).
    """
    if not given:
        return tuple("minimize" if objective.is_price else "maximize" for objective in objectives)
    for word in given:
        if word not in DIRECTIONS:
            advice = did_you_mean(word, ("maximize", "minimize")) or "write maximize or minimize"
            raise SparxError(Diagnostic(Code.INVALID_DIRECTIONS, f"{quoted(word)} is not a direction", help=advice))
    prices = sum(objective.is_price for objective in objectives)
    least = len(objectives)
    if len(given) < least or (prices == len(objectives) and len(given) > least):
        verb = "is" if len(given) == 1 else "are"
        message = f"there {verb} {plural(len(given), 'direction')} for {plural(least, 'objective')}"
        raise SparxError(Diagnostic(Code.INVALID_DIRECTIONS, message, help="write one direction for each value"))
    return tuple(DIRECTIONS[word] for word in given)


def value_names(objectives: Sequence[Objective], count: int) -> tuple[str, ...]:
    """What tables call the values: the objectives' own names, numbered where a function gives several."""
    functions = [objective for objective in objectives if not objective.is_price]
    more = count - len(objectives)
    names: list[str] = []
    for objective in objectives:
        short = objective.name.rpartition(":")[2]
        several = more + 1 if functions and objective is functions[0] else 1
        names += [short] if several == 1 else [f"{short} {place}" for place in range(1, several + 1)]
    return tuple(names)


def evaluate(objectives: Sequence[Objective], trial: Trial, count: int) -> Outcome:
    """The outcome of one trial, which must have ``count`` values; what an objective raises is its failure.

    Raises ``AnswerError`` (SPX757) for an answer that would be as wrong in every trial, and ``KeyboardInterrupt``.
    """
    whole = Outcome()
    try:
        for objective in objectives:
            own = objective.evaluate(trial)
            whole = replace(
                whole,
                values=whole.values + own.values,
                constraints={**whole.constraints, **own.constraints},
                attributes={**whole.attributes, **own.attributes},
            )
    except (AnswerError, KeyboardInterrupt):
        raise
    except BaseException as error:  # Cancelled tasks and panics of compiled packages are no Exception.
        from optuna import TrialPruned

        return replace(whole, values=(), pruned=True) if isinstance(error, TrialPruned) else failure(error)
    if len(whole.values) != count:
        gave, wanted = plural(len(whole.values), "value"), plural(count, "direction")
        message = f"the objectives returned {gave}, and the study has {wanted}"
        raise AnswerError(Diagnostic(Code.INVALID_ANSWER, message, help="write one direction for each value"))
    return whole


def plural(number: int, noun: str) -> str:
    """A number with its noun: ``1 value``, ``2 values``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _imported(reference: str) -> Function:
    found = REFERENCE.fullmatch(reference)
    if found is None:
        advice = did_you_mean(reference, MEASURES) or f"write module:function, or {_prices()}"
        raise SparxError(Diagnostic(Code.UNKNOWN_OBJECTIVE, f"{quoted(reference)} is not an objective", help=advice))
    module, name = found[1], found[2]
    try:
        loaded = importlib.import_module(module)
    except (Exception, SystemExit) as error:
        reason = f"{type(error).__name__}: {message_of(error)}"
        message = f"the module {module} of the objective cannot be imported: {reason}"
        advice = "run from the folder in which Python would find it, or install it"
        raise SparxError(Diagnostic(Code.UNKNOWN_OBJECTIVE, message, help=advice)) from error
    function = vars(loaded).get(name)
    if not callable(function):
        known = [one for one, value in vars(loaded).items() if callable(value) and not one.startswith("_")]
        message = f"the module {module} has no function {quoted(name)}"
        raise SparxError(Diagnostic(Code.UNKNOWN_OBJECTIVE, message, help=did_you_mean(name, known)))
    return function


@contextlib.contextmanager
def _importable_from(folder: Path | None) -> Generator[None]:
    """Look for modules in this folder first inside the block."""
    if folder is None or str(folder) in sys.path:
        yield
        return
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(str(folder))


def _prices() -> str:
    return f"one of the prices {', '.join(MEASURES)}"
