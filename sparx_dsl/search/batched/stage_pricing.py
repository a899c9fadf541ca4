"""One stage of many backbones at once: which layers there are, what each costs, and what is held meanwhile."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sparx_dsl.language.resolve import SLOTS, LayerSettings, StageRule, rule_of, settings_of
from sparx_dsl.language.roles import DownsampleOptions
from sparx_dsl.pricing.layer_cost import NO_LAYER, LayerCost, layer_cost, runs_ffn
from sparx_dsl.pricing.stage_cost import Size
from sparx_dsl.pricing.stage_shape import StageShape, features_read, stage_shape
from sparx_dsl.search.batched.lookup import Ids, LabelNumbers, Labels, LookupTable
from sparx_dsl.search.batched.point_rows import ChoiceColumns
from sparx_dsl.search.batched.spec_columns import SpecColumns
from sparx_dsl.search.batched.sums import Sums, amounts_of
from sparx_dsl.search.constraints.stage_constraints import PLACEMENT
from sparx_dsl.search.space.spec_keys import INVALID

Flags = tuple[tuple[bool, ...], tuple[bool, ...], bool]
"""Which layers of a stage have a DPE, and which an FFN, in order; and whether a norm ends the stage."""


class StagePricer:
    """Prices the layers of the stage at a position (from 1) for whole arrays of points."""

    def __init__(self, spec: SpecColumns, position: int, areas: Labels[Size]) -> None:
        self._spec, self._position = spec, position
        self._placement = [spec.at("stages", position, key) for key in PLACEMENT]
        self._rules: LookupTable[StageRule] = LookupTable([key.labels for key in self._placement], rule_of)
        self._depth = LabelNumbers(self._rules.labels, lambda rule: rule.depth)
        self._end_norm, ends = spec.at("stages", position, "end_norm"), Labels([False, True])
        self._ends = LookupTable([self._end_norm.labels, ends], _ends_with_norm, ends)
        slots = [spec.labels(slot) for slot in SLOTS]
        self._settings = LookupTable([*slots, ends], _settings, Labels([None]))
        flags: Labels[Flags] = Labels([((), (), False)])
        self._flags = LookupTable([flags, self._settings.labels], _with_layer, flags)
        self._shapes = LookupTable([self._rules.labels, flags], _shape)
        deepest = spec.keys.deepest(position)
        tables = _Tables(
            self._settings.labels, spec.widths, Labels(range(deepest + 2)), areas, self._rules.labels,
            self._shapes.labels, Labels(),
        )  # fmt: skip
        behind = [spec.labels("downsample")] * (spec.keys.stages - position)
        self._reduction = LookupTable(behind, _reduction, tables.reductions)
        self._layers = [_LayerPricer(tables, number) for number in range(1, deepest + 1)]

    def __call__(
        self,
        columns: ChoiceColumns,
        width: Ids,
        area: Ids,
        positions: Ids,
        channels: Ids,
        downsamples: Sequence[Ids],
        sums: Sums,
    ) -> Ids:
        """Add what the layers cost; gives the most elements that the stage holds, shape (points,).

        ``width`` and ``area`` are labels, ``positions`` and ``channels`` the numbers that they stand for;
        ``downsamples`` the labels of the downsamplings behind the stage.
        """
        reduction = self._reduction(*downsamples)
        rule = self._rules(*(key(columns) for key in self._placement))
        depth, flags = self._depth(rule), np.zeros((), dtype=np.int64)
        fused: list[Ids] = []
        for number, layer in enumerate(self._layers, start=1):
            ends = self._ends(self._end_norm(columns), np.asarray(number == depth, dtype=np.int64))
            given = self._settings(*(self._slot(columns, number, slot) for slot in SLOTS), ends)
            settings = np.where(number <= depth, given, 0)
            flags = self._flags(flags, settings)
            fused.append(layer.add(settings, width, rule, area, reduction, sums))
        shape, most = self._shapes(rule, flags), np.zeros((), dtype=np.int64)
        for layer, beside in zip(self._layers, fused, strict=True):
            most = np.maximum(most, layer.held(shape) * channels)
            most = np.maximum(most, layer.beside_fusion(shape) * channels + beside)
        return most * positions

    def _slot(self, columns: ChoiceColumns, layer: int, slot: str) -> Ids:
        stage = ("stages", self._position)
        return self._spec.narrowest(columns, (*stage, "layers", layer, slot), (*stage, "layer", slot), ("layer", slot))


@dataclass(frozen=True, slots=True)
class _Tables:
    """The labels on which the price of a layer depends."""

    settings: Labels[LayerSettings | None]
    widths: Labels[int]
    counts: Labels[int]
    """How many features a layer reads: each number is its own label."""
    areas: Labels[Size]
    rules: Labels[StageRule]
    shapes: Labels[StageShape]
    reductions: Labels[int]
    """The side of the stage's maps over that of the last stage's."""


class _LayerPricer:
    """Prices the layer of one number."""

    def __init__(self, tables: _Tables, number: int) -> None:
        def cost(settings: LayerSettings | None, width: int, features: int, area: Size, reduction: int) -> LayerCost:
            if settings is None:
                return NO_LAYER
            return layer_cost(settings, width, number, features, reduction, *area)

        def own(numbers: tuple[int, ...]) -> int:
            return numbers[number - 1] if number <= len(numbers) else 0

        inputs = tables.settings, tables.widths, tables.counts, tables.areas, tables.reductions
        self._costs = LookupTable(inputs, cost)
        self._features = LabelNumbers(tables.rules, lambda rule: own(features_read(rule)))
        self._amounts = LabelNumbers(self._costs.labels, lambda layer: amounts_of(layer.price))
        self._fused = LabelNumbers(self._costs.labels, lambda layer: layer.fused)
        self.held = LabelNumbers(tables.shapes, lambda shape: own(shape.held))
        self.beside_fusion = LabelNumbers(tables.shapes, lambda shape: own(shape.beside_fusion))

    def add(self, settings: Ids, width: Ids, rule: Ids, area: Ids, reduction: Ids, sums: Sums) -> Ids:
        """Add what the layer costs; gives the channels of its fusion's result, shape (points,)."""
        layer = self._costs(settings, width, self._features(rule), area, reduction)
        sums.add(self._amounts(layer))
        return self._fused(layer)


def _settings(*given: object) -> LayerSettings | None:
    """The settings that the values of ``SLOTS`` make, and whether the layer ends its stage with a norm.

    None for values that belong to no layer.
    """
    *slots, end_norm = given
    values: dict[str, object] = dict(zip(SLOTS, slots, strict=True))
    return None if values["mixer"] is None or INVALID in slots else settings_of(values, end_norm=bool(end_norm))


def _ends_with_norm(given: object, last: bool) -> bool:
    """Whether a layer ends its stage with a norm, by the stage's key and whether it is the last one."""
    return given is True and last


def _reduction(*downsamples: DownsampleOptions) -> int:
    return math.prod(each.total_stride for each in downsamples)


def _with_layer(flags: Flags, settings: LayerSettings | None) -> Flags:
    """The flags with those of one layer more; the same where that is not there."""
    if settings is None:
        return flags
    return (*flags[0], settings.dpe), (*flags[1], runs_ffn(settings)), settings.end_norm


def _shape(rule: StageRule, flags: Flags) -> StageShape:
    return stage_shape(rule, *flags)
