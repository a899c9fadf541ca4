"""The torch module of every step: one function for each part of a node."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import nn

from sparx_dsl.graph import Node
from sparx_dsl.nn import layer
from sparx_dsl.nn.init import Factory
from sparx_dsl.schedule import Run, Schedule
from sparx_dsl.spec import default_registry


@dataclass(frozen=True, slots=True)
class Place:
    """One step to build a module for: its schedule, its node, and where its parameters go."""

    schedule: Schedule
    node: Node
    run: Run
    factory: Factory


def build_parts(schedule: Schedule, *, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> dict[str, nn.Module]:
    """The module of every step of a schedule, by its path."""
    factory: Factory = {"device": device, "dtype": dtype}
    runs = [step for step in schedule.steps if isinstance(step, Run)]
    places = [Place(schedule, schedule.graph.node(run.node), run, factory) for run in runs]
    return {place.run.module: BUILDERS[place.run.part](place) for place in places}


def _end(place: Place) -> nn.Module:
    node = place.node
    assert node.options is not None and node.role != "layer"
    module: nn.Module = default_registry().of(node.role, node.options).load_builder()(node.options, node.site, **place.factory)
    return module


def _link(place: Place) -> nn.Module:
    source = place.schedule.graph.node(place.run.inputs[0])
    return layer.LinkAdapter(source.channels, place.node.channels, place.node.stride // source.stride, **place.factory)


def _dpe(place: Place) -> nn.Module:
    return layer.Dpe(place.node.channels, **place.factory)


def _fusion(place: Place) -> nn.Module:
    options = place.node.layer_settings.fusion
    return layer.fusing(options, place.node.site, default_registry().of("fusion", options).load_builder(), **place.factory)


def _mixer(place: Place) -> nn.Module:
    settings = place.node.layer_settings
    make = layer.ganglion_mixing if place.node.ganglion else layer.normal_mixing
    build = default_registry().of("mixer", settings.mixer).load_builder()
    return make(settings.mixer, place.node.site, build, layer_scale=settings.layer_scale, drop_path=settings.drop_path, **place.factory)


def _ffn(place: Place) -> nn.Module:
    settings = place.node.layer_settings
    build = default_registry().of("ffn", settings.ffn).load_builder()
    return layer.feeding(settings.ffn, place.node.site, build, layer_scale=settings.layer_scale, drop_path=settings.drop_path, **place.factory)


BUILDERS: Mapping[str, Callable[[Place], nn.Module]] = {
    "stem": _end, "downsample": _end, "head": _end, "link": _link,
    "dpe": _dpe, "fusion": _fusion, "mixer": _mixer, "ffn": _ffn,
}  # fmt: skip
