"""torchvision's detectors, and its extraction of features, on our backbones."""

from __future__ import annotations

import copy
import importlib
import subprocess
import sys
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import sparx_dsl
from sparx_dsl import SparxError
from sparx_dsl.integrations.torchvision import BackboneWithFPN, backbone_with_fpn, create_feature_extractor
from tests.support.backbones import MIXERS, mixed, tiny
from tests.support.diagnostics import codes
from tests.support.paths import ROOT
from tests.support.torchvision_operators import use_naive_operators

detection: Any = importlib.import_module("torchvision.models.detection")
pyramid: Any = importlib.import_module("torchvision.ops.feature_pyramid_network")

SPEC: dict[str, Any] = {
    "sparx": 1, "name": "small", "stem": {"kind": "conv"}, "drop_path": 0.5,
    "layer": {"mixer": MIXERS["window_attention"], "fusion": {"kind": "concat"}, "norm": "batch"},
    "stages": [{"channels": 8, "depth": 1}, {"channels": 8, "depth": 2, "S": 2}, {"channels": 12, "depth": 1},
               {"channels": 16, "depth": 1}],
    "links": {"add": [{"from": "stage1.layer1", "to": "stage3.layer1"}]},
}  # fmt: skip
SIZES = {"min_size": 64, "max_size": 96}
FEW = {"rpn_pre_nms_top_n_train": 40, "rpn_pre_nms_top_n_test": 40, "rpn_post_nms_top_n_test": 20}
"""Regions that are looked at, since naive operators take their time."""
ANCHOR = importlib.import_module("torchvision.models.detection.anchor_utils").AnchorGenerator


def detectors() -> dict[str, Any]:
    """Each of torchvision's detectors that take a backbone, by the name of its class."""
    extra = pyramid.LastLevelP6P7(32, 32)
    dense: dict[str, Any] = {"returned_stages": (2, 3, 4), "extra_blocks": extra, "out_channels": 32}
    one_each = ANCHOR(((16,), (32,), (64,), (96,), (128,)), ((1.0,),) * 5)
    return {
        "FasterRCNN": lambda: detection.FasterRCNN(backbone_with_fpn(SPEC, out_channels=16), 3, **SIZES, **FEW),
        "MaskRCNN": lambda: detection.MaskRCNN(backbone_with_fpn(SPEC, out_channels=16), 3, **SIZES, **FEW),
        "RetinaNet": lambda: detection.RetinaNet(backbone_with_fpn(SPEC, **dense), 3, **SIZES),
        "FCOS": lambda: detection.FCOS(backbone_with_fpn(SPEC, **dense), 3, anchor_generator=one_each, **SIZES),
    }


def targets() -> list[dict[str, Tensor]]:
    """One object in each of two images."""
    mask = torch.zeros(1, 64, 80, dtype=torch.uint8)
    mask[:, 10:40, 10:50] = 1
    each = {"boxes": torch.tensor([[10.0, 10.0, 50.0, 40.0]]), "labels": torch.tensor([1]), "masks": mask}
    return [each, copy.deepcopy(each)]


