"""What a build promises before it runs: keys, feature maps and dtypes."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import sparx_dsl
from sparx_dsl import SparxError, Spec
from sparx_dsl.lowering.build import lay_out, memory_format
from tests.support.backbones import tiny
from tests.support.strategies import side_of, specs, stage_steps, stage_strides


def test_keys_of_the_tiny_sparx_mamba_are_stable() -> None:
    """The keys of ``state_dict`` begin with the names of stage, layer and part."""
    normal, ganglion = ("dpe", "mixer", "ffn"), ("dpe", "fusion", "mixer", "ffn")
    layers = {
        "stage1": [normal, normal],
        "stage2": [normal, ganglion],
        "stage3": [ganglion, normal, ganglion, normal, ganglion, normal, ganglion],
        "stage4": [ganglion, ganglion],
    }
    golden = {"stem", "head", "stage2.downsample", "stage3.downsample", "stage4.downsample"} | {
        f"{stage}.layer{number}.{part}"
        for stage, parts in layers.items()
        for number, names in enumerate(parts, start=1)
        for part in names
    }
    backbone = sparx_dsl.build("specs/sparx_mamba_t.yaml", device="meta")
    state = backbone.state_dict()
    prefix = re.compile(r"(stem|head|\w+\.downsample|\w+\.\w+\.\w+)\..+")
    assert {match[1] for key in state if (match := prefix.fullmatch(key))} == golden
    assert all(prefix.fullmatch(key) for key in state)
    assert {
        "stem.convs.0.conv.weight",
        "stage3.layer3.fusion.fusion.query.projection.conv.weight",
        "stage3.layer3.mixer.mixer.A_logs",
        "stage3.layer4.ffn.layer_scale.weight",
        "head.linear.bias",
    } <= set(state)


def test_keys_carry_the_names_of_stages_and_links() -> None:
    """A stage with a name of its own gives keys under that name, and so does the adapter of an added link."""
    keys = sparx_dsl.build(tiny(), device="meta").state_dict()
    assert {key.split(".")[0] for key in keys} == {"stem", "stage1", "stage2", "deep", "head"}
    assert {key.rsplit(".", 2)[0] for key in keys if "link" in key} == {"deep.layer1.link_stage1_layer2"}


def test_weights_travel_between_two_builds() -> None:
    """A strict ``load_state_dict`` makes a second build compute the same."""
    torch.manual_seed(0)
    first, second = sparx_dsl.build(tiny()).eval(), sparx_dsl.build(tiny()).eval()
    images = torch.randn(2, 3, 37, 50)
    assert not torch.equal(first(images), second(images))
    second.load_state_dict(first.state_dict(), strict=True)
    assert torch.equal(first(images), second(images))


@settings(max_examples=15, deadline=None)
@given(spec=specs(most_stages=3, deepest=2), height=st.integers(9, 41), width=st.integers(9, 41), data=st.data())
def test_feature_maps_have_the_announced_shapes(spec: Spec, height: int, width: int, data: st.DataObject) -> None:
    """The maps have the channels of ``feature_info``, and the image's sides over the reductions, rounded up."""
    stages = range(1, len(spec.stages) + 1)
    wanted = tuple(sorted(data.draw(st.sets(st.sampled_from(stages), min_size=1))))
    backbone = sparx_dsl.build(spec, features=wanted).eval()
    info = backbone.feature_info
    with torch.no_grad():
        maps = backbone(torch.randn(2, spec.input.channels, height, width))
    steps = stage_steps(spec.written())
    expected = [
        (2, channels, side_of(steps[stage - 1], height), side_of(steps[stage - 1], width))
        for channels, stage in zip(info.channels(), wanted, strict=True)
    ]
    assert [tuple(each.shape) for each in maps] == expected
    assert info.out_indices == wanted
    assert info.channels() == [spec.stages[stage - 1].channels for stage in wanted]
    strides = stage_strides(spec.written())
    assert info.reduction() == [strides[stage - 1] for stage in wanted]


def test_feature_backbone_ends_with_its_last_stage() -> None:
    """No module and no parameter of the head, or of a stage after the last wanted one, is made."""
    assert {name for name, _ in sparx_dsl.build(tiny(), features=(1, 2)).named_children()} == {
        "stem",
        "stage1",
        "stage2",
    }
    assert {name for name, _ in sparx_dsl.build(tiny(), features=(1, 3)).named_children()} == {
        "stem", "stage1", "stage2", "deep",
    }  # fmt: skip


def test_feature_info_speaks_timm() -> None:
    """``feature_info`` answers as timm's does; of a classifier it tells of all stages."""
    info = sparx_dsl.build(tiny(), features=(2, 3), device="meta").feature_info
    assert (info.channels(), info.reduction(), info.module_name()) == (
        [16, 16],
        [8, 16],
        ["stage2.layer4", "deep.layer3"],
    )
    first = {"num_chs": 16, "reduction": 8, "index": 2, "module": "stage2.layer4"}
    assert [first, {**first, "reduction": 16, "index": 3, "module": "deep.layer3"}] == list(info) == info.get_dicts()
    assert (len(info), info[0], info.out_indices) == (2, first, (2, 3))
    assert (info.channels(1), info.reduction([1, 0])) == (16, [16, 8])
    assert sparx_dsl.build(tiny(), device="meta").feature_info.reduction() == [4, 8, 16]


@pytest.mark.parametrize("dtype", ["int8", "complex64", torch.int64, "floating", "__class__"])
def test_other_dtypes_are_refused(dtype: Any) -> None:
    """A dtype that feature maps cannot have is an error of ours."""
    with pytest.raises(SparxError) as refused:
        sparx_dsl.build(tiny(), dtype=dtype)
    assert [diagnostic.code for diagnostic in refused.value.diagnostics] == ["SPX321"]


def test_maps_are_channels_last_on_cuda() -> None:
    """Maps take the memory format of the weights, which is chosen by device; results stay what they were."""
    formats = {device: memory_format(device) for device in ("cuda", "cpu", "meta", "mps")}
    assert [device for device, each in formats.items() if each is torch.channels_last] == ["cuda"]
    model, images = sparx_dsl.build(tiny(), features=(1, 2), dtype="float64").eval(), torch.randn(2, 3, 32, 32).double()
    before = model(images)
    for parameter in model.parameters():
        lay_out(parameter, formats["cuda"])
    for found, expected in zip(model(images), before, strict=True):
        assert expected.is_contiguous()
        assert found.is_contiguous(memory_format=torch.channels_last)
        assert torch.allclose(found, expected)
