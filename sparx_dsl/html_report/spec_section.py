"""The spec as it was extended, and what every stage is once defaults and levels are laid over each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sparx_dsl.graph import ConnectionGraph
from sparx_dsl.language.base import KindOptions
from sparx_dsl.language.models import NormPlace
from sparx_dsl.language.resolve import LayerSettings
from sparx_dsl.render.labels import number_set, stage_heading

PLACES: Final[Mapping[NormPlace, str]] = {"pre": "", "post": " behind mixer and FFN", "none": " within kinds alone"}
"""Where a layer's norms stand, if not in front."""


@dataclass(frozen=True, slots=True)
class ResolvedRow:
    """One stage with its resolved values, as text."""

    heading: str
    channels: int
    map_size: str
    depth: int
    stride: str
    ganglion: str
    window: str
    cross_stage: str
    intra: str
    layers: tuple[tuple[str, str], ...]
    """Which layers (``all``, ``1, 3``), and what they are made of."""


def resolved_rows(graph: ConnectionGraph, size: tuple[int, int]) -> tuple[ResolvedRow, ...]:
    """What every stage is, for images of ``size`` (height, width) in pixels."""
    return tuple(_row(graph, place, size) for place in range(1, len(graph.spec.stages) + 1))


def _row(graph: ConnectionGraph, place: int, size: tuple[int, int]) -> ResolvedRow:
    stage = graph.spec.resolved[place - 1]
    rule, layers = stage.rule, graph.layers(place)
    height, width = layers[0].map_size(size)
    groups: dict[LayerSettings, list[int]] = {}
    for number, settings in enumerate(stage.layers, start=1):
        groups.setdefault(settings, []).append(number)
    reads = bool(rule.ganglion)
    return ResolvedRow(
        stage_heading(graph, place), stage.channels, f"{height}×{width}", rule.depth,
        str(graph.spec.stages[place - 1].S or "–"),
        number_set(rule.ganglion) if reads else "none", str(rule.window) if reads else "–",
        rule.cross_stage if reads else "–", rule.intra.replace("_", " ") if reads else "–",
        tuple(
            ("all layers" if len(groups) == 1 else f"layers {number_set(tuple(numbers))}", settings_text(settings))
            for settings, numbers in groups.items()
        ),
    )  # fmt: skip


def settings_text(settings: LayerSettings) -> str:
    """A layer's settings in one line, every default written out."""
    scale = "none" if settings.layer_scale is None else f"{settings.layer_scale:g}"
    return "; ".join([
        f"DPE: {'yes' if settings.dpe else 'no'}", f"mixer: {_kind(settings.mixer)}",
        f"fusion: {_kind(settings.fusion)}", f"FFN: {_kind(settings.ffn)}",
        f"norm: {settings.norm}{PLACES[settings.norm_place]}", f"layer scale: {scale}",
    ])  # fmt: skip


def _kind(options: KindOptions) -> str:
    """A kind with its options, without those that came later than their kind and stand at their default."""
    fields = type(options).model_fields
    dumped = options.model_dump().items()
    values = {key: value for key, value in dumped if key not in options.later or value != fields[key].default}
    kind = values.pop("kind", "")
    given = ", ".join(f"{key} {_value(value)}" for key, value in values.items())
    return f"{kind} ({given})" if given else str(kind)


def _value(value: object) -> str:
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
