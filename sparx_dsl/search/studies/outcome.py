"""Result of a trial: objective values or failure."""

from __future__ import annotations

import math
import numbers
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import SupportsFloat, cast

from sparx_dsl.errors import Code, Diagnostic, SparxError, visible
from sparx_dsl.language.checks.hints import shown

ANSWER_FORM = "return a number, a tuple of numbers, or {values: …, constraints: {…}} and more keys to be kept"
MAX_DEPTH = 4
"""How deep lists and mappings are kept in a trial's record."""
MAX_INTEGER = 2**63 - 1
"""Integers beyond this are kept as text."""
MAX_TRACE_LENGTH = 16_000
"""Characters of a traceback that are kept: its end."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a trial failed: the exception's type, its message, and the traceback as text."""

    type: str
    message: str
    trace: str = field(default="", repr=False)

    def __str__(self) -> str:
        return f"{self.type}: {self.message}" if self.message else self.type


@dataclass(frozen=True, slots=True)
class Outcome:
    """The values of a trial in the order of the study's directions, or the cause of its failure."""

    values: tuple[float, ...] = ()
    constraints: Mapping[str, float] = field(default_factory=dict[str, float])
    """By name, what must not be above 0."""
    attributes: Mapping[str, object] = field(default_factory=dict[str, object])
    """What else the objective returned, as plain data."""
    cause: Cause | None = None
    pruned: bool = False
    """Whether the objective ended early, by raising ``optuna.TrialPruned``."""
    intermediate: Mapping[int, float] = field(default_factory=dict[int, float])
    """By step, what was reported on another machine and is not in the study yet."""


class AnswerError(SparxError):
    """The objective returned an answer of the wrong form (SPX757), which stops the study, since every trial would."""


def read_answer(answer: object) -> Outcome:
    """Parse an answer; raises ``AnswerError``, or ``SparxError`` (SPX758) for a number that is not finite."""
    if not isinstance(answer, Mapping):
        return Outcome(_numbers(answer))
    given = dict(cast("Mapping[object, object]", answer))
    if "values" not in given:
        keys = ", ".join(map(str, given)) or "nothing"
        raise _refused(f"the objective returned a mapping without values; it has {keys}")
    values = _numbers(given.pop("values"))
    constraints = given.pop("constraints", {})
    if not isinstance(constraints, Mapping):
        raise _refused(f"the constraints that the objective returned are not a mapping: {shown(constraints)}")
    named = {visible(str(name)): _number(value) for name, value in cast("Mapping[object, object]", constraints).items()}
    return Outcome(values, named, {str(name): plain(value) for name, value in given.items()})


def failure(error: BaseException) -> Outcome:
    """The outcome of a trial whose objective raised that."""
    # What the exception's own code raises while it is formatted must not end the worker.
    try:
        trace = "".join(traceback.format_exception(error))
    except (Exception, SystemExit):
        trace = ""
    return Outcome(cause=Cause(type(error).__name__, message_of(error), trace[-MAX_TRACE_LENGTH:]))


def message_of(error: BaseException) -> str:
    """The message of an exception; empty where formatting it fails."""
    try:
        return str(error)[:MAX_TRACE_LENGTH]
    except (Exception, SystemExit):
        return ""


def plain(value: object, depth: int = MAX_DEPTH) -> object:
    """The value as JSON data; what JSON has no form for becomes text."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return int(value) if abs(value) <= MAX_INTEGER else hex(value)  # Decimals take long, and Python refuses them.
    if isinstance(value, numbers.Real):  # numpy's numbers too
        return float(value) if math.isfinite(value) else str(float(value))
    if isinstance(value, Mapping) and depth:
        return {str(key): plain(one, depth - 1) for key, one in cast("Mapping[object, object]", value).items()}
    if isinstance(value, list | tuple) and depth:
        return [plain(one, depth - 1) for one in cast("Sequence[object]", value)]
    return repr(cast("object", value))


def _numbers(value: object) -> tuple[float, ...]:
    if isinstance(value, tuple | list):
        return tuple(_number(one) for one in cast("Sequence[object]", value))
    return (_number(value),)


def _number(value: object) -> float:
    """A finite number: one of Python's, of numpy's, or a tensor of one element."""
    if isinstance(value, bool) or not isinstance(value, SupportsFloat):
        raise _refused(f"the objective returned {shown(value)}, which is not a number")
    try:
        number = float(value)
    except (TypeError, ValueError, RuntimeError):
        raise _refused(f"the objective returned a {type(value).__name__}, which is not a single number") from None
    if not math.isfinite(number):
        message = f"the objective returned {number}"
        raise SparxError(
            Diagnostic(Code.NON_FINITE_VALUE, message, help="return finite numbers; a trial without one has failed")
        )
    return number


def _refused(message: str) -> AnswerError:
    return AnswerError(Diagnostic(Code.INVALID_ANSWER, message, help=ANSWER_FORM))
