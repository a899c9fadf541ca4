"""Baselines in the language against timm's own models: weights load by a name map, and results and gradients agree."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import sparx_dsl
from sparx_dsl.integrations.required import import_torchvision
from sparx_dsl.lowering import Backbone
from sparx_dsl.weights import released_state
from tests.support.paths import SPECS

import_torchvision()
timm: Any = importlib.import_module("timm")
TOLERANCE = 1e-5

ConvNeXt = {"depths": (1, 2, 1, 1), "dims": (8, 16, 24, 32), "num_classes": 5, "ls_init_value": 0.5}


def small(name: str, depths: tuple[int, ...], widths: tuple[int, ...]) -> sparx_dsl.Spec:
    """The spec of the zoo of that name at other depths and widths, with five classes."""
    edits: dict[str, object] = {"head.classes": 5, "layer.layer_scale": 0.5}
    for place, (depth, width) in enumerate(zip(depths, widths, strict=True), start=1):
        edits |= {f"stages.{place}.depth": depth, f"stages.{place}.channels": width}
    return sparx_dsl.load_spec(SPECS / f"{name}.yaml").edit(edits)


@pytest.fixture
def pair() -> tuple[Backbone, nn.Module]:
    """A small ConvNeXt of ours with the weights of timm's, and that."""
    torch.manual_seed(0)
    theirs = timm.models.convnext.ConvNeXt(**ConvNeXt)
    for parameter in theirs.parameters():
        nn.init.normal_(parameter, std=0.3)
    ours = sparx_dsl.build(small("convnext_t", (1, 2, 1, 1), (8, 16, 24, 32)))
    report = sparx_dsl.load_checkpoint(ours, theirs.state_dict())
    assert report.complete
    assert report.format == "timm"
    return ours, theirs


def worst(found: torch.Tensor, expected: torch.Tensor) -> float:
    """The largest difference, relative to the largest expected value."""
    return float((found - expected).abs().max() / expected.abs().max())


@pytest.mark.parametrize("size", [(64, 64), (96, 32)])
def test_logits_and_maps_agree_in_evaluation(pair: tuple[Backbone, nn.Module], size: tuple[int, int]) -> None:
    """To 1e-5, also of the deployed backbone."""
    ours, theirs = pair
    images = torch.randn(2, 3, *size)
    with torch.no_grad():
        expected = theirs.eval()(images)
        assert worst(ours.eval()(images), expected) < TOLERANCE
        assert worst(sparx_dsl.deploy(ours)(images), expected) < TOLERANCE
        wanted = theirs.get_submodule("stem")(images)
        for stage, found in ours.stage_maps(images, (1, 2, 3, 4)).items():
            wanted = theirs.get_submodule(f"stages.{stage - 1}")(wanted)
            assert worst(found, wanted) < TOLERANCE


def test_results_and_gradients_agree_in_training(pair: tuple[Backbone, nn.Module]) -> None:
    """Of the images, and of every parameter the norm."""
    ours, theirs = pair
    given = torch.randn(2, 3, 64, 64)
    gradients: list[torch.Tensor] = []
    for model in (ours.train(), theirs.train()):
        images = given.clone().requires_grad_()
        model(images).square().sum().backward()
        assert images.grad is not None
        gradients.append(images.grad)
    assert worst(gradients[0], gradients[1]) < TOLERANCE
    assert gradient_norms(ours) == pytest.approx(gradient_norms(theirs), rel=1e-4)


def gradient_norms(model: nn.Module) -> list[float]:
    """The norm of every parameter's gradient, in rising order."""
    norms: list[float] = []
    for parameter in model.parameters():
        assert parameter.grad is not None
        norms.append(parameter.grad.square().sum().sqrt().item())
    return sorted(norms)


def test_weights_are_written_by_the_names_of_timm(pair: tuple[Backbone, nn.Module]) -> None:
    """As timm's state dict, to the bit."""
    ours, theirs = pair
    found, expected = released_state(ours, "timm"), theirs.state_dict()
    assert set(found) == set(expected)
    assert all(torch.equal(found[name], value) for name, value in expected.items())


def test_another_backbone_than_the_released_ones_is_not_written(tmp_path: Path) -> None:
    """A mean behind the norm, which names and shapes do not show, is no ConvNeXt."""
    spec = small("convnext_t", (1, 2, 1, 1), (8, 16, 24, 32)).edit({"head.pool_first": False})
    model = sparx_dsl.build(spec)
    with pytest.raises(sparx_dsl.SparxError) as refused:
        sparx_dsl.save_checkpoint(model, tmp_path / "x.pth", format="timm")
    (diagnostic,) = refused.value.diagnostics
    assert diagnostic.code == "SPX640"
    assert any("takes the mean behind its norm, and the released models before" in note for note in diagnostic.notes)


def test_connections_stand_on_it() -> None:
    """SparX-ConvNeXt-T has ganglion layers, no norm in front of them, and a result for any image."""
    spec = small("sparx_convnext_t", (1, 2, 3, 2), (8, 16, 24, 32))
    model = sparx_dsl.build(spec).eval()
    assert [node.name for node in model.schedule.graph.layers() if node.ganglion] == [
        "stage2.layer2", "stage3.layer1", "stage3.layer3", "stage4.layer1", "stage4.layer2",
    ]  # fmt: skip
    assert type(model.get_submodule("stage3.layer1.fusion.norm")) is nn.Identity
    with torch.no_grad():
        images = torch.randn(2, 3, 45, 70)
        assert worst(sparx_dsl.deploy(model)(images), model(images)) < TOLERANCE


@pytest.mark.parametrize("name", ["convnext_tiny", "convnext_small", "convnext_base"])
def test_the_zoo_has_the_tensors_of_timm(name: str) -> None:
    """Of the full sizes: as many parameters, and every tensor of the file has its place."""
    with torch.device("meta"):
        theirs = timm.create_model(name, pretrained=False)
    spec = sparx_dsl.load_spec(SPECS / f"convnext_{name[9]}.yaml")
    ours = sparx_dsl.build(spec, device="meta")
    params = sum(parameter.numel() for parameter in theirs.parameters())
    assert params == sum(parameter.numel() for parameter in ours.parameters()) == sparx_dsl.cost(spec).params
    shapes = sorted(tensor.numel() for tensor in theirs.state_dict().values())
    assert shapes == sorted(tensor.numel() for tensor in ours.state_dict().values())
