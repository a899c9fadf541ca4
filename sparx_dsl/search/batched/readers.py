"""The keys of a spec for whole arrays of points: one label for each value that a key has somewhere."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import cast

import numpy as np

from sparx_dsl.search.batched.rows import Picks
from sparx_dsl.search.batched.tables import Ids, Labels, Table
from sparx_dsl.search.readings import SLOTS, Reading, Readings
from sparx_dsl.search.rules import PLACEMENT
from sparx_dsl.search.space import Space


class Reader:
    """One reading, for whole arrays of points."""

    def __init__(
        self, reading: Reading, choices: Sequence[Labels[Hashable]], labels: Labels[Hashable] | None = None
    ) -> None:
        self.scope = reading.scope
        self.labels: Labels[Hashable] = Labels() if labels is None else labels
        self._table: Table[Hashable] = Table([choices[choice] for choice in reading.scope], self._read, self.labels)
        self._reading = reading

    def __call__(self, picks: Picks) -> Ids:
        """The labels, shape (points,), or () for a key that no choice touches."""
        if not self.scope:
            return np.asarray(self.labels.number(self._read()), dtype=np.int64)
        return self._table(*(picks[:, choice] + 1 for choice in self.scope))

    def _read(self, *row: Hashable) -> Hashable:
        picks = dict(zip(self.scope, cast("tuple[int, ...]", row), strict=True))
        return cast("Hashable", self._reading(picks))


class Slot:
    """One slot of the layers: its value at the narrowest level that gives one."""

    def __init__(self, readings: Readings, choices: Sequence[Labels[Hashable]], slot: str) -> None:
        self.labels: Labels[Hashable] = Labels([None])
        self._readings, self._choices, self._slot = readings, choices, slot
        self._readers: dict[tuple[str | int, ...], Reader] = {}

    def __call__(self, picks: Picks, stage: int, layer: int) -> Ids:
        """The labels for one layer; that of None where no level gives a value."""
        inner = ("stages", stage, "layers", layer, self._slot)
        own, common, widest = (
            self._reader(path)(picks) for path in (inner, ("stages", stage, "layer", self._slot), ("layer", self._slot))
        )
        # The number of None is 0.
        return np.where(own > 0, own, np.where(common > 0, common, widest))

    def _reader(self, path: tuple[str | int, ...]) -> Reader:
        if path not in self._readers:
            self._readers[path] = Reader(self._readings.at(path), self._choices, self.labels)
        return self._readers[path]


class Keys:
    """All that prices depend on, for whole arrays of points of a space."""

    def __init__(self, space: Space) -> None:
        readings = space.compiled.readings
        self.choices: list[Labels[Hashable]] = [Labels(range(-1, len(choice.alternatives))) for choice in space.choices]
        self.stages = readings.stages
        self.deepest = [readings.deepest(stage) for stage in range(1, readings.stages + 1)]
        self.ends = {key: Reader(readings.at((key,)), self.choices) for key in ("input", "stem", "downsample", "head")}
        self.links = Reader(readings.at(("links",)), self.choices)
        keys = ("channels", "downsample", *PLACEMENT)
        widths, merges = Labels[Hashable](), self.ends["downsample"].labels
        shared = {"channels": widths, "downsample": merges}
        self.of_stage = [
            {key: Reader(readings.stage(stage, key), self.choices, shared.get(key)) for key in keys}
            for stage in range(1, readings.stages + 1)
        ]
        self.slots = {slot: Slot(readings, self.choices, slot) for slot in SLOTS}
        self.norm = Reader(readings.at(("layer", "norm")), self.choices, self.slots["norm"].labels)
