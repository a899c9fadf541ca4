"""Backbones before and after an edit, and what a transfer of weights between them must keep."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

import sparx_dsl
from sparx_dsl import Spec
from sparx_dsl.kinds.fusions.feature_axes import FeatureAxes
from sparx_dsl.language.base import KindOptions
from sparx_dsl.lowering import Backbone
from sparx_dsl.weights import LoadReport, renames_by_stride, transfer
from sparx_dsl.weights.feature_axes import feature_axes

SPEC: dict[str, Any] = {
    "sparx": 1,
    "name": "edited",
    "input": {"channels": 3, "size": 32},
    "stem": {"kind": "patch"},
    "layer": {"dpe": True, "mixer": {"kind": "ss2d"}, "ffn": {"kind": "conv"}, "norm": "group"},
    "stages": [
        {"channels": 8, "depth": 2},
        {"channels": 8, "depth": 3, "S": 1},
        {"channels": 12, "depth": 6, "S": 2, "M": 2, "layer": {"layer_scale": 1.0}},
    ],
    "head": {"kind": "linear", "classes": 5},
}


def base() -> Spec:
    """That spec."""
    return sparx_dsl.parse_spec(SPEC)


def drawn(spec: Any, seed: int = 0) -> Backbone:
    """A backbone whose every value differs from those of another seed."""
    model = sparx_dsl.build(spec).eval()
    stream = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in model.state_dict().items():
            new = torch.rand(value.shape, generator=stream) - (-0.5 if name.endswith("running_var") else 0.5)
            value.copy_(new / 2 if value.is_floating_point() else torch.tensor(seed + 3))
    return model


def carried(old: Any, new: Any, renames: Any = None) -> tuple[Backbone, Backbone, LoadReport, dict[str, Tensor]]:
    """The source, the target after the transfer, the report, and the target's state before."""
    source, target = drawn(old), drawn(new, 1)
    before = {name: value.clone() for name, value in target.state_dict().items()}
    report = transfer(source, target, renames)
    check_report(source, target, before, report)
    return source, target, report, before


def check_report(source: Backbone, target: Backbone, before: dict[str, Tensor], report: LoadReport) -> None:
    """Every tensor of the target is in one list of the report, and what it says of it is true."""
    old, new = source.state_dict(), target.state_dict()
    assert sorted([*report.matched, *report.missing, *(each.name for each in report.resized)]) == sorted(new)
    assert set(report.unused) <= set(old)
    assert all(torch.equal(new[name], before[name]) for name in report.missing)


def check_inherited(parent: Backbone, model: Backbone, report: LoadReport) -> None:
    """Of layers that are called as they were, tensors of the same shape have the parent's values, and some do."""
    source, now = parent.state_dict(), model.state_dict()
    moved = renames_by_stride(parent.spec, model.spec)
    still = [name for name in report.matched if ".".join(name.split(".")[:2]) not in {*moved, *moved.values()}]
    alike = [name for name in still if name in source and source[name].shape == now[name].shape]
    assert len(alike) > 5
    assert all(torch.equal(source[name], now[name]) for name in alike)


def kept(source: Backbone, target: Backbone, names: dict[str, str]) -> None:
    """The target's tensors have the values of the source's, by name in the target → name in the source."""
    old, new = source.state_dict(), target.state_dict()
    assert names
    for name, origin in names.items():
        assert torch.equal(new[name], old[origin]), name


def all_of(model: Backbone, prefix: str) -> list[str]:
    """The names of all tensors below a path."""
    return [name for name in model.state_dict() if name.startswith(f"{prefix}.")]


def axes_of(fusion: KindOptions) -> FeatureAxes:
    """Which values of a fusion's tensors belong to which feature; its kind must say."""
    found = feature_axes(fusion)
    assert found is not None
    return found


def blocks(model: Backbone, layer: str, tensor: str) -> dict[str, Tensor]:
    """A fusion's tensor cut into one block for each feature, by the feature's name."""
    features = [edge.source for edge in model.schedule.graph.features(layer)]
    place = axes_of(model.schedule.graph.node(layer).layer_settings.fusion)[tensor]
    value = model.state_dict()[f"{layer}.fusion.fusion.{tensor}"]
    width = value.shape[place.axis] // (len(features) + place.before)
    cut = value.split(width, dim=place.axis)[place.before :]
    return dict(zip(features, cut, strict=True))
