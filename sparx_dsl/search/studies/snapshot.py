"""What this project keeps in a study's file beside Optuna's own, checked as it is read: anybody may have written it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Final, Literal, Self

from optuna.trial import FrozenTrial, TrialState
from pydantic import Field, FiniteFloat, Json, TypeAdapter

from sparx_dsl.errors import SparxError
from sparx_dsl.language.frozen import FrozenDict
from sparx_dsl.search.search_space import Space
from sparx_dsl.search.space.bounds import Prices
from sparx_dsl.search.space.choices import Choice, Point, value_of
from sparx_dsl.search.studies.config import StudyConfig
from sparx_dsl.search.studies.objectives import Direction
from sparx_dsl.search.studies.outcome import Cause
from sparx_dsl.search.studies.records import State, TrialRecord

VERSION: Final = 1
Amount = Annotated[int, Field(ge=0)]
WorkerName = Annotated[str, Field(pattern=r"^[\w.-]{0,200}$")]
"""Part of a file's name."""


@dataclass(frozen=True)
class Header:
    """What a study was begun with, and with what alone it can be continued."""

    space: str
    """The digest of the space."""
    space_name: str
    names: tuple[str, ...]
    directions: tuple[Direction, ...]
    seed: int
    version: Literal[1] = VERSION

    @classmethod
    def of(cls, config: StudyConfig) -> Self:
        """What a study that was asked for begins with."""
        space = config.space
        return cls(space_digest(space), space.name, config.names, config.directions, config.seed or 0)

    def __str__(self) -> str:
        return " and ".join(f"{name} to {word}" for name, word in zip(self.names, self.directions, strict=True))


@dataclass(frozen=True)
class Drawn:
    """What is written once the point of an attempt has been sampled."""

    params: Amount
    macs: Amount
    peak: Amount
    values: Json[dict[str, object]]
    """The values of the choices."""
    parent: Amount | None = None


@dataclass(frozen=True)
class TrialAttributes:
    """The attributes of an attempt that are ours."""

    number: Amount
    worker: WorkerName = ""
    died: bool = False
    drawn: Drawn | None = None
    attributes: dict[str, object] = field(default_factory=dict[str, object])
    cause: Cause | None = None


_HEADER: Final = TypeAdapter(Header)
_ATTRIBUTES: Final = TypeAdapter(TrialAttributes)
_VALUES: Final = TypeAdapter(tuple[FiniteFloat, ...])
_PICKS: Final = TypeAdapter(dict[str, int])


def space_digest(space: Space) -> str:
    """64 hexadecimal digits, equal for two spaces that have the same base, choices and bounds, in the same order."""
    whole = {
        "base": space.base.written(),
        "choices": [_plain(choice) for choice in space.choices],
        "bounds": [[bound.measure, bound.least, bound.most] for bound in space.bounds],
    }
    return hashlib.sha256(json.dumps(whole, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def read_header(stored: object, width: int) -> Header:
    """The header that the file of a study with so many values holds; raises ``ValueError`` for anything else."""
    header = _HEADER.validate_python(stored)
    if not len(header.names) == len(header.directions) == width:
        raise ValueError(f"there are {width} values, of which {len(header.names)} have names")
    return header


def read_record(trial: FrozenTrial, space: Space, width: int) -> tuple[TrialRecord, bool]:
    """An attempt of a study with so many values, and whether it ended with its worker.

    Raises ``ValueError`` where the file holds what no worker of this space writes.
    """
    own = _ATTRIBUTES.validate_python(trial.user_attrs)
    complete = trial.state == TrialState.COMPLETE
    # What Optuna keeps as the value of a pruned trial is the last intermediate one.
    values = _VALUES.validate_python(tuple(trial.values or ()) if trial.state != TrialState.PRUNED else ())
    if complete and (own.drawn is None or len(values) != width):
        raise ValueError(f"trial {own.number} has {len(values)} of {width} values, or no point")
    drawn, point = own.drawn, None
    try:
        point = None if drawn is None else _point(trial.params, space)
    except ValueError:
        if trial.state != TrialState.RUNNING:
            raise
        # A database is read table by table: of an attempt whose point is just being written, picks may be missing.
        drawn = None
    record = TrialRecord(
        own.number,
        _state(trial.state, own.cause),
        point,
        values,
        trial.constraints,
        None if drawn is None else Prices(drawn.params, drawn.macs, drawn.peak),
        {} if drawn is None else drawn.values,
        own.attributes,
        None if drawn is None else drawn.parent,
        None if trial.duration is None else trial.duration.total_seconds(),
        own.worker,
        own.cause,
        trial.intermediate_values,
    )
    return record, own.died


def _plain(choice: Choice) -> list[object]:
    alternatives = [
        [one.value, [[list(path), value_of(node)] for path, node in one.patches],
         [[action, value_of(node)] for action, node in one.links]]
        for one in choice.alternatives
    ]  # fmt: skip
    return [choice.name, alternatives, [[when.choice, sorted(when.among)] for when in choice.when]]


def _point(picks: Mapping[str, object], space: Space) -> Point:
    """The point of those picks; raises ``ValueError`` where the space has none."""
    point = Point(FrozenDict(_PICKS.validate_python(dict(picks))))
    try:
        space.picks(point)
    except SparxError as error:
        raise ValueError(str(error)) from None
    return point


def _state(state: TrialState, cause: Cause | None) -> State:
    if state == TrialState.COMPLETE:
        return "complete"
    if state == TrialState.PRUNED:
        return "pruned"
    if state == TrialState.FAIL:
        return "lost" if cause is None else "failed"
    return "running"
