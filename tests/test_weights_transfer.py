"""Weights survive an edit: every layer keeps its own, a fusion keeps what it learned of each feature it still reads."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

import sparx_dsl
from sparx_dsl.language.base import Site
from sparx_dsl.lowering import Backbone
from sparx_dsl.registry import default_registry
from sparx_dsl.weights import LoadReport, transfer
from sparx_dsl.weights.feature_axes import FEATURE_AXES

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
BASE = sparx_dsl.parse_spec(SPEC)


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


def kept(source: Backbone, target: Backbone, names: dict[str, str]) -> None:
    """The target's tensors have the values of the source's, by name in the target → name in the source."""
    old, new = source.state_dict(), target.state_dict()
    assert names
    for name, origin in names.items():
        assert torch.equal(new[name], old[origin]), name


def all_of(model: Backbone, prefix: str) -> list[str]:
    """The names of all tensors below a path."""
    return [name for name in model.state_dict() if name.startswith(f"{prefix}.")]


def test_the_same_spec_keeps_everything() -> None:
    """Between two builds of one spec the transfer is a copy, and the two then compute the same."""
    source, target, report, _ = carried(BASE, BASE)
    assert report.complete
    assert report.notes == ()
    images = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        assert torch.equal(source(images), target(images))


# Edits of layers.


stages = st.sampled_from([("stage1", 2), ("stage2", 3), ("stage3", 6)])


@given(stages, st.data())
def test_inserting_a_layer_keeps_every_other_tensor_of_the_same_shape(
    stage: tuple[str, int], data: st.DataObject
) -> None:
    """Wherever a layer is put in, all others keep all tensors that still mean the same and have their shapes."""
    name, depth = stage
    after = data.draw(st.integers(0, depth))
    edit = BASE.insert_layer(name, after)
    source, target, report, before = carried(BASE, edit.spec, edit.renames)
    old, new = source.state_dict(), target.state_dict()
    inverse = {now: was for was, now in edit.renames.items()}
    fresh = f"{name}.layer{after + 1}"
    for key, value in new.items():
        first, second, *rest = key.split(".")
        was = ".".join([inverse.get(f"{first}.{second}", f"{first}.{second}"), *rest])
        if key.startswith(f"{fresh}."):
            assert torch.equal(value, before[key])
        elif ".fusion.fusion." not in key and was in old and old[was].shape == value.shape:
            assert torch.equal(value, old[was]), key
    assert f"{fresh} is new" in report.notes
    assert not any(missing.split(".")[0] != name and "downsample" not in missing for missing in report.missing)


@given(stages, st.data())
def test_removing_a_layer_keeps_the_others(stage: tuple[str, int], data: st.DataObject) -> None:
    """What is unused afterwards is the removed layer, and parts of layers that changed their role or their features."""
    name, depth = stage
    number = data.draw(st.integers(1, depth))
    edit = BASE.remove_layer(name, number)
    source, target, report, _ = carried(BASE, edit.spec, edit.renames)
    assert set(all_of(source, f"{name}.layer{number}")) <= set(report.unused)
    others = [each for each in range(1, depth + 1) if each != number]
    for now, was in enumerate(others, start=1):
        kept(source, target, {new: new.replace(f"layer{now}.", f"layer{was}.", 1)
                              for part in ("dpe", "ffn", "mixer.mixer")
                              for new in all_of(target, f"{name}.layer{now}.{part}")})  # fmt: skip


def test_inserting_with_a_stride_moves_roles_and_the_report_says_so() -> None:
    """Ganglion layers count from the last layer, so that those before the new one change their role."""
    edit = BASE.insert_layer("stage3", 4)
    source, target, report, _ = carried(BASE, edit.spec, edit.renames)
    assert set(report.notes) == {
        "stage3.layer5 is new",
        *(f"stage3.layer{number} is now a ganglion layer" for number in (1, 3)),
        *(f"stage3.layer{number} is now a normal layer" for number in (2, 4)),
    }
    # The layer's own norm stands before the fusion in the one role, and before the projection in the other.
    kept(source, target, {f"stage3.layer1.fusion.norm.{leaf}": f"stage3.layer1.mixer.norm.{leaf}"
                          for leaf in ("weight", "bias")})  # fmt: skip
    kept(source, target, {f"stage3.layer2.mixer.norm.{leaf}": f"stage3.layer2.fusion.norm.{leaf}"
                          for leaf in ("weight", "bias")})  # fmt: skip
    missing = {name for name in report.missing if not name.startswith("stage3.layer5.")}
    assert missing == {
        *(name for number in (1, 3) for name in all_of(target, f"stage3.layer{number}.fusion.fusion")),
        *(name for number in (2, 4) for name in all_of(target, f"stage3.layer{number}.mixer.projection")),
    }


def test_a_new_mixer_in_one_layer_leaves_the_rest() -> None:
    """A layer with another kind of mixer keeps its position encoding, norm and feed-forward network."""
    new = BASE.edit({"stages.1.layers": {2: {"mixer": {"kind": "ssm"}}}})
    source, target, report, _ = carried(BASE, new)
    assert {*report.missing} == {*all_of(target, "stage1.layer2.mixer.mixer"),
                                 *all_of(target, "stage1.layer2.mixer.projection")}  # fmt: skip
    for part in ("dpe", "ffn", "mixer.norm"):
        kept(source, target, {name: name for name in all_of(target, f"stage1.layer2.{part}")})


def test_a_wider_stage_leaves_the_others() -> None:
    """Only the stage itself and the downsamplings at its ends get fresh weights."""
    new = BASE.edit({"stages.2.channels": 16})
    _, target, report, _ = carried(BASE, new)
    places = {".".join(name.split(".")[:2]) for name in report.missing}
    assert {place.split(".")[0] for place in places} == {"stage2", "stage3"}
    assert {place for place in places if place.startswith("stage3")} == {"stage3.downsample"}
    assert len(report.matched) > len(target.state_dict()) / 2


def test_other_classes_leave_all_but_the_classifier() -> None:
    """A head of other classes keeps its norm and draws its linear layer."""
    _, _, report, _ = carried(BASE, BASE.edit({"head.classes": 7}))
    assert report.missing == ("head.linear.weight", "head.linear.bias")
    assert report.unused == report.missing


WINDOWS = BASE.edit({"layer": {"mixer": {"kind": "window_attention", "window": 2, "heads": 2}}})


def test_windows_that_shift_no_more_are_noted() -> None:
    """Layers of even number shift their windows, so that a moved layer may do what it did not learn to."""
    edit = WINDOWS.insert_layer("stage1", 0)
    _, _, report, _ = carried(WINDOWS, edit.spec, edit.renames)
    assert "stage1.layer2 (before: stage1.layer1) now shifts its windows" in report.notes
    assert "stage1.layer3 (before: stage1.layer2) now does not shift its windows" in report.notes


def test_another_window_interpolates_the_position_bias() -> None:
    """The table is resized as Swin's own code does it, and the report says so."""
    new = WINDOWS.edit({"layer": {"mixer": {"window": 4}}})
    source, target, report, _ = carried(WINDOWS, new)
    assert {each.how for each in report.resized} == {"by bicubic interpolation"}
    assert len(report.resized) == 11
    table = source.state_dict()["stage1.layer1.mixer.mixer.position_bias"].T.reshape(1, 2, 3, 3)
    expected = torch.nn.functional.interpolate(table, size=(7, 7), mode="bicubic").flatten(2)[0].T
    assert torch.equal(target.state_dict()["stage1.layer1.mixer.mixer.position_bias"], expected)


