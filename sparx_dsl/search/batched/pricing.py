"""Prices of thousands of points at once, equal to those of the single ones.

What the stages of a backbone cost, they cost by themselves (see ``sparx_dsl.pricing.prices``), and a layer's price
depends on little: its settings, its width, how many features it reads, the size of its map. Each of these is worked
out once, by the rules that price single backbones, and then looked up for whole arrays. Points with links are priced
one by one, and so are prices that 64 bits might not hold.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from sparx_dsl.language.base import KindOptions, NormName
from sparx_dsl.language.models import InputOptions, LinkEdits
from sparx_dsl.language.roles import HeadOptions, StemOptions
from sparx_dsl.pricing.price import ZERO
from sparx_dsl.pricing.stage_cost import PartCost, Size, head_cost, map_size, opening_cost
from sparx_dsl.pricing.totals_by_stage import passing_by
from sparx_dsl.registry import default_registry
from sparx_dsl.search.batched.readers import Keys
from sparx_dsl.search.batched.rows import Picks
from sparx_dsl.search.batched.stages import StagePricer
from sparx_dsl.search.batched.sums import BEYOND, MACS, PARAMS, PricedLabels, Sums
from sparx_dsl.search.batched.tables import Column, Ids, Labels, Table
from sparx_dsl.search.bounds import Bound, Prices
from sparx_dsl.search.space import Space

CHUNK = 16_384
"""Points that are priced together, so that the arrays stay in the caches."""
MOST_KNOWN = 2**17
"""Points with links whose prices are remembered."""
ITEM_BYTES = 4
"""Prices of points are those for float32."""


@dataclass(frozen=True)
class BatchPrices:
    """The prices of many points, as integers of shape (points,): those of ``Space.prices`` for each.

    The arrays hold 64 bits, or Python's integers where one of the prices needs more.
    """

    params: NDArray[np.int64]
    macs: NDArray[np.int64]
    peak: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.params)

    def at(self, index: int) -> Prices:
        """The prices of one point."""
        return Prices(int(self.params[index]), int(self.macs[index]), int(self.peak[index]))

    def keeps(self, bounds: Sequence[Bound]) -> NDArray[np.bool_]:
        """Which points keep all bounds, shape (points,)."""
        kept = np.ones(len(self), dtype=np.bool_)
        for bound in bounds:
            amounts = {"params": self.params, "macs": self.macs, "peak": self.peak}[bound.measure]
            kept &= amounts >= (bound.least or 0)
            kept &= amounts <= (2**63 - 1 if bound.most is None else bound.most)
        return kept


class BatchPricer:
    """Prices whole arrays of points of one space; what it has worked out serves all later calls."""

    def __init__(self, space: Space) -> None:
        self._space, self._keys = space, Keys(space)
        keys = self._keys
        self._areas = Labels[Hashable]()
        ends, widths = keys.ends, keys.of_stage[0]["channels"].labels
        self._sizes = [
            Table([ends["input"].labels, ends["stem"].labels], _area_of(stage), self._areas)
            for stage in range(keys.stages)
        ]
        self._positions = Column(self._areas, lambda area: cast("Size", area)[0] * cast("Size", area)[1])
        self._channels = Column(widths, lambda width: cast("int", width))
        self._images = Column(ends["input"].labels, _image_numbers)
        self._tapped = Column(ends["head"].labels, lambda head: int(cast("HeadOptions", head).reads_all_stages))
        self._stem = _PartTable([ends["input"].labels, ends["stem"].labels, widths, self._areas], _stem)
        merges = ends["downsample"].labels
        self._downsample = _PartTable([merges, widths, widths, self._areas, self._areas], _downsample)
        norms = keys.slots["norm"].labels
        common = [ends["head"].labels, norms, ends["input"].labels]
        self._head = _PartTable([*common, widths, self._areas], _head)
        every = [*[widths] * keys.stages, *[self._areas] * keys.stages]
        self._tapping_head = _PartTable([*common, *every], _head)
        self._stages = [StagePricer(keys, stage, self._areas) for stage in range(1, keys.stages + 1)]
        self._links = Column(keys.links.labels, _has_links)
        self._no_downsample = merges.number(None)
        self._known: dict[bytes, Prices] = {}

    def __call__(self, picks: Picks) -> BatchPrices:
        """The prices of the points in the rows of ``picks``, which are points of the space."""
        chunks = [self._chunk(picks[start : start + CHUNK]) for start in range(0, len(picks), CHUNK)]
        none = np.zeros(0, dtype=np.int64)
        joined = [np.concatenate([none, *(chunk[column] for chunk in chunks)]) for column in range(3)]
        return BatchPrices(joined[0], joined[1], joined[2])

    def _chunk(self, picks: Picks) -> tuple[Ids, Ids, Ids]:
        sums = Sums(len(picks))
        self._add_stages(picks, sums)
        params, macs, peak = sums.column(PARAMS).copy(), sums.column(MACS).copy(), sums.peak * ITEM_BYTES
        alone = np.flatnonzero((sums.column(BEYOND) > 0) | self._linked(picks))
        found = [self._alone(picks[index]) for index in alone]
        if any(max(one.params, one.macs, one.peak) >= 2**63 for one in found):
            params, macs, peak = (column.astype(object) for column in (params, macs, peak))
        for index, one in zip(alone, found, strict=True):
            params[index], macs[index], peak[index] = one.params, one.macs, one.peak
        return params, macs, peak

    def _alone(self, row: Picks) -> Prices:
        """The prices of one point, by its schedule."""
        mark = row.tobytes()
        if mark not in self._known:
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            self._known[mark] = self._space.prices(self._space.point_at(row))
        return self._known[mark]

    def _linked(self, picks: Picks) -> NDArray[np.bool_]:
        """Which points have links."""
        linked = np.broadcast_to(self._links(self._keys.links(picks)) > 0, len(picks)).copy()
        for number, choice in enumerate(self._space.choices):
            adds = np.array([bool(one.links) for one in choice.alternatives] + [False])
            if adds.any():
                linked |= adds[picks[:, number]]  # OFF is -1, the last
        return linked

    def _add_stages(self, picks: Picks, sums: Sums) -> None:
        """Add every part, in order."""
        ends = {key: reader(picks) for key, reader in self._keys.ends.items()}
        widths = [read["channels"](picks) for read in self._keys.of_stage]
        areas = [size(ends["input"], ends["stem"]) for size in self._sizes]
        numbers = [self._channels(width) * self._positions(area) for width, area in zip(widths, areas, strict=True)]
        tapped = self._tapped(ends["head"])
        passing = passing_by(tapped, self._images(ends["input"]), numbers)
        for stage, (width, area, (opening, layers)) in enumerate(zip(widths, areas, passing, strict=True)):
            if stage == 0:
                held = self._stem.add(sums, ends["input"], ends["stem"], width, area)
            else:
                own = self._keys.of_stage[stage]["downsample"](picks)
                merge = np.where(own == self._no_downsample, ends["downsample"], own)
                held = self._downsample.add(sums, merge, widths[stage - 1], width, areas[stage - 1], area)
            sums.hold(held + opening)
            held = self._stages[stage](picks, width, area, self._positions(area), self._channels(width), sums)
            sums.hold(held + layers)
        common = ends["head"], self._keys.norm(picks), ends["input"]
        if tapped.any():
            sums.hold(self._tapping_head.add(sums, *common, *widths, *areas))
        else:
            sums.hold(self._head.add(sums, *common, widths[-1], areas[-1]))


class _PartTable:
    """A part of a backbone that depends on few labels."""

    def __init__(self, inputs: Sequence[Labels[Hashable]], make: Callable[..., Hashable]) -> None:
        self._table = Table(inputs, make)
        self._amounts = PricedLabels(self._table.labels, lambda part: cast("PartCost", part).price)
        self._peak = Column(self._table.labels, lambda part: cast("PartCost", part).peak)

    def add(self, sums: Sums, *ids: Ids) -> Ids:
        """Add what the part costs; gives the numbers that it holds, shape (points,)."""
        parts = self._table(*ids)
        sums.add(self._amounts, parts)
        return self._peak(parts)


def _area_of(stage: int) -> Callable[..., Hashable]:
    """The size of the maps of the stage at that 0-based position, for images and a stem."""

    def area(images: Hashable, stem: Hashable) -> Hashable:
        return map_size(cast("InputOptions", images).size, cast("StemOptions", stem).stride << stage)

    return area


def _image_numbers(images: Hashable) -> int:
    known = cast("InputOptions", images)
    return known.channels * known.size[0] * known.size[1]


def _has_links(links: Hashable) -> int:
    known = cast("LinkEdits", links)
    return int(bool(known.add or known.cut))


def _stem(images: Hashable, stem: Hashable, width: Hashable, area: Hashable) -> Hashable:
    given = cast("InputOptions", images)
    options = cast("KindOptions", stem)
    return opening_cost("stem", options, given.channels, cast("int", width), given.size, cast("Size", area))


def _downsample(options: Hashable, before: Hashable, width: Hashable, given: Hashable, area: Hashable) -> Hashable:
    return opening_cost(
        "downsample", cast("KindOptions", options), cast("int", before), cast("int", width), cast("Size", given),
        cast("Size", area),
    )  # fmt: skip


def _head(head: Hashable, norm: Hashable, images: Hashable, *stages: Hashable) -> Hashable:
    """The head behind stages of these widths, and then of these sizes."""
    options, given = cast("HeadOptions", head), cast("InputOptions", images)
    if not default_registry().of("head", options).runs:
        return PartCost(ZERO, 0, 0)
    widths, sizes = stages[: len(stages) // 2], stages[len(stages) // 2 :]
    return head_cost(
        options, cast("NormName | None", norm), cast("tuple[int, ...]", widths), cast("tuple[Size, ...]", sizes),
        (given.channels, *given.size),
    )  # fmt: skip
