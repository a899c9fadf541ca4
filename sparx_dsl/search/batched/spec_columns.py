"""The keys of a spec for whole arrays of points: one label for each value that a key has somewhere."""

from __future__ import annotations

from typing import Any

import numpy as np

from sparx_dsl.language.resolve import SLOTS
from sparx_dsl.search.batched.lookup import Ids, Labels
from sparx_dsl.search.batched.point_rows import ChoiceColumns, ChoiceTable
from sparx_dsl.search.space.choices import EditPath
from sparx_dsl.search.space_model import SpaceModel

LEVELLED = ("downsample", *SLOTS)
"""Keys that are given at several levels, the narrowest of which counts: one set of labels, in which None is 0."""


class SpecColumns:
    """The keys of the backbones of a space; each is made once."""

    def __init__(self, space: SpaceModel) -> None:
        self.keys = space.keys
        self._choices = space.choices
        self._made: dict[EditPath, ChoiceTable[Any]] = {}
        self._labels: dict[object, Labels[Any]] = {key: Labels([None]) for key in LEVELLED}
        self.widths: Labels[int] = self._labels.setdefault("channels", Labels())

    def at(self, *path: str | int) -> ChoiceTable[Any]:
        """The key at that path."""
        if path not in self._made:
            key, name = self.keys.at(path), path[-1]
            labels = self._labels.setdefault(name if name in self._labels else path, Labels())
            self._made[path] = ChoiceTable(self._choices, key.scope, key.at_row, labels)
        return self._made[path]

    def labels(self, slot: str) -> Labels[Any]:
        """The labels of one of the keys in ``LEVELLED``."""
        return self._labels[slot]

    def narrowest(self, columns: ChoiceColumns, *paths: EditPath) -> Ids:
        """The labels of what the first of these paths gives that gives anything; that of None where none does."""
        found = self.at(*paths[-1])(columns)
        for path in reversed(paths[:-1]):
            own = self.at(*path)(columns)
            found = np.where(own > 0, own, found)
        return found
