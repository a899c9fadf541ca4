"""Prices of thousands of points at once, equal to those of the single ones.

What the stages of a backbone cost, they cost by themselves (see ``pricing.totals_by_stage``), and a layer's price
depends on little: its settings, its width, how many features it reads, the size of its map. Each of these is
computed once, by the rules that price single backbones, and then looked up for whole arrays. Points with links are
priced one by one, and so are prices that 64 bits might not hold, and all points of a space whose constraints are not
all in tables.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparx_dsl.language.base import KindOptions, NormName, Site
from sparx_dsl.language.dtypes import ITEM_BYTES
from sparx_dsl.language.models import InputOptions
from sparx_dsl.language.roles import DownsampleOptions, HeadOptions, StemOptions
from sparx_dsl.language.shrinking import shrunk
from sparx_dsl.language.strides import shrinkings_behind
from sparx_dsl.pricing.price import ZERO
from sparx_dsl.pricing.stage_cost import PartCost, Size, head_cost, opening_cost
from sparx_dsl.pricing.totals_by_stage import passing_by
from sparx_dsl.registry import default_registry
from sparx_dsl.search.batched.lookup import Ids, LabelNumbers, Labels, LookupTable
from sparx_dsl.search.batched.point_rows import ChoiceColumns, PointRows, chunks
from sparx_dsl.search.batched.spec_columns import SpecColumns
from sparx_dsl.search.batched.stage_pricing import StagePricer
from sparx_dsl.search.batched.sums import BEYOND, MACS, PARAMS, Sums, amounts_of
from sparx_dsl.search.space.bounds import Bound, Prices
from sparx_dsl.search.space_model import SpaceModel

MOST_KNOWN = 2**17
"""Points with links whose prices are remembered."""


@dataclass(frozen=True)
class BatchPrices:
    """The prices of many points, as integers of shape (points,): those of ``Space.prices`` for each.

    Parameters, MACs for one image, and the peak in bytes. The arrays hold 64 bits, or Python's integers where one of
    the prices needs more.
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
        """Which points satisfy all bounds, shape (points,)."""
        kept = np.ones(len(self), dtype=np.bool_)
        for bound in bounds:
            amounts = {"params": self.params, "macs": self.macs, "peak": self.peak}[bound.measure]
            kept &= amounts >= (bound.least or 0)
            kept &= amounts <= (2**63 - 1 if bound.most is None else bound.most)
        return kept


