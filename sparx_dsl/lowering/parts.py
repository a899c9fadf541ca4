"""The torch module of every step: one function for each part of a node."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import nn

from sparx_dsl.graph import Node
from sparx_dsl.language.shrinking import between
from sparx_dsl.lowering.kind_modules import checked_builder, compare_parameters
from sparx_dsl.nn import layer
from sparx_dsl.nn.init import Factory
from sparx_dsl.nn.layer_scale import Scale, make_layer_scale
from sparx_dsl.nn.norm import make_norm
from sparx_dsl.schedule import Run, Schedule
from sparx_dsl.schedule.step import Part


@dataclass(frozen=True, slots=True)
class Place:
    """One step to build a module for: its schedule, its node, and where its parameters go."""

    schedule: Schedule
    node: Node
    run: Run
    factory: Factory

    def builder(self) -> layer.Builder:
        """The builder of the step's kind."""
        return checked_builder(self.schedule, self.run)


def build_parts(
    schedule: Schedule, *, device: torch.device | str | None = None, dtype: torch.dtype | None = None
) -> dict[str, nn.Module]:
    """The module of every step of a schedule, by its path, in the order in which they run.

    Raises ``SparxError`` for a kind whose module cannot be made (SPX409), has other parameters than its cost says
    (SPX410), or gives something else than was planned (SPX411).
    """
    factory: Factory = {"device": device, "dtype": dtype}
    runs = [step for step in schedule.steps if isinstance(step, Run)]
    places = [Place(schedule, schedule.graph.node(run.node), run, factory) for run in runs]
    parts: dict[str, nn.Module] = {}
    for place in places:
        parts[place.run.module] = module = BUILDERS[place.run.part](place)
        compare_parameters(schedule, place.run, module)
    return parts


def _end(place: Place) -> nn.Module:
    node = place.node
    assert node.options is not None
    return place.builder()(node.options, node.site, **place.factory)


def _link(place: Place) -> nn.Module:
    source = place.schedule.graph.node(place.run.inputs[0])
    shrinkings = between(source.shrinkings, place.node.shrinkings)
    return layer.LinkAdapter(source.channels, place.node.channels, shrinkings, **place.factory)


def _dpe(place: Place) -> nn.Module:
    return layer.Dpe(place.node.channels, **place.factory)


def _fusion(place: Place) -> nn.Module:
    options = place.node.layer_settings.fusion
    return layer.fusing(options, place.node.site, place.builder(), **place.factory)


def _scale(place: Place) -> Scale:
    settings = place.node.layer_settings
    return make_layer_scale(place.node.channels, settings.layer_scale, settings.layer_scale_on, **place.factory)


def _mixer(place: Place) -> nn.Module:
    node = place.node
    make = layer.ganglion_mixing if node.ganglion else layer.normal_mixing
    mixer = node.layer_settings.mixer
    return make(mixer, node.site, place.builder(), _scale(place), node.drop_path, **place.factory)


def _ffn(place: Place) -> nn.Module:
    node = place.node
    return layer.feeding(
        node.layer_settings.ffn, node.site, place.builder(), _scale(place), node.drop_path, **place.factory
    )


def _norm(place: Place) -> nn.Module:
    site = place.node.site
    return make_norm(site.norm, place.node.channels, site.eps, **place.factory)


BUILDERS: Mapping[Part, Callable[[Place], nn.Module]] = {
    "stem": _end,
    "downsample": _end,
    "head": _end,
    "link": _link,
    "dpe": _dpe,
    "fusion": _fusion,
    "mixer": _mixer,
    "ffn": _ffn,
    "norm": _norm,
}
"""How to make the module of each part."""
