"""What comes of a trial: values, or the cause of its failure."""

from __future__ import annotations

import math
import numbers
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import SupportsFloat, cast

from sparx_dsl.errors import Diagnostic, SparxError, visible
from sparx_dsl.language.checks.hints import shown

FORM = "give a number, a tuple of numbers, or {values: …, constraints: {…}} and more keys to be kept"
DEEPEST = 4
"""How deep lists and mappings are kept in a trial's record."""
LARGEST = 2**63 - 1
"""Whole numbers beyond this are kept as text."""
LONGEST_TRACE = 16_000
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
    """What else the objective gave, as plain data."""
    cause: Cause | None = None


class AnswerError(SparxError):
    """The objective gave something that is no answer (SPX757); it stops the study, since every trial would."""


def read_answer(answer: object) -> Outcome:
    """An objective's answer; raises ``AnswerError``, and ``SparxError`` (SPX758) for a number that is not finite."""
    if not isinstance(answer, Mapping):
        return Outcome(_numbers(answer))
    given = dict(cast("Mapping[object, object]", answer))
    if "values" not in given:
        keys = ", ".join(map(str, given)) or "nothing"
        raise _refused(f"the objective gave a mapping without values; it has {keys}")
    values = _numbers(given.pop("values"))
    constraints = given.pop("constraints", {})
    if not isinstance(constraints, Mapping):
        raise _refused(f"the constraints that the objective gave are no mapping: {shown(constraints)}")
    named = {visible(str(name)): _number(value) for name, value in cast("Mapping[object, object]", constraints).items()}
    return Outcome(values, named, {str(name): plain(value) for name, value in given.items()})


def failure(error: BaseException) -> Outcome:
    """The outcome of a trial whose objective raised that."""
    text = "".join(traceback.format_exception(error))
    return Outcome(cause=Cause(type(error).__name__, message_of(error), text[-LONGEST_TRACE:]))


def message_of(error: BaseException) -> str:
    """What an exception says; nothing where it fails even at that."""
    try:
        return str(error)[:LONGEST_TRACE]
    except Exception:
        return ""


def plain(value: object, depth: int = DEEPEST) -> object:
    """The value as data that JSON has; what it has no form for becomes text."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return int(value) if abs(value) <= LARGEST else hex(value)  # Decimals take long, and Python refuses them.
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
        raise _refused(f"the objective gave {shown(value)}, which is no number")
    try:
        number = float(value)
    except (TypeError, ValueError, RuntimeError):
        raise _refused(f"the objective gave a {type(value).__name__}, which is no single number") from None
    if not math.isfinite(number):
        message = f"the objective gave {number}"
        raise SparxError(Diagnostic("SPX758", message, help="give finite numbers; a trial without one has failed"))
    return number


def _refused(message: str) -> AnswerError:
    return AnswerError(Diagnostic("SPX757", message, help=FORM))