class BatchPricer:
    """Prices whole arrays of points of one space; what it has computed serves all later calls."""

    def __init__(self, space: SpaceModel) -> None:
        self._space, self._spec = space, SpecColumns(space)
        spec, stages = self._spec, range(1, self._spec.keys.stages + 1)
        self._images, self._stem, self._head = (spec.at(key) for key in ("input", "stem", "head"))
        self._widths = [spec.at("stages", stage, "channels") for stage in stages]
        areas: Labels[Size] = Labels()
        images, stem, head, widths = self._images.labels, self._stem.labels, self._head.labels, spec.widths
        downsamples = spec.labels("downsample")
        self._areas = [
            LookupTable([images, stem, *[downsamples] * stage], _area, areas) for stage in range(len(stages))
        ]
        self._positions = LabelNumbers(areas, lambda area: area[0] * area[1])
        self._channels = LabelNumbers(widths, int)
        self._elements = LabelNumbers(images, lambda images: images.channels * images.size[0] * images.size[1])
        self._tapped = LabelNumbers(head, lambda head: int(head.reads_all_stages))
        self._stems = _PartPricer([images, stem, widths, areas], _stem_cost)
        self._downsamples = _PartPricer([downsamples, widths, widths, areas, areas], _downsample_cost)
        behind = [head, spec.labels("norm"), images]
        self._heads = _PartPricer([*behind, widths, areas], _head_cost)
        self._tapping_heads = _PartPricer([*behind, *[widths] * len(stages), *[areas] * len(stages)], _head_cost)
        self._stages = [StagePricer(spec, stage, areas) for stage in stages]
        self._opens = LabelNumbers(downsamples, _runs)
        self._has_links = LabelNumbers(spec.at("links").labels, lambda links: int(bool(links.add or links.cut)))
        self._known: dict[bytes, Prices] = {}

    def __call__(self, rows: PointRows) -> BatchPrices:
        """Parameters, MACs and peak bytes of the points in ``rows``, (points, choices), all of them of the space."""
        priced = [self._chunk(rows[part], columns) for part, columns in chunks(rows)]
        none = np.zeros(0, dtype=np.int64)
        return BatchPrices(*(np.concatenate([none, *(amounts[place] for amounts in priced)]) for place in range(3)))

    def _chunk(self, rows: PointRows, columns: ChoiceColumns) -> tuple[Ids, Ids, Ids]:
        sums = Sums(len(rows))
        if self._space.exact:
            self._add_parts(columns, sums)
        amounts = sums.amounts[:, PARAMS].copy(), sums.amounts[:, MACS].copy(), sums.peak * ITEM_BYTES["float32"]
        by_schedule = self._linked(columns) | self._shared(columns)
        alone = np.flatnonzero((sums.amounts[:, BEYOND] > 0) | by_schedule | (not self._space.exact))
        found = [self._alone(rows[index]) for index in alone]
        if any(max(one.params, one.macs, one.peak) >= 2**63 for one in found):
            amounts = amounts[0].astype(object), amounts[1].astype(object), amounts[2].astype(object)
        for index, one in zip(alone, found, strict=True):
            amounts[0][index], amounts[1][index], amounts[2][index] = one.params, one.macs, one.peak
        return amounts

    def _alone(self, row: PointRows) -> Prices:
        """The prices of one point, by its schedule."""
        mark = row.tobytes()
        if mark not in self._known:
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            picks = {number: int(value) for number, value in enumerate(row)}
            self._known[mark] = self._space.prices(self._space.point_of_picks(picks))
        return self._known[mark]

    def _linked(self, columns: ChoiceColumns) -> NDArray[np.bool_]:
        """Which points have links."""
        linked = np.broadcast_to(self._has_links(self._spec.at("links")(columns)) > 0, columns.shape[1]).copy()
        for number, choice in enumerate(self._space.choices):
            if choice.has_links:
                linked |= np.array([False, *(bool(one.links) for one in choice.alternatives)])[columns[number]]
        return linked

    def _shared(self, columns: ChoiceColumns) -> NDArray[np.bool_]:
        """Which points have a head that reads a map which the next stage takes as it is: it is held once for both."""
        shared = np.zeros(columns.shape[1], dtype=np.bool_)
        for downsample in self._downsamplings(columns):
            shared |= self._opens(downsample) == 0
        return shared & (self._tapped(self._head(columns)) > 0)

    def _downsamplings(self, columns: ChoiceColumns) -> list[Ids]:
        """The labels of the downsampling in front of each stage but the first."""
        stages = range(2, len(self._widths) + 1)
        return [self._spec.narrowest(columns, ("stages", n, "downsample"), ("downsample",)) for n in stages]

    def _add_parts(self, columns: ChoiceColumns, sums: Sums) -> None:
        """Add every part of the backbones, in order."""
        images, stem, head = self._images(columns), self._stem(columns), self._head(columns)
        widths = [width(columns) for width in self._widths]
        downsamples = self._downsamplings(columns)
        areas = [area(images, stem, *downsamples[:stage]) for stage, area in enumerate(self._areas)]
        channels, positions = [self._channels(width) for width in widths], [self._positions(area) for area in areas]
        maps = [wide * size for wide, size in zip(channels, positions, strict=True)]
        tapped = self._tapped(head)
        for index, (opening, layers) in enumerate(passing_by(tapped, self._elements(images), maps)):
            width, area = widths[index], areas[index]
            if index == 0:
                held = self._stems.add(sums, images, stem, width, area)
            else:
                held = self._downsamples.add(
                    sums, downsamples[index - 1], widths[index - 1], width, areas[index - 1], area
                )
            sums.hold(held + opening)
            held = self._stages[index](
                columns, width, area, positions[index], channels[index], downsamples[index:], sums
            )
            sums.hold(held + layers)
        behind = head, self._spec.at("layer", "norm")(columns), images
        if tapped.any():
            sums.hold(self._tapping_heads.add(sums, *behind, *widths, *areas))
        else:
            sums.hold(self._heads.add(sums, *behind, widths[-1], areas[-1]))


class _PartPricer:
    """Prices a part of a backbone that depends on few labels."""

    def __init__(self, inputs: Sequence[Labels[Any]], cost: Callable[..., PartCost]) -> None:
        self._costs = LookupTable(inputs, cost)
        self._amounts = LabelNumbers(self._costs.labels, lambda part: amounts_of(part.price))
        self._peak = LabelNumbers(self._costs.labels, lambda part: part.peak)

    def add(self, sums: Sums, *ids: Ids) -> Ids:
        """Add what the part costs; gives the elements that it holds, shape (points,)."""
        parts = self._costs(*ids)
        sums.add(self._amounts(parts))
        return self._peak(parts)


def _area(images: InputOptions, stem: StemOptions, *downsamples: DownsampleOptions) -> Size:
    """The size of the maps behind that stem and these downsamplings."""
    return shrunk(images.size, shrinkings_behind(stem, *downsamples))


def _runs(downsample: KindOptions | None) -> int:
    return int(downsample is not None and default_registry().of("downsample", downsample).runs)


def _stem_cost(images: InputOptions, stem: KindOptions, width: int, area: Size) -> PartCost:
    return opening_cost("stem", stem, Site(images.channels, width, image=images.size), images.size, area)


def _downsample_cost(downsample: KindOptions, before: int, width: int, given: Size, area: Size) -> PartCost:
    if not _runs(downsample):
        return PartCost(ZERO, 0, 0)
    return opening_cost("downsample", downsample, Site(before, width), given, area)


def _head_cost(head: HeadOptions, norm: NormName | None, images: InputOptions, *stages: Any) -> PartCost:
    """The head behind stages of these widths, and then of these sizes."""
    if not default_registry().of("head", head).runs:
        return PartCost(ZERO, 0, 0)
    widths, sizes = stages[: len(stages) // 2], stages[len(stages) // 2 :]
    return head_cost(head, norm, widths, sizes, (images.channels, *images.size))
