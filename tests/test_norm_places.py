"""Norms behind mixer and FFN, on the branch (Swin V2): where they stand, in training and in inference."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

import sparx_dsl
from sparx_dsl.search.canonical_form import fingerprint
from tests.support.modules import settle


def spec_of(**layer: Any) -> dict[str, Any]:
    """A normal and a ganglion layer of eight channels."""
    mixer = {"kind": "window_attention", "window": 3, "heads": 2}
    fusion = {"kind": "concat", "ratio": 1}
    stages = [{"channels": 8, "depth": 2, "ganglion": [2], "cross_stage": "none"}]
    layer = {"mixer": mixer, "fusion": fusion, "ffn": {"kind": "mlp", "ratio": 1}, "norm_place": "post", **layer}
    return {"sparx": 1, "name": "small", "input": {"size": 16}, "stem": {"kind": "patch"}, "layer": layer,
            "stages": stages}  # fmt: skip


@pytest.mark.parametrize("scale", [{}, {"layer_scale": 0.5}, {"layer_scale": 0.5, "layer_scale_on": "branch"}])
def test_the_norm_is_the_last_of_the_branch(scale: dict[str, Any]) -> None:
    """x ← scale(x) + norm(mixer(projection(x))), then with the FFN; what the fusion reads is not normalised."""
    model = settle(sparx_dsl.build(spec_of(**scale)))
    x = first = torch.randn(2, 8, 4, 4, dtype=torch.float64)
    state: dict[str, Tensor] = model.state_dict()

    def joined(x: Tensor, branch: Tensor, part: str) -> Tensor:
        weight, bias = (state[f"{part}.post_norm.{leaf}"] for leaf in ("weight", "bias"))
        branch = functional.layer_norm(branch.permute(0, 2, 3, 1), (8,), weight, bias).permute(0, 3, 1, 2)
        if f"{part}.branch_scale.weight" in state:
            branch = branch * state[f"{part}.branch_scale.weight"][:, None, None]
        if f"{part}.layer_scale.weight" in state:
            weight, bias = (state[f"{part}.layer_scale.{leaf}"][:, None, None] for leaf in ("weight", "bias"))
            x = x * weight + bias
        return x + branch

    normal, ganglion = model.stage1.layer1, model.stage1.layer2
    x = joined(x, normal.mixer.mixer(normal.mixer.projection(x)), "stage1.layer1.mixer")
    x = joined(x, normal.ffn.ffn(x), "stage1.layer1.ffn")
    torch.testing.assert_close(normal(first), x)
    y = joined(x, ganglion.mixer.mixer(ganglion.fusion.fusion(x, x)), "stage1.layer2.mixer")
    y = joined(y, ganglion.ffn.ffn(y), "stage1.layer2.ffn")
    torch.testing.assert_close(ganglion(x, x), y)


@pytest.mark.parametrize("norm", ["layer", "batch", "group"])
def test_deployed_norms_behind_the_branch(norm: str) -> None:
    """Deployment moves no shift of a scale, and no bias, in front of a norm that would see it."""
    model = settle(sparx_dsl.build(spec_of(norm=norm, layer_scale=0.5, ffn={"kind": "conv", "ratio": 1}))).float()
    images = torch.randn(2, 3, 16, 16)
    with torch.no_grad():
        expected = model(images)
        torch.testing.assert_close(sparx_dsl.deploy(model)(images), expected, rtol=1e-4, atol=1e-4)


def test_another_place_is_another_backbone() -> None:
    """Hashes differ, and the weights of the one are not those of the other."""
    post, pre = sparx_dsl.build(spec_of()), sparx_dsl.build(spec_of(norm_place="pre"))
    assert fingerprint(post.spec) != fingerprint(pre.spec)
    with pytest.raises(sparx_dsl.SparxError, match="SPX622"):
        sparx_dsl.load_checkpoint(post, pre.state_dict())
