"""Weights for other depths: added layers begin as the identity, and those of stages with a stride keep their roles."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import pytest
import torch

import sparx_dsl
from sparx_dsl.kinds.mixers.depthwise import KIND
from sparx_dsl.language.roles import MixerOptions
from sparx_dsl.lowering import Backbone
from sparx_dsl.weights import LoadReport, renames_by_stride, transfer
from tests.support.deployed import images_of, trained
from tests.support.kinds import kinds_restored, registered

MIXERS: tuple[dict[str, Any], ...] = (
    {"kind": "ss2d", "state": 2}, {"kind": "ssm", "gate": True}, {"kind": "bi_ssm", "bias": True},
    {"kind": "window_attention", "head_width": 8, "window": 3}, {"kind": "depthwise", "kernel": 3},
)  # fmt: skip


BASELINES: tuple[dict[str, Any], ...] = (
    {"kind": "attention", "heads": 2}, {"kind": "spatial_reduction_attention", "heads": 2, "reduction": 2},
    {"kind": "inception", "band": 5}, {"kind": "inverted_residual"}, {"kind": "local_ss2d", "state": 1},
    {"kind": "continuous_ss2d", "state": 1}, {"kind": "ssd", "heads": 2},
)  # fmt: skip


class Other(MixerOptions, frozen=True):
    """The options of a kind that says nothing of checkpoints, built as ``depthwise`` is."""

    kind: Literal["other"] = "other"
    kernel: int = 3
    ratio: int = 2

    def projected(self, channels: int) -> int:
        """The map itself."""
        return channels

    @property
    def has_projection(self) -> bool:
        """None."""
        return False


def spec(mixer: dict[str, Any], stage: dict[str, Any], **layer: Any) -> sparx_dsl.Spec:
    """Two stages of which the second is as given."""
    data: dict[str, Any] = {
        "sparx": 1, "name": "deeper", "input": {"size": 24}, "stem": {"kind": "patch"},
        "layer": {"dpe": True, "mixer": mixer, "ffn": {"kind": "conv"}, **layer},
        "stages": [{"channels": 16, "depth": 1}, {"channels": 24, **stage}],
        "head": {"kind": "linear", "classes": 3},
    }  # fmt: skip
    return sparx_dsl.parse_spec(data)


def deeper(before: sparx_dsl.Spec, after: int, seed: int = 1) -> tuple[Backbone, Backbone, LoadReport]:
    """A trained backbone, one with a layer more in its second stage, and what was carried over."""
    torch.manual_seed(0)
    source = trained(sparx_dsl.build(before, dtype="float64"))
    edit = before.insert_layer("stage2", after=after)
    target = trained(sparx_dsl.build(edit.spec, dtype="float64"), seed)
    return source, target, transfer(source, target, edit.renames, identity=True)


@pytest.mark.parametrize(
    "layer",
    [{}, {"ffn": {"kind": "mlp"}, "dpe": False, "layer_scale": 0.5, "norm": "batch"},
     {"ffn": {"kind": "none"}, "layer_scale": 0.5, "layer_scale_on": "branch"}],
    ids=["plain", "residual scale", "branch scale"],
)  # fmt: skip
@pytest.mark.parametrize("mixer", MIXERS, ids=lambda mixer: mixer["kind"])
def test_a_deeper_backbone_computes_what_the_one_before_did(mixer: dict[str, Any], layer: dict[str, Any]) -> None:
    """Behind the last layer: a normal one, and a ganglion layer of stride 1, which reads all and gives its input."""
    for stage in ({"depth": 2}, {"depth": 2, "S": 1}):
        source, target, report = deeper(spec(mixer, stage, **layer), after=2)
        images = images_of(source, 2)
        with torch.no_grad():
            torch.testing.assert_close(target(images), source(images), rtol=1e-12, atol=1e-12)
        assert report.notes == ("stage2.layer3 is new, and begins as the identity",)
        state = target.state_dict()
        assert all(name.startswith("stage2.layer3.") for name in (*report.identity, *report.missing))
        ones = [name for name in report.identity if name.endswith("layer_scale.weight")]
        assert all(torch.equal(state[name], torch.full_like(state[name], name in ones)) for name in report.identity)
        every = (*report.matched, *report.missing, *report.identity, *(each.name for each in report.resized))
        assert sorted(every) == sorted(state)
        assert report.unused == ()
        assert not report.complete


@pytest.mark.parametrize("place", ["pre", "post"])
@pytest.mark.parametrize("mixer", BASELINES, ids=lambda mixer: mixer["kind"])
def test_a_stage_that_ends_with_a_norm_grows(mixer: dict[str, Any], place: str) -> None:
    """The norm goes to the layer that is the last now; norms behind mixer and FFN give nothing."""
    before = spec(mixer, {"depth": 1, "end_norm": True}, ffn={"kind": "depthwise_mlp"}, norm="batch", norm_place=place)
    source, target, report = deeper(before, after=1)
    images = images_of(source, 2)
    with torch.no_grad():
        torch.testing.assert_close(target(images), source(images), rtol=1e-12, atol=1e-12)
    assert report.unused == ()
    assert "stage2.layer2.norm.weight" in report.matched


def test_a_stage_that_shrinks_keeps_its_norm() -> None:
    """That of the layer that was the last."""
    source = sparx_dsl.build(spec(BASELINES[0], {"depth": 2, "end_norm": True}))
    target = sparx_dsl.build(source.spec.remove_layer("stage2", 2).spec)
    report = transfer(source, target)
    assert report.missing == ()
    assert not any(name.startswith("stage2.layer2.norm.") for name in report.unused)


def test_a_layer_that_begins_as_the_identity_learns() -> None:
    """After two steps of gradient descent every parameter of it has moved, but for biases that a norm takes away."""
    _, target, report = deeper(spec(MIXERS[4], {"depth": 2}), after=2)
    before = {name: value.clone() for name, value in target.named_parameters() if "layer3" in name}
    for _ in range(2):
        target.zero_grad()
        target(images_of(target, 4)).square().sum().backward()
        with torch.no_grad():
            for parameter in target.parameters():
                if parameter.grad is not None:
                    parameter.sub_(0.1 * parameter.grad)
    now = dict(target.named_parameters())
    assert {name for name, value in before.items() if torch.equal(value, now[name])} == set()
    assert report.identity


def test_a_kind_that_does_not_say_how_begins_as_drawn() -> None:
    """Nothing of its layer is set, and the note says why; without identity nothing is set at all."""
    with kinds_restored(), registered(replace(KIND, name="other", options=f"{__name__}:Other", checkpoint=None)):
        _, _, report = deeper(spec({"kind": "other"}, {"depth": 1}), after=1)
    assert report.identity == ()
    assert report.notes == ("stage2.layer2 is new, and its kinds do not say how it would begin as the identity",)


@pytest.mark.parametrize(("old", "new"), [(5, 6), (6, 5), (5, 7)])
def test_layers_of_a_stage_with_a_stride_keep_their_roles(old: int, new: int) -> None:
    """Counted from the last, none becomes another; counted from the first, where one layer is added, all do."""
    before, after = (spec(MIXERS[4], {"depth": depth, "S": 2}) for depth in (old, new))
    source, target = sparx_dsl.build(before), sparx_dsl.build(after)
    renames = renames_by_stride(before, after)
    by_stride = transfer(source, target, renames)
    assert not any("is now a" in note for note in by_stride.notes)
    by_number = transfer(source, target)
    assert (len(by_stride.matched) > len(by_number.matched)) == ((new - old) % 2 == 1)
    assert f"stage2.layer{old}" in renames
    assert renames[f"stage2.layer{old}"] == f"stage2.layer{new}"


def test_other_stages_keep_their_numbers() -> None:
    """Without a stride, with another one, and of the same depth."""
    plain, strided = spec(MIXERS[4], {"depth": 3}), spec(MIXERS[4], {"depth": 3, "S": 2})
    assert renames_by_stride(plain, spec(MIXERS[4], {"depth": 4})) == {}
    assert renames_by_stride(strided, spec(MIXERS[4], {"depth": 4, "S": 3})) == {}
    assert renames_by_stride(strided, strided) == {}
