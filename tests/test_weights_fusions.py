"""Weights survive an edit: a fusion keeps what it learned of each feature that it still reads."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from sparx_dsl.kind import load
from sparx_dsl.language.base import Site
from sparx_dsl.registry import default_registry
from tests.support.transfers import axes_of, base, blocks, carried, drawn

EDITS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a longer window": ({"stages.3.M": 1}, {"stages.3.M": 2}),
    "a shorter window": ({}, {"stages.3.M": 1}),
    "no cross-stage feature": ({}, {"stages.3.cross_stage": "none"}),
    "the feature in the window": ({}, {"stages.3.cross_stage": "window"}),
    "the feature everywhere": ({}, {"stages.3.cross_stage": "every"}),
    "all normal layers": ({}, {"stages.3.intra": "all"}),
    "another stride": ({}, {"stages.3.S": 4}),
    "a link more": ({}, {"links.add": [{"from": "stage1.layer1", "to": "stage3.layer4"}]}),
    "a link less": ({}, {"links.cut": [{"from": "stage3.layer2", "to": "stage3.layer4"}]}),
}


@pytest.mark.parametrize("kind", default_registry().names("fusion"))
@pytest.mark.parametrize("edit", EDITS)
def test_a_fusion_keeps_the_weights_of_every_feature_it_still_reads(edit: str, kind: str) -> None:
    """Each feature's block of each tensor moves with it; those of new features are as they were drawn."""
    fusion = {"kind": kind, "heads": 2} if kind in ("sra", "sca") else {"kind": kind}
    old = base().edit({"layer": {"fusion": fusion}, **EDITS[edit][0]})
    source, target, report, before = carried(old, old.edit(EDITS[edit][1]))
    untouched = drawn(target.spec, 1)
    moved = 0
    graph = source.schedule.graph
    for node in target.schedule.graph.layers():
        if not node.ganglion or not graph.node(node.name).ganglion:
            continue
        for tensor in axes_of(node.layer_settings.fusion):
            if f"{node.name}.fusion.fusion.{tensor}" not in before:
                continue
            was, fresh = blocks(source, node.name, tensor), blocks(untouched, node.name, tensor)
            for feature, value in blocks(target, node.name, tensor).items():
                expected = was.get(feature, fresh[feature])
                assert torch.equal(value, expected), (node.name, tensor, feature)
            moved += list(was) != list(fresh)
    changed = len(report.resized) + sum(".fusion.fusion." in name for name in report.missing)
    assert bool(moved) == bool(changed)
    assert moved


def test_a_fusion_of_reordered_features_computes_the_same() -> None:
    """With its weights moved along, the order in which a layer reads its features makes no difference to it."""
    old = base().edit({"stages.2.S": 3, "stages.3.S": 6, "stages.3.M": None})
    new = old.edit({"stages.2.cross_stage": "window", "stages.3.cross_stage": "window"})
    source, target, report, _ = carried(old, new)
    orders = [[edge.source for edge in model.schedule.graph.features("stage3.layer6")] for model in (source, target)]
    assert orders[0] != orders[1]
    assert sorted(orders[0]) == sorted(orders[1])
    assert {each.how for each in report.resized} == {"features in another order"}
    images = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        found, expected = target(images), source(images)
    assert float((found - expected).abs().max()) < 1e-5 * float(expected.abs().max())


def test_a_fusion_follows_features_that_were_renamed() -> None:
    """After an insertion the window's layers have other numbers, and their weights are found by what they were."""
    old = base().edit({"stages.3.S": None, "stages.3.ganglion": [2, 4, 6]})
    edit = old.insert_layer("stage3", 0)
    source, target, _, _ = carried(old, edit.spec, edit.renames)
    before = blocks(source, "stage3.layer6", "key_value.weight")
    after = blocks(target, "stage3.layer7", "key_value.weight")
    assert set(after) == {edit.renames[name] for name in before}
    assert all(torch.equal(after[edit.renames[name]], value) for name, value in before.items())


def test_another_kind_of_fusion_is_drawn() -> None:
    """Tensors of two fusions may share a name and a shape, and mean nothing to each other."""
    new = base().edit({"layer": {"fusion": {"kind": "concat"}}})
    _, target, report, _ = carried(base(), new)
    fusions = {name for name in target.state_dict() if ".fusion.fusion." in name}
    assert {*report.missing} == fusions


@pytest.mark.parametrize("kind", default_registry().names("fusion"))
def test_every_tensor_that_grows_with_the_features_is_known(kind: str) -> None:
    """The axes of a fusion name exactly the tensors whose shape depends on how many features are read."""
    found = default_registry().find("fusion", kind)
    assert found is not None
    given = {"kind": kind, "heads": 2} if kind in ("sra", "sca") else {"kind": kind}
    options = found.load_options().model_validate(given)
    states = [load(found.module)(options, Site(12, 24, norm, 1, count, reduction=2)).state_dict()
              for norm in ("group", "batch") for count in (2, 3)]  # fmt: skip
    grown = {name for few, more in (states[:2], states[2:]) for name in few if few[name].shape != more[name].shape}
    axes = axes_of(options)
    assert grown == set(axes)
    for few, more in (states[:2], states[2:]):
        for name in grown & set(few):
            place = axes[name]
            sides = [state[name].shape[place.axis] / (count + place.before) for state, count in ((few, 2), (more, 3))]
            assert sides[0] == sides[1]
