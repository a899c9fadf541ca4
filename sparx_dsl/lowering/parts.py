"""The torch module of every step: one function for each part of a node."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import nn

from sparx_dsl.graph import Node
from sparx_dsl.kind import load
from sparx_dsl.language.base import KindOptions
from sparx_dsl.language.roles import Role
from sparx_dsl.nn import layer
from sparx_dsl.nn.init import Factory
from sparx_dsl.registry import default_registry
from sparx_dsl.schedule import Run, Schedule
from sparx_dsl.schedule.step import Part


@dataclass(frozen=True, slots=True)
class Place:
    """One step to build a module for: its schedule, its node, and where its parameters go."""

    schedule: Schedule
    node: Node
    run: Run
    factory: Factory


def build_parts(
    schedule: Schedule, *, device: torch.device | str | None = None, dtype: torch.dtype | None = None
) -> dict[str, nn.Module]:
    """The module of every step of a schedule, by its path, in the order in which they run."""
    factory: Factory = {"device": device, "dtype": dtype}
    runs = [step for step in schedule.steps if isinstance(step, Run)]
    places = [Place(schedule, schedule.graph.node(run.node), run, factory) for run in runs]
    return {place.run.module: BUILDERS[place.run.part](place) for place in places}


def builder_of(role: Role, options: KindOptions) -> layer.Builder:
    """The builder of the kind to which these options belong."""
    builder: layer.Builder = load(default_registry().of(role, options).module)
    return builder


def _end(place: Place) -> nn.Module:
    node = place.node
    assert node.options is not None
    assert node.role != "layer"
    return builder_of(node.role, node.options)(node.options, node.site, **place.factory)


def _link(place: Place) -> nn.Module:
    source = place.schedule.graph.node(place.run.inputs[0])
    ratio = place.node.stride // source.stride
    return layer.LinkAdapter(source.channels, place.node.channels, ratio, **place.factory)


def _dpe(place: Place) -> nn.Module:
    return layer.Dpe(place.node.channels, **place.factory)


def _fusion(place: Place) -> nn.Module:
    options = place.node.layer_settings.fusion
    return layer.fusing(options, place.node.site, builder_of("fusion", options), **place.factory)


def _mixer(place: Place) -> nn.Module:
    node, settings = place.node, place.node.layer_settings
    make = layer.ganglion_mixing if node.ganglion else layer.normal_mixing
    scale, rate = settings.layer_scale, node.drop_path
    build = builder_of("mixer", settings.mixer)
    return make(settings.mixer, node.site, build, layer_scale=scale, drop_path=rate, **place.factory)


def _ffn(place: Place) -> nn.Module:
    node, settings = place.node, place.node.layer_settings
    scale, rate = settings.layer_scale, node.drop_path
    build = builder_of("ffn", settings.ffn)
    return layer.feeding(settings.ffn, node.site, build, layer_scale=scale, drop_path=rate, **place.factory)


BUILDERS: Mapping[Part, Callable[[Place], nn.Module]] = {
    "stem": _end,
    "downsample": _end,
    "head": _end,
    "link": _link,
    "dpe": _dpe,
    "fusion": _fusion,
    "mixer": _mixer,
    "ffn": _ffn,
}
"""How to make the module of each part."""