# Fusions.


def blocks(model: Backbone, layer: str, tensor: str) -> dict[str, Tensor]:
    """A fusion's tensor cut into one block for each feature, by the feature's name."""
    features = [edge.source for edge in model.schedule.graph.features(layer)]
    place = FEATURE_AXES[model.schedule.graph.node(layer).layer_settings.fusion.kind][tensor]
    value = model.state_dict()[f"{layer}.fusion.fusion.{tensor}"]
    width = value.shape[place.axis] // (len(features) + place.before)
    cut = value.split(width, dim=place.axis)[place.before :]
    return dict(zip(features, cut, strict=True))


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


@pytest.mark.parametrize("kind", [kind for kind in FEATURE_AXES if default_registry().find("fusion", kind)])
@pytest.mark.parametrize("edit", EDITS)
def test_a_fusion_keeps_the_weights_of_every_feature_it_still_reads(edit: str, kind: str) -> None:
    """Each feature's block of each tensor moves with it; those of new features are as they were drawn."""
    fusion = {"kind": kind, "heads": 2} if kind in ("sra", "sca") else {"kind": kind}
    old = BASE.edit({"layer": {"fusion": fusion}, **EDITS[edit][0]})
    source, target, report, before = carried(old, old.edit(EDITS[edit][1]))
    untouched = drawn(target.spec, 1)
    moved = 0
    graph = source.schedule.graph
    for node in target.schedule.graph.layers():
        if not node.ganglion or not graph.node(node.name).ganglion:
            continue
        for tensor in FEATURE_AXES[kind]:
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
    old = BASE.edit({"stages.2.S": 3, "stages.3.S": 6, "stages.3.M": None})
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
    old = BASE.edit({"stages.3.S": None, "stages.3.ganglion": [2, 4, 6]})
    edit = old.insert_layer("stage3", 0)
    source, target, _, _ = carried(old, edit.spec, edit.renames)
    before = blocks(source, "stage3.layer6", "key_value.weight")
    after = blocks(target, "stage3.layer7", "key_value.weight")
    assert set(after) == {edit.renames[name] for name in before}
    assert all(torch.equal(after[edit.renames[name]], value) for name, value in before.items())


