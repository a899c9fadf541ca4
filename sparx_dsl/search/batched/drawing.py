"""Many points drawn at once, evenly from all of a space, choice by choice (see ``sparx_dsl.search.counting``)."""

from __future__ import annotations

from collections.abc import Hashable
from typing import cast

import numpy as np
from numpy.typing import NDArray

from sparx_dsl.search.batched.rows import Picks
from sparx_dsl.search.batched.tables import Labels, Table
from sparx_dsl.search.counting import Bucket
from sparx_dsl.search.space import Space
from sparx_dsl.search.values import OFF


class Sampler:
    """Draws points of a space whose rules are all in tables; bounds are left aside.

    Each value is drawn with the part of the ways to go on that it has. Parts are doubles, so that probabilities are
    even to 2^-52 of each.
    """

    def __init__(self, space: Space) -> None:
        self._count = len(space.choices)
        choices = [Labels[Hashable](range(-1, len(choice.alternatives))) for choice in space.choices]
        self._draws = [_Draw(bucket, choices) for bucket in space.compiled.counted.buckets]

    def __call__(self, count: int, rng: np.random.Generator) -> Picks:
        """That many points, with replacement, shape (count, choices)."""
        picks: Picks = np.full((count, self._count), OFF, dtype=np.int64)
        for draw in self._draws:
            picks[:, draw.choice] = draw(picks, rng.random(count))
        return picks


class _Draw:
    """Draws one choice, given those of its context."""

    def __init__(self, bucket: Bucket, choices: list[Labels[Hashable]]) -> None:
        self.choice, self._context = bucket.choice, bucket.context
        contexts = list(bucket.options)
        longest = max(len(options) for options in bucket.options.values())
        self._values = np.full((len(contexts), longest), OFF, dtype=np.int64)
        self._bounds: NDArray[np.float64] = np.full((len(contexts), longest), 2.0)
        for number, context in enumerate(contexts):
            options, total, before = bucket.options[context], bucket.totals[context], 0
            for place, (value, ways) in enumerate(options):
                before += ways
                self._values[number, place] = value
                # The last bound stays beyond every draw, whatever the rounding.
                self._bounds[number, place] = before / total if place < len(options) - 1 else 2.0
        known: Labels[Hashable] = Labels(contexts)
        self._rows = Table([choices[choice] for choice in bucket.context], _context, known)

    def __call__(self, picks: Picks, draws: NDArray[np.float64]) -> NDArray[np.int64]:
        """A value for each point, from a number in [0, 1) for each."""
        row = (
            self._rows(*(picks[:, choice] + 1 for choice in self._context))
            if self._context
            else np.zeros(len(picks), dtype=np.int64)
        )
        place = (draws[:, None] >= self._bounds[row]).sum(axis=1)
        return np.asarray(self._values[row, place])


def _context(*values: Hashable) -> Hashable:
    return cast("Hashable", values)
