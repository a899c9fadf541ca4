"""Mixers that attend to whole maps: against torch's own attention, at any size, exported and compiled."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import sparx_dsl
from sparx_dsl.inference.deploy import deploy
from sparx_dsl.inference.passes.base import modules_of
from sparx_dsl.kinds.mixers.attention.options import AttentionMixer
from sparx_dsl.kinds.mixers.spatial_reduction_attention.options import SpatialReductionAttention
from sparx_dsl.language.base import Site
from sparx_dsl.nn.layer import normal_mixing
from tests.support.backbones import attending
from tests.support.deployed import SINGLE, images_of, results, trained, worst_error
from tests.support.modules import builder, random_map, settle

SITE = Site(8, 8)
MIXER = {"kind": "spatial_reduction_attention", "head_width": 4}
REDUCED = [{"channels": 8, "depth": 1, "end_norm": True, "layer": {"mixer": {**MIXER, "reduction": reduction}}}
           for reduction in ("pool", 2)]  # fmt: skip
"""A stage of one layer for each way to make a map smaller."""
CLOSE = 1e-5
"""The error of exported programs that is accepted, relative to the largest value."""


@pytest.mark.parametrize("bias", [True, False])
def test_attention_is_that_of_torch(bias: bool) -> None:
    """``nn.MultiheadAttention`` with the same weights, over the positions row by row."""
    options = AttentionMixer(heads=4, qkv_bias=bias)
    ours: Any = settle(normal_mixing(options, SITE, builder("mixer", options)))
    theirs = nn.MultiheadAttention(8, 4, batch_first=True).to(ours.mixer.out_projection.weight.dtype).eval()
    assert (ours.projection.bias is not None) == bias
    with torch.no_grad():
        theirs.in_proj_weight.copy_(ours.projection.weight.flatten(1))
        theirs.in_proj_bias.copy_(ours.projection.bias if bias else torch.zeros(24))
        theirs.out_proj.weight.copy_(ours.mixer.out_projection.weight.flatten(1))
        theirs.out_proj.bias.copy_(ours.mixer.out_projection.bias)
        x = random_map(8, 5, 3)
        positions = ours.norm(x).flatten(2).transpose(1, 2)
        attended, _ = theirs(positions, positions, positions)
        torch.testing.assert_close(ours(x), x + attended.transpose(1, 2).reshape(x.shape))


@settings(max_examples=15, deadline=None)
@given(height=st.integers(1, 13), width=st.integers(1, 13), ratio=st.integers(2, 6))
def test_what_fills_no_window_is_not_attended_to(height: int, width: int, ratio: int) -> None:
    """Keys and values change with the rows and columns of whole windows alone; a map within one is padded."""
    options = SpatialReductionAttention(heads=2, reduction=ratio)
    mixer: Any = settle(builder("mixer", options)(options, SITE))
    x = random_map(8, height, width)
    rows, columns = height // ratio or 1, width // ratio or 1
    assert mixer.reduced(x).shape == (len(x), 8, rows, columns)
    changed = x.clone()
    changed[:, :, rows * ratio :] += 1
    changed[:, :, :, columns * ratio :] += 1
    torch.testing.assert_close(mixer.reduced(changed), mixer.reduced(x))


def test_a_norm_ends_the_stages_that_say_so() -> None:
    """As the last part of the last layer, of which every map that leaves the stage is made."""
    model = trained(sparx_dsl.build(attending())).eval()
    ends = {name for name, _ in modules_of(model, nn.Module) if name.count(".") == 2 and name.endswith(".norm")}
    downsamplings = {"stage2.downsample.norm", "stage3.downsample.norm"}
    assert ends - downsamplings == {"stage1.layer1.norm", "stage2.layer2.norm", "stage3.layer2.norm"}
    norm = cast("nn.LayerNorm", model.get_submodule("stage2.layer2.norm"))
    with torch.no_grad():
        norm.weight.zero_()
        norm.bias.copy_(torch.arange(16.0))
        found = model.stage_maps(images_of(model, 2), (2,))[2]
    assert torch.equal(found, torch.arange(16.0)[:, None, None].expand(found.shape))


def test_a_compiler_takes_the_deployed_backbone_whole() -> None:
    """At a second size and number of images too, with the results of the plain backbone."""
    torch.compiler.reset()
    model = trained(sparx_dsl.build(attending(stages=REDUCED))).eval()
    compiled = torch.compile(deploy(model), backend="eager", fullgraph=True)
    for images in (images_of(model, 2), torch.randn(3, 3, 45, 70)):
        assert worst_error(results(compiled, images), results(model, images)) < SINGLE


def test_onnxruntime_runs_it_with_any_number_of_images(tmp_path: Path) -> None:
    """The exporter's program is that of a .pt2 file first."""
    model = sparx_dsl.build(attending(stages=REDUCED))
    report = sparx_dsl.export(model, tmp_path / "model.onnx", "onnx", size=(32, 32), dynamic=("batch",))
    assert report.error <= CLOSE
    assert report.batches == (1, 3)