@pytest.mark.parametrize("name", ["FasterRCNN", "MaskRCNN", "RetinaNet", "FCOS"])
def test_a_detector_trains_and_detects(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one call each: losses that are finite, a gradient for every parameter of the backbone, boxes in the image."""
    use_naive_operators(monkeypatch)
    torch.manual_seed(0)
    model = detectors()[name]()
    images = [torch.rand(3, 64, 80), torch.rand(3, 64, 80)]
    loss = torch.stack([*model.train()(images, targets()).values()]).sum()
    loss.backward()
    assert loss.isfinite()
    body = model.backbone.body
    dropped = {path for path, parameter in body.named_parameters() if parameter.grad is None}
    assert dropped == set()
    with torch.inference_mode():
        (found, _) = model.eval()(images)
    assert found["boxes"].shape[1:] == (4,)
    assert (found["boxes"] <= torch.tensor([80.0, 64.0, 80.0, 64.0]) + 1e-3).all()


@pytest.mark.parametrize("source", [mixed(), tiny()], ids=["mixed", "tiny"])
def test_levels_are_those_of_the_maps(source: dict[str, Any]) -> None:
    """Of the stages that are asked for, finest first; a built backbone shares its parts, whatever it was built for."""
    torch.manual_seed(0)
    classifier = sparx_dsl.build(source).eval()
    stages = (1, 3)
    model = backbone_with_fpn(classifier, returned_stages=stages, out_channels=8, norm=False)
    images = torch.randn(2, 3, 32, 48)
    with torch.no_grad():
        levels = model(images)
        maps = classifier.stage_maps(images, stages)
        expected = model.fpn({str(place): maps[stage] for place, stage in enumerate(stages)})
    assert list(levels) == ["0", "1", "pool"]
    assert all(torch.equal(level, expected[key]) for key, level in levels.items())
    assert not model.training
    assert model.body.get_parameter("stem.convs.0.conv.weight") is classifier.get_parameter("stem.convs.0.conv.weight")
    assert "head" not in dict(model.body.named_children())


def test_a_pyramid_stands_on_all_stages_by_default() -> None:
    """However many a spec has, built or not."""
    short: dict[str, Any] = SPEC | {"stages": SPEC["stages"][:2], "links": {}}
    for source in (short, sparx_dsl.build(short)):
        levels = backbone_with_fpn(source, out_channels=8)(torch.zeros(1, 3, 32, 32))
        assert [tuple(level.shape[2:]) for level in levels.values()] == [(8, 8), (4, 4), (2, 2)]


def test_norms_are_those_of_published_backbones() -> None:
    """One layer norm for each map, in the dtype and on the device of the backbone."""
    model = backbone_with_fpn(sparx_dsl.build(SPEC, dtype="float64", features=(2, 4)), returned_stages=(2, 4))
    shapes = {name: tuple(parameter.shape) for name, parameter in model.norms.named_parameters()}
    assert sorted(shapes.values()) == [(8,), (8,), (16,), (16,)]
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float64}
    assert all(parameter.is_meta for parameter in backbone_with_fpn(SPEC, device="meta").parameters())


@pytest.mark.parametrize("trainable", [0, 2, 4])
def test_frozen_stages_stay_as_they_are(trainable: int) -> None:
    """Through a training step: no gradient, no other running statistics, no stochastic depth; the rest trains."""
    torch.manual_seed(0)
    model = backbone_with_fpn(SPEC, trainable_stages=trainable, out_channels=8)
    frozen = ("stem", "stage1", "stage2", "stage3", "stage4")[: 5 - trainable]
    before = copy.deepcopy(model.body.state_dict())
    optimizer = torch.optim.SGD([each for each in model.parameters() if each.requires_grad], lr=0.1)
    model.train()
    torch.stack([level.square().sum() for level in model(torch.randn(2, 3, 64, 64)).values()]).sum().backward()
    optimizer.step()
    paths = tuple(f"{part}." for part in frozen)
    assert all(torch.equal(value, before[name]) for name, value in model.body.state_dict().items()
               if name.startswith(paths))  # fmt: skip
    assert {name for name, parameter in model.body.named_parameters() if parameter.grad is None} == {
        name for name, _ in model.body.named_parameters() if name.startswith(paths)
    }
    assert [model.body.get_submodule(name).training for name in ("stem", "stage1", "stage2", "stage3", "stage4")] == [
        name not in frozen for name in ("stem", "stage1", "stage2", "stage3", "stage4")
    ]
    assert isinstance(model.eval(), BackboneWithFPN)
    assert not model.training


@pytest.mark.parametrize("source", [mixed(), tiny()], ids=["mixed", "tiny"])
def test_features_are_extracted_by_name(source: dict[str, Any]) -> None:
    """Of stages, layers and parts, as hooks see them; under other names; in training and without gradients too."""
    model = sparx_dsl.build(source).eval()
    names = ["stem", "stage1.layer2", "stage2.layer1.mixer", "stage2", "head"]
    seen: dict[str, Tensor] = {}
    handles = [model.get_submodule(name).register_forward_hook(noting(seen, name)) for name in names]
    images = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        model(images)
        for handle in handles:
            handle.remove()
        extractor = create_feature_extractor(model, names)
        found = extractor(images)
        other = create_feature_extractor(model, {"stage2": "fine"})(images)
    assert found.keys() == seen.keys()
    assert all(torch.equal(found[name], seen[name]) for name in names)
    assert torch.equal(other["fine"], seen["stage2"])
    extractor.train()(images)["head"].sum().backward()
    with pytest.raises(ValueError, match="no_such_layer"):
        create_feature_extractor(model, ["no_such_layer"])


def noting(seen: dict[str, Tensor], name: str) -> Any:
    """A hook that keeps what a module gives: of a stage with links, its map."""

    def note(module: nn.Module, inputs: object, output: Any) -> None:
        seen[name] = output[0] if isinstance(output, tuple) else output

    return note


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        ({"returned_stages": (1, 5)}, "SPX322", "stages by number \\(1 to 4"),
        ({"returned_stages": (2, 1)}, "SPX322", "rising order"),
        ({"returned_stages": ()}, "SPX322", "at least one map"),
        ({"trainable_stages": 5}, "SPX560", "trainable_stages must be 0 to 4, got 5"),
        ({"trainable_stages": -1}, "SPX560", "trainable_stages"),
        ({"trainable_stages": True}, "SPX560", "trainable_stages"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused(options: dict[str, Any], code: str, says: str) -> None:
    """With the numbers that can be."""
    with pytest.raises(SparxError, match=says) as caught:
        backbone_with_fpn(SPEC, **options)
    assert codes(caught) == [code]


def test_a_missing_library_is_named() -> None:
    """Importing the integration says which extra installs it."""
    code = "import sys\nsys.modules['torchvision'] = None\nimport sparx_dsl.integrations.torchvision"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={"PYTHONPATH": str(ROOT), "PATH": ""}
    )
    assert 'SPX750 the package torchvision is not installed (pip install "sparx_dsl[torchvision]")' in run.stderr
