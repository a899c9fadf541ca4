"""One stage of many backbones at once: which layers there are, what each costs, and what is held meanwhile."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from sparx_dsl.language.resolve import LayerSettings, StageRule, rule_of, settings_of, stage_reduction
from sparx_dsl.language.roles import MixerOptions
from sparx_dsl.pricing.layer_cost import NO_LAYER, LayerCost, layer_cost, runs_ffn
from sparx_dsl.pricing.stage_shape import StageShape, features_read, stage_shape
from sparx_dsl.search.batched.readers import Keys
from sparx_dsl.search.batched.rows import Picks
from sparx_dsl.search.batched.sums import PricedLabels, Sums
from sparx_dsl.search.batched.tables import Column, Ids, Labels, Table
from sparx_dsl.search.readings import INVALID, SLOTS
from sparx_dsl.search.rules import PLACEMENT

Size = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Flags:
    """Which layers of a stage have a DPE and an FFN, in order."""

    dpe: tuple[bool, ...] = ()
    ffn: tuple[bool, ...] = ()


class StagePricer:
    """Prices the layers of the stage at a position (from 1) for whole arrays of points."""

    def __init__(self, keys: Keys, position: int, areas: Labels[Hashable]) -> None:
        self._keys, self._position, self._areas = keys, position, areas
        self._deepest = keys.deepest[position - 1]
        self._read = keys.of_stage[position - 1]
        self._rules = Table([self._read[key].labels for key in PLACEMENT], _rule)
        self._settings = Table([keys.slots[slot].labels for slot in SLOTS], _settings, Labels[Hashable]([None]))
        flags = Labels[Hashable]([Flags()])
        self._flags = Table([flags, self._settings.labels], _flagged, flags)
        self._shapes = Table([self._rules.labels, flags], _shape)
        self._depth = Column(self._rules.labels, lambda rule: cast("StageRule", rule).depth)
        self._layers = [_LayerPricer(self._tables(), number) for number in range(1, self._deepest + 1)]

    def __call__(self, picks: Picks, width: Ids, area: Ids, positions: Ids, channels: Ids, sums: Sums) -> Ids:
        """Add what the layers cost; gives the most numbers that the stage holds, shape (points,).

        ``width`` and ``area`` are labels, ``positions`` and ``channels`` the numbers that they stand for.
        """
        rule = self._rules(*(self._read[key](picks) for key in PLACEMENT))
        depth, flags = self._depth(rule), np.zeros((), dtype=np.int64)
        fused: list[Ids] = []
        for number, layer in enumerate(self._layers, start=1):
            given = self._settings(*(self._keys.slots[slot](picks, self._position, number) for slot in SLOTS))
            settings = np.where(number <= depth, given, 0)
            flags = self._flags(flags, settings)
            fused.append(layer.add(settings, width, rule, area, sums))
        shape, most = self._shapes(rule, flags), np.zeros((), dtype=np.int64)
        for layer, beside in zip(self._layers, fused, strict=True):
            most = np.maximum(most, layer.held(shape) * channels)
            most = np.maximum(most, layer.beside_fusion(shape) * channels + beside)
        return most * positions

    def _tables(self) -> _Tables:
        counts = Labels[Hashable](range(self._deepest + 2))
        reduction = stage_reduction(self._keys.stages, self._position - 1)
        return _Tables(
            self._settings.labels, self._read["channels"].labels, counts, self._areas, self._rules.labels,
            self._shapes.labels, reduction,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Tables:
    """The labels on which the price of a layer depends."""

    settings: Labels[Hashable]
    widths: Labels[Hashable]
    counts: Labels[Hashable]
    """How many features a layer reads: each number is its own label."""
    areas: Labels[Hashable]
    rules: Labels[Hashable]
    shapes: Labels[Hashable]
    reduction: int


class _LayerPricer:
    """Prices the layer of one number."""

    def __init__(self, tables: _Tables, number: int) -> None:
        def cost(settings: Hashable, width: Hashable, features: Hashable, area: Hashable) -> Hashable:
            return _cost(settings, width, number, features, tables.reduction, area)

        def features(rule: Hashable) -> int:
            known = features_read(cast("StageRule", rule))
            return known[number - 1] if number <= len(known) else 0

        self._costs = Table([tables.settings, tables.widths, tables.counts, tables.areas], cost)
        self._features = Column(tables.rules, features)
        self._prices = PricedLabels(self._costs.labels, lambda layer: cast("LayerCost", layer).price)
        self._fused = Column(self._costs.labels, lambda layer: cast("LayerCost", layer).fused)
        self.held = Column(tables.shapes, lambda shape: _at(cast("StageShape", shape).held, number))
        self.beside_fusion = Column(tables.shapes, lambda shape: _at(cast("StageShape", shape).beside_fusion, number))

    def add(self, settings: Ids, width: Ids, rule: Ids, area: Ids, sums: Sums) -> Ids:
        """Add what the layer costs; gives the channels of its fusion's result, shape (points,)."""
        layer = self._costs(settings, width, self._features(rule), area)
        sums.add(self._prices, layer)
        return self._fused(layer)


def _rule(*keys: Hashable) -> Hashable:
    """The rule that the values of ``PLACEMENT`` make."""
    return rule_of(*cast("tuple[Any, Any, Any, Any, Any, Any]", keys))


def _settings(*slots: Hashable) -> Hashable:
    """The settings that the values of ``SLOTS`` make; None for values that belong to no layer."""
    given = dict(zip(SLOTS, slots, strict=True))
    if not isinstance(given["mixer"], MixerOptions) or INVALID in given.values():
        return None
    return settings_of(cast("dict[str, object]", given))


def _flagged(flags: Hashable, settings: Hashable) -> Hashable:
    """The flags with those of one layer more; the same where that is not there."""
    known = cast("Flags", flags)
    if not isinstance(settings, LayerSettings):
        return known
    return Flags((*known.dpe, settings.dpe), (*known.ffn, runs_ffn(settings)))


def _shape(rule: Hashable, flags: Hashable) -> Hashable:
    known = cast("Flags", flags)
    return stage_shape(cast("StageRule", rule), known.dpe, known.ffn)


def _cost(
    settings: Hashable, width: Hashable, number: int, features: Hashable, reduction: int, area: Hashable
) -> Hashable:
    """What a layer with these settings costs; nothing where there is none."""
    if not isinstance(settings, LayerSettings):
        return NO_LAYER
    return layer_cost(settings, cast("int", width), number, cast("int", features), reduction, *cast("Size", area))


def _at(numbers: tuple[int, ...], layer: int) -> int:
    return numbers[layer - 1] if layer <= len(numbers) else 0
