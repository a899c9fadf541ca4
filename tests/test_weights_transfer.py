"""Weights survive an edit: every layer keeps its own."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import sparx_dsl
from sparx_dsl import Spec
from sparx_dsl.weights import transfer
from tests.support.transfers import all_of, base, carried, drawn, kept


def test_the_same_spec_keeps_everything() -> None:
    """Between two builds of one spec the transfer is a copy, and the two then compute the same."""
    source, target, report, _ = carried(base(), base())
    assert report.complete
    assert report.notes == ()
    images = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        assert torch.equal(source(images), target(images))


stages = st.sampled_from([("stage1", 2), ("stage2", 3), ("stage3", 6)])


@given(stages, st.data())
def test_inserting_a_layer_keeps_every_other_tensor_of_the_same_shape(
    stage: tuple[str, int], data: st.DataObject
) -> None:
    """Wherever a layer is put in, all others keep all tensors that still mean the same and have their shapes."""
    name, depth = stage
    after = data.draw(st.integers(0, depth))
    edit = base().insert_layer(name, after)
    source, target, report, before = carried(base(), edit.spec, edit.renames)
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
    edit = base().remove_layer(name, number)
    source, target, report, _ = carried(base(), edit.spec, edit.renames)
    assert set(all_of(source, f"{name}.layer{number}")) <= set(report.unused)
    others = [each for each in range(1, depth + 1) if each != number]
    for now, was in enumerate(others, start=1):
        kept(source, target, {new: new.replace(f"layer{now}.", f"layer{was}.", 1)
                              for part in ("dpe", "ffn", "mixer.mixer")
                              for new in all_of(target, f"{name}.layer{now}.{part}")})  # fmt: skip


def test_inserting_with_a_stride_moves_roles_and_the_report_says_so() -> None:
    """Ganglion layers count from the last layer, so that those before the new one change their role."""
    edit = base().insert_layer("stage3", 4)
    source, target, report, _ = carried(base(), edit.spec, edit.renames)
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
    new = base().edit({"stages.1.layers": {2: {"mixer": {"kind": "ssm"}}}})
    source, target, report, _ = carried(base(), new)
    assert {*report.missing} == {*all_of(target, "stage1.layer2.mixer.mixer"),
                                 *all_of(target, "stage1.layer2.mixer.projection")}  # fmt: skip
    for part in ("dpe", "ffn", "mixer.norm"):
        kept(source, target, {name: name for name in all_of(target, f"stage1.layer2.{part}")})


def test_a_wider_stage_leaves_the_others() -> None:
    """Only the stage itself and the downsamplings at its ends get fresh weights."""
    new = base().edit({"stages.2.channels": 16})
    _, target, report, _ = carried(base(), new)
    places = {".".join(name.split(".")[:2]) for name in report.missing}
    assert {place.split(".")[0] for place in places} == {"stage2", "stage3"}
    assert {place for place in places if place.startswith("stage3")} == {"stage3.downsample"}
    assert len(report.matched) > len(target.state_dict()) / 2


def test_other_classes_leave_all_but_the_classifier() -> None:
    """A head of other classes keeps its norm and draws its linear layer."""
    _, _, report, _ = carried(base(), base().edit({"head.classes": 7}))
    assert report.missing == ("head.linear.weight", "head.linear.bias")
    assert report.unused == report.missing


def windowed() -> Spec:
    """The base with window attention."""
    return base().edit({"layer": {"mixer": {"kind": "window_attention", "window": 2, "heads": 2}}})


def test_windows_that_shift_no_more_are_noted() -> None:
    """Layers of even number shift their windows, so that a moved layer may do what it did not learn to."""
    edit = windowed().insert_layer("stage1", 0)
    _, _, report, _ = carried(windowed(), edit.spec, edit.renames)
    assert "stage1.layer2 (before: stage1.layer1) now shifts its windows" in report.notes
    assert "stage1.layer3 (before: stage1.layer2) now does not shift its windows" in report.notes


def test_another_window_interpolates_the_position_bias() -> None:
    """The table is resized as Swin's own code does it, and the report says so."""
    new = windowed().edit({"layer": {"mixer": {"window": 4}}})
    source, target, report, _ = carried(windowed(), new)
    assert {each.how for each in report.resized} == {"by bicubic interpolation"}
    assert len(report.resized) == 11
    table = source.state_dict()["stage1.layer1.mixer.mixer.position_bias"].T.reshape(1, 2, 3, 3)
    expected = torch.nn.functional.interpolate(table, size=(7, 7), mode="bicubic").flatten(2)[0].T
    assert torch.equal(target.state_dict()["stage1.layer1.mixer.mixer.position_bias"], expected)


def test_a_link_keeps_its_adapter_when_its_ends_move() -> None:
    """The projection that brings another stage's feature belongs to the two layers, whatever they are called."""
    old = base().edit({"links.add": [{"from": "stage1.layer1", "to": "stage3.layer4"}]})
    edit = old.insert_layer("stage3", 0)
    old_name, new_name = (f"stage3.layer{number}.link_stage1_layer1.projection.weight" for number in (4, 5))
    source, target, _, _ = carried(old, edit.spec, edit.renames)
    kept(source, target, {new_name: old_name})


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
    target = drawn(base(), 1)
    before = {name: value.clone() for name, value in target.state_dict().items()}
    with pytest.raises(sparx_dsl.SparxError, match=message) as caught:
        transfer(drawn(base()), target, renames)
    assert {mistake.code for mistake in caught.value.diagnostics} == {"SPX650"}
    assert all(torch.equal(value, before[name]) for name, value in target.state_dict().items())


def test_a_model_without_weights_gives_none() -> None:
    """The device meta holds shapes only, on either side."""
    hollow = sparx_dsl.build(base(), device="meta")
    for pair in ((hollow, drawn(base())), (drawn(base()), hollow)):
        with pytest.raises(sparx_dsl.SparxError, match="SPX630"):
            transfer(*pair)
