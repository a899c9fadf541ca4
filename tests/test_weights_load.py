"""A checkpoint is loaded completely or not at all, or leniently with a report of what was left."""

from __future__ import annotations

from typing import Any

import torch

import sparx_dsl
from sparx_dsl.weights import load_checkpoint, released_state
from tests.support.checkpoints import SMALL, load_refusal, same, small, snapshot


def test_a_model_for_features_takes_the_whole_checkpoint() -> None:
    """What belongs to the head, or to later stages, is neither missing nor unused, and is reported."""
    whole, cut = small("swin"), small("swin", 5, features=(1,))
    report = load_checkpoint(cut, released_state(whole, "swin"))
    assert report.complete
    assert {name.split(".")[0] for name in report.unbuilt} == {"layers", "norm", "head"}
    assert all("layers.1." in name or "layers.0.downsample" in name for name in report.unbuilt if "layers" in name)
    assert all(torch.equal(value, whole.state_dict()[name]) for name, value in cut.state_dict().items())


def test_missing_and_unused_tensors_are_listed_with_what_was_meant() -> None:
    """A strict load refuses both, and a misspelt name is told from a lost one."""
    state = snapshot(small("sparx_mamba"))
    state["stage2.layer1.fusion.fusion.quarry.projection.conv.weight"] = state.pop(
        "stage2.layer1.fusion.fusion.query.projection.conv.weight")  # fmt: skip
    del state["head.linear.bias"]
    missing, unused = load_refusal(small("sparx_mamba", 1), state)
    assert (missing.code, unused.code) == ("SPX623", "SPX624")
    assert missing.notes == (
        'stage2.layer1.fusion.fusion.query.projection.conv.weight: did you mean '
        '"stage2.layer1.fusion.fusion.quarry.projection.conv.weight"?',
        "head.linear.bias",
    )  # fmt: skip
    assert "did you mean" in unused.notes[0]


def test_missing_tensors_are_named_as_the_file_would_name_them() -> None:
    """A lost tensor of a released file is given in both namings."""
    state = released_state(small("swin"), "swin")
    del state["layers.1.blocks.0.attn.qkv.bias"]
    (mistake,) = load_refusal(small("swin", 1), state)
    assert mistake.code == "SPX623"
    assert mistake.notes == ("stage2.layer1.mixer.projection.bias, there layers.1.blocks.0.attn.qkv.bias",)


def test_another_layer_is_no_misspelling() -> None:
    """Names that differ in a number are two layers, and neither was meant for the other."""
    first, second = (
        sparx_dsl.build({**SMALL["vmamba"], "stages": [{"channels": 8, "depth": 2, "layers": {number: {"dpe": True}}}]})
        for number in (1, 2)
    )
    mistakes = load_refusal(first, snapshot(second))
    assert [mistake.code for mistake in mistakes] == ["SPX623", "SPX624"]
    assert not any("did you mean" in note for mistake in mistakes for note in mistake.notes)


def test_a_lenient_load_reports_what_it_left() -> None:
    """With strict=False the rest is loaded; what is missing stays, what is unused is named."""
    source, target = small("sparx_mamba"), small("sparx_mamba", 1)
    state, before = snapshot(source), snapshot(target)
    del state["head.linear.bias"]
    state["extra"] = torch.zeros(3)
    report = load_checkpoint(target, state, strict=False)
    assert (report.missing, report.unused, report.complete) == (("head.linear.bias",), ("extra",), False)
    after = snapshot(target)
    assert torch.equal(after["head.linear.bias"], before["head.linear.bias"])
    assert all(torch.equal(after[name], state[name]) for name in report.matched)
    assert {*report.matched, *report.missing} == set(after)


def test_a_named_section_is_loaded() -> None:
    """Averaged weights are loaded where the caller asks for them."""
    plain, averaged, target = small("vmamba"), small("vmamba", 1), small("vmamba", 2)
    source: Any = {"model": snapshot(plain), "model_ema": snapshot(averaged)}
    load_checkpoint(target, source, section="model_ema")
    assert same(snapshot(target), snapshot(averaged))


def test_a_position_bias_is_interpolated_only_when_asked() -> None:
    """A table for another window is refused strictly, else resized bicubically; the same window changes nothing."""
    spec = {**SMALL["swin"], "layer": {**SMALL["swin"]["layer"], "mixer": {"kind": "window_attention", "window": 8,
                                                                          "head_width": 4}}}  # fmt: skip
    source, target = small("swin"), sparx_dsl.build(spec)
    state = released_state(source, "swin")
    mistakes = load_refusal(target, state)
    assert [mistake.code for mistake in mistakes] == ["SPX626"]
    report = load_checkpoint(target, state, strict=False)
    assert {each.name.rpartition(".")[2] for each in report.resized} == {"position_bias"}
    table = source.state_dict()["stage1.layer1.mixer.mixer.position_bias"]
    expected = torch.nn.functional.interpolate(table.T.reshape(1, 2, 7, 7), size=(15, 15), mode="bicubic")
    found = target.state_dict()["stage1.layer1.mixer.mixer.position_bias"]
    assert torch.equal(found.T.reshape(1, 2, 15, 15), expected)
    assert str(report.resized[0]).endswith("49×2 to 225×2, by bicubic interpolation")


def test_a_classifier_of_other_classes_is_left_only_when_asked() -> None:
    """Fine-tuning on other classes keeps the fresh classifier, and the report names it."""
    spec = {**SMALL["vmamba"], "head": {"kind": "linear", "classes": 7}}
    source, target = small("vmamba"), sparx_dsl.build(spec)
    before = snapshot(target)
    assert [mistake.code for mistake in load_refusal(target, released_state(source, "vmamba"))] == ["SPX626"]
    report = load_checkpoint(target, released_state(source, "vmamba"), strict=False)
    assert [each.name for each in report.resized] == ["head.linear.weight", "head.linear.bias"]
    assert {"head.linear.weight"}.isdisjoint(report.matched)
    assert torch.equal(target.state_dict()["head.linear.weight"], before["head.linear.weight"])