def test_another_kind_of_fusion_is_drawn() -> None:
    """Tensors of two fusions may share a name and a shape, and mean nothing to each other."""
    new = BASE.edit({"layer": {"fusion": {"kind": "concat"}}})
    _, target, report, _ = carried(BASE, new)
    fusions = {name for name in target.state_dict() if ".fusion.fusion." in name}
    assert {*report.missing} == fusions


def test_a_link_keeps_its_adapter_when_its_ends_move() -> None:
    """The projection that brings another stage's feature belongs to the two layers, whatever they are called."""
    old = BASE.edit({"links.add": [{"from": "stage1.layer1", "to": "stage3.layer4"}]})
    edit = old.insert_layer("stage3", 0)
    old_name, new_name = (f"stage3.layer{number}.link_stage1_layer1.projection.weight" for number in (4, 5))
    source, target, _, _ = carried(old, edit.spec, edit.renames)
    kept(source, target, {new_name: old_name})


@pytest.mark.parametrize("kind", [kind.name for kind in default_registry() if kind.role == "fusion"])
def test_every_tensor_that_grows_with_the_features_is_known(kind: str) -> None:
    """The table of slots names exactly the tensors whose shape depends on how many features are read."""
    found = default_registry().find("fusion", kind)
    assert found is not None
    given = {"kind": kind, "heads": 2} if kind in ("sra", "sca") else {"kind": kind}
    options = found.load_options().model_validate(given)
    states = [found.load_builder()(options, Site(12, 24, norm, 1, count, 2)).state_dict()
              for norm in ("group", "batch") for count in (2, 3)]  # fmt: skip
    grown = {name for few, more in (states[:2], states[2:]) for name in few if few[name].shape != more[name].shape}
    assert grown == set(FEATURE_AXES[kind])
    for few, more in (states[:2], states[2:]):
        for name in grown & set(few):
            place = FEATURE_AXES[kind][name]
            sides = [state[name].shape[place.axis] / (count + place.before) for state, count in ((few, 2), (more, 3))]
            assert sides[0] == sides[1]


# What is refused.


@pytest.mark.parametrize(
    ("renames", "message"),
    [
        ({"stage3.layer9": "stage3.layer1"}, "the source has no node"),
        ({"stage3.layer1": "stage3.layer9"}, "the target has no node"),
        ({"stage3.layer1": "stage3.layer3", "stage3.layer2": "stage3.layer3"}, "cannot become one"),
    ],
)
def test_renames_of_nothing_are_refused(renames: dict[str, str], message: str) -> None:
    """A name that neither model has is a mistake, and the target stays as it was."""
    target = drawn(BASE, 1)
    before = {name: value.clone() for name, value in target.state_dict().items()}
    with pytest.raises(sparx_dsl.SparxError, match=message) as caught:
        transfer(drawn(BASE), target, renames)
    assert {mistake.code for mistake in caught.value.diagnostics} == {"SPX650"}
    assert all(torch.equal(value, before[name]) for name, value in target.state_dict().items())


def test_a_model_without_weights_gives_none() -> None:
    """The device meta holds shapes only, on either side."""
    hollow = sparx_dsl.build(BASE, device="meta")
    for pair in ((hollow, drawn(BASE)), (drawn(BASE), hollow)):
        with pytest.raises(sparx_dsl.SparxError, match="SPX630"):
            transfer(*pair)
