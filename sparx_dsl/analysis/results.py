"""Analyses as tables and as pictures like the paper's Figures 4 and 5."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

import torch
from torch import Tensor

from sparx_dsl.analysis.receptive_field import ReceptiveField
from sparx_dsl.analysis.similarity import ComparedLayer, LayerSimilarity
from sparx_dsl.render.heat_maps import HeatMap, Scale, save_heat_maps
from sparx_dsl.render.listing import Field, Line, Listing, Table, Value

PARTS: Final = (0.2, 0.3, 0.5, 0.99)
"""The parts of all contributions whose areas are listed: those of RepLKNet's table."""
DECADES = 3
"""Over how many powers of ten a picture shows contributions, below the largest."""


def receptive_field_listing(fields: Sequence[Sequence[ReceptiveField]], facts: Mapping[str, Any]) -> Listing:
    """The receptive fields of models, each of its stages: a row for each; with facts about how they came about."""
    columns = (
        Field("model", "Model"), Field("stage", "Stage", number=True),
        *(Field(f"area_{part * 100:.0f}", f"{part:.0%}", _percent, True) for part in PARTS),
    )  # fmt: skip
    rows = tuple(
        (one.model, one.stage, *(_known(one.area(part)) for part in PARTS)) for several in fields for one in several
    )
    table = Table("stages", columns, rows)
    images = fields[0][0].images if fields and fields[0] else 0
    heading = "How much of the image the smallest centred square takes that has this part of all contributions;"
    lines = Line(heading), Line(f"{images} images of {_pixels(facts)} pixels"), *_notes(facts)
    return Listing("sparx.analyze_erf", {**facts, "images": images}, (table,), (*lines[:2], table, *lines[2:]))


def similarity_listing(similarity: LayerSimilarity, facts: Mapping[str, Any]) -> Listing:
    """The similarity of all pairs of layers as values; as text, the means within and between backbones."""
    layers, values = similarity.layers, similarity.values
    keys = ("model", "layer", "other_model", "other_layer")
    columns = (*(Field(key, key) for key in keys), Field("similarity", "similarity", _fixed, True))
    pairs = tuple(
        (layers[i].name, layers[i].layer, layers[j].name, layers[j].layer, _known(float(values[i, j])))
        for i in range(len(layers)) for j in range(i + 1, len(layers))
    )  # fmt: skip
    table = Table("pairs", columns, pairs)
    means = _means(similarity)
    facts = {**facts, "images": similarity.images}
    heading = f"Centred kernel alignment of mixer outputs, {similarity.images} images of {_pixels(facts)} pixels"
    return Listing("sparx.analyze_cka", facts, (table, means), (Line(heading), means, *map(Line, _notes_text(facts))))


def receptive_field_picture(fields: Sequence[Sequence[ReceptiveField]], path: str | os.PathLike[str]) -> None:
    """Draw receptive fields to a .svg, .pdf or .png file: a row for each model, a column for each stage.

    Brightness is logarithmic, over three powers of ten below the largest contribution. Raises ``SparxError``.
    """
    rows = [[HeatMap(f"{one.model}, stage {one.stage}", _logarithmic(one.scores)) for one in each] for each in fields]
    save_heat_maps(rows, Scale("contribution (logarithmic)", 0, 1, "viridis"), path)


def similarity_picture(similarity: LayerSimilarity, path: str | os.PathLike[str]) -> None:
    """Draw similarities to a .svg, .pdf or .png file: each model against each, its layers from the first upwards.

    Raises ``SparxError``.
    """
    models = _models(similarity)
    rows = [
        [
            HeatMap(
                left if row == column else f"{left} × {below}", _list(similarity.between(row, column)),
                _stages(similarity, column), _stages(similarity, row),
            )
            for column, below in models.items()
        ]
        for row, left in models.items()
    ]  # fmt: skip
    save_heat_maps(rows, Scale("CKA", 0, 1, "magma", upwards=True), path)


def _means(similarity: LayerSimilarity) -> Table:
    """Mean similarity between different layers of two backbones, and of a layer and the one behind it."""
    columns = (
        Field("model", "Model"), Field("other_model", "Other"), Field("layers", "Layers", number=True),
        Field("mean", "Mean", _fixed, True), Field("neighbours", "Next layer", _fixed, True),
    )  # fmt: skip
    models = _models(similarity)
    rows: list[tuple[Value, ...]] = []
    for first, name in models.items():
        for second, other in models.items():
            if second < first:
                continue
            block = similarity.between(first, second)
            same = first == second
            different = block[~torch.eye(len(block), dtype=torch.bool)] if same else block.flatten()
            following = block.diagonal(1).mean().item() if same and len(block) > 1 else math.nan
            mean = different.mean().item() if different.numel() else math.nan
            rows.append((name, other, len(block), _known(mean), _known(following)))
    return Table("means", columns, tuple(rows))


def _models(similarity: LayerSimilarity) -> dict[int, str]:
    return {layer.model: layer.name for layer in similarity.layers}


def _stages(similarity: LayerSimilarity, model: int) -> tuple[tuple[float, str], ...]:
    """Where the stages of a backbone begin among its layers, each with its name."""
    layers: list[ComparedLayer] = [layer for layer in similarity.layers if layer.model == model]
    firsts: dict[str, float] = {}
    for place, layer in enumerate(layers):
        firsts.setdefault(layer.layer.rpartition(".")[0], place)
    return tuple((at, name.removeprefix("stage")) for name, at in firsts.items())


def _logarithmic(scores: Tensor) -> list[list[float]]:
    """(height, width) between 0, for a thousandth of the largest and less, and 1 for the largest."""
    largest = float(scores.max()) or 1.0
    return _list((scores / largest).clamp(min=10.0**-DECADES).log10() / DECADES + 1)


def _list(values: Tensor) -> list[list[float]]:
    return cast("list[list[float]]", values.tolist())  # pyright: ignore[reportUnknownMemberType]


def _pixels(facts: Mapping[str, Any]) -> str:
    return "×".join(map(str, facts["size"]))


def _notes(facts: Mapping[str, Any]) -> tuple[Line, ...]:
    return tuple(map(Line, _notes_text(facts)))


def _notes_text(facts: Mapping[str, Any]) -> list[str]:
    """What a reader must know of the weights."""
    drawn = [one["name"] for one in facts["models"] if one["weights"] is None]
    return [f"The weights of {', '.join(drawn)} are freshly drawn; --weights names files of others."] if drawn else []


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _percent(value: float) -> str:
    return f"{value:.1%}"


def _fixed(value: float) -> str:
    return f"{value:.3f}"
