"""Backbones as models of transformers: saved, loaded, registered, trained; and what a config.json cannot do.

transformers takes seconds to import, and is imported when the first test runs, not when tests are collected.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

import sparx_dsl
from tests.support.backbones import mixed, small, tiny
from tests.support.huggingface_models import (
    SPECS,
    backbone_of,
    classifier_of,
    config_of,
    images_for,
    ours,
    same_weights,
    transformers,
)
from tests.support.paths import ROOT


@pytest.mark.parametrize("name", SPECS)
def test_a_configuration_has_the_whole_spec(name: str, tmp_path: Path) -> None:
    """``config.json`` gives it back, equal, without what it extended, and the configuration too."""
    config = config_of(SPECS[name], out_features=["stage1"])
    config.save_pretrained(tmp_path)
    written = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    assert "extends" not in written["spec"]
    again = transformers().AutoConfig.from_pretrained(tmp_path)
    spec = sparx_dsl.parse_spec(SPECS[name])
    assert again.backbone_spec == config.backbone_spec == spec
    assert hash(again.backbone_spec) == hash(spec)
    # The folder that it was loaded from is all that differs.
    assert {**again.to_dict(), "_name_or_path": ""} == config.to_dict()


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "none": ({}, "SPX102"),
    "a path": ({"spec": "specs/sparx_mamba_t.yaml"}, "SPX103"),
    "a name of the zoo": ({"spec": "sparx_mamba_t"}, "SPX103"),
    "a text": ({"spec": "sparx: 1\nname: x\n"}, "SPX103"),
    "a list": ({"spec": [1]}, "SPX103"),
    "a file elsewhere": ({"spec": {"extends": "../../etc/passwd"}}, "SPX111"),
    "a file beside": ({"spec": {"extends": "config.yaml"}}, "SPX112"),
    "an unknown kind": ({"spec": small("ss2d", stem={"kind": "os.system"})}, "SPX106"),
    "a name that is code": ({"spec": small("ss2d", name="x; import os")}, "SPX109"),
    "too many layers": ({"spec": small("ss2d", stages=[{"channels": 8, "depth": 512}] * 3)}, "SPX401"),
    "no layers": ({"spec": small("ss2d", stages=[])}, "SPX104"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_hostile_configuration_is_refused(name: str, tmp_path: Path) -> None:
    """By the diagnostics of the language; nothing it says is a path, a name of the zoo, or code."""
    content, code = REFUSED[name]
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "sparx", **content}), encoding="utf-8")
    (tmp_path / "config.yaml").write_text(json.dumps(tiny()), encoding="utf-8")
    with pytest.raises(sparx_dsl.SparxError) as caught:
        transformers().AutoConfig.from_pretrained(tmp_path)
    assert [diagnostic.code for diagnostic in caught.value.diagnostics] == [code]


@pytest.mark.parametrize("name", ["mixed", "tiny"])
def test_a_backbone_is_loaded_as_it_was_saved(name: str, tmp_path: Path) -> None:
    """Bit for bit, from the folder, without a number drawn, and nothing is left on the meta device."""
    model = backbone_of(SPECS[name], out_features=["stem", "stage2"])
    model.save_pretrained(tmp_path)
    state = torch.get_rng_state()
    again, report = ours().SparxBackbone.from_pretrained(tmp_path, output_loading_info=True)
    assert torch.equal(torch.get_rng_state(), state)
    assert not any(report.values())
    assert type(again) is type(model)
    assert same_weights(again, model)
    images = images_for(model)
    for one, other in zip(again.eval()(images).feature_maps, model(images).feature_maps, strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("name", ["mixed", "tiny"])
def test_maps_are_those_of_the_plain_backbone(name: str) -> None:
    """Stage by stage, with the stem's first; channels and names belong to them, and stage numbers are indices."""
    model = backbone_of(SPECS[name])
    plain = sparx_dsl.build(SPECS[name], features=tuple(range(1, len(model.stage_names)))).eval()
    plain.load_state_dict(model.sparx.state_dict())
    images = images_for(model)
    with torch.no_grad():
        expected: list[Tensor] = [plain.get_submodule("stem")(images), *plain(images)]
        model.out_indices = tuple(range(len(expected)))
        result = model(images, output_hidden_states=True)
    for found in (result.feature_maps, result.hidden_states):
        assert [torch.equal(one, other) for one, other in zip(found, expected, strict=True)] == [True] * len(expected)
    assert model.channels == [each.shape[1] for each in expected]
    assert model.stage_names == ["stem", *(stage.name for stage in plain.spec.resolved)]
    model.out_features = [model.stage_names[-1]]
    with torch.no_grad():
        (last,) = model(images, return_dict=False)[0]
    assert model.out_indices == [len(expected) - 1]
    assert torch.equal(last, expected[-1])


@pytest.mark.parametrize("outputs", [{"out_features": ["stage9"]}, {"out_indices": [4]}, {"out_features": "stage1"}])
def test_outputs_that_do_not_exist_are_refused(outputs: dict[str, Any]) -> None:
    """As by every backbone of transformers."""
    with pytest.raises(ValueError, match="out_"):
        config_of(tiny(), **outputs)


def test_a_model_on_the_meta_device_has_no_values() -> None:
    """Neither weights nor drawn numbers."""
    state = torch.get_rng_state()
    config = config_of(mixed())
    with torch.device("meta"):
        model = transformers().AutoBackbone.from_config(config)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(tensor.is_meta for tensor in model.state_dict().values())


def test_what_a_checkpoint_lacks_is_drawn_and_nothing_else(tmp_path: Path) -> None:
    """A backbone's checkpoint in a classifier: the head is initial, all else is loaded, also beside what is missing."""
    model = backbone_of(mixed())
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(7.0)
    model.save_pretrained(tmp_path)
    weights = safetensors.torch.load_file(tmp_path / "model.safetensors")
    # Beside the first stands its bias, which is loaded; beside the second the rest of a scan.
    lost = {next(name for name in weights if name.endswith(end)) for end in ("projection.weight", "A_logs")}
    for name in lost:
        del weights[name]
    safetensors.torch.save_file(weights, tmp_path / "model.safetensors")
    loaded, report = ours().SparxForImageClassification.from_pretrained(tmp_path, output_loading_info=True)
    missing = set(report["missing_keys"])
    head = {f"sparx.{name}" for name in loaded.sparx.state_dict() if name.startswith("head.")}
    assert missing == {*lost, *head}
    fresh = sparx_dsl.build(mixed()).state_dict()
    for name, parameter in loaded.state_dict().items():
        if name not in missing:
            assert torch.equal(parameter, model.state_dict()[name]), name
        elif name.endswith(("linear.weight", "projection.weight")):
            assert 0.5 < float(parameter.std() / fresh[name.removeprefix("sparx.")].std()) < 2
        else:
            assert torch.equal(parameter, fresh[name.removeprefix("sparx.")]), name


def test_a_classifier_gives_logits_loss_and_maps() -> None:
    """Logits are the plain backbone's, and the loss is their cross-entropy with the labels."""
    labels = {0: "ganglion", 1: "axon", 2: "synapse"}
    model = classifier_of(tiny(), id2label=labels)
    plain = sparx_dsl.build(tiny()).eval()
    plain.load_state_dict(model.sparx.state_dict())
    images, targets = images_for(model), torch.tensor([2, 0])
    result = model(images, labels=targets, output_hidden_states=True)
    assert torch.equal(result.logits, plain(images))
    assert torch.equal(result.loss, nn.functional.cross_entropy(plain(images), targets))
    assert [each.shape[1] for each in result.hidden_states] == [8, 8, 16, 16]
    assert result.hidden_states[1].requires_grad
    assert (model.config.id2label, model.config.num_labels) == (labels, 3)
    assert model(images).keys() == {"logits"}


def test_a_classifier_takes_another_number_of_labels(tmp_path: Path) -> None:
    """As transformers does it for fine-tuning; the spec that is saved then has as many classes."""
    classifier_of(tiny()).save_pretrained(tmp_path)
    loader = transformers().AutoModelForImageClassification
    tuned = loader.from_pretrained(tmp_path, num_labels=7, ignore_mismatched_sizes=True)
    assert tuned.eval()(images_for(tuned)).logits.shape == (2, 7)
    tuned.save_pretrained(tmp_path)
    assert json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))["spec"]["head"]["classes"] == 7
    again = loader.from_pretrained(tmp_path)
    assert same_weights(again, tuned)
    assert config_of(tiny(), num_labels=5).backbone_spec == sparx_dsl.parse_spec(tiny()).edit({"head.classes": 5})


def test_a_backbone_leaves_the_head_of_a_classifier(tmp_path: Path) -> None:
    """Without a word about it, and with all the other weights."""
    model = classifier_of(tiny())
    model.save_pretrained(tmp_path)
    options: dict[str, Any] = {"out_features": ["stage2"], "output_loading_info": True}
    again, report = ours().SparxBackbone.from_pretrained(tmp_path, **options)
    assert not any(report.values())
    assert (again.out_features, again.channels) == (["stage2"], [16])
    whole = model.state_dict()
    assert all(torch.equal(whole[name], tensor) for name, tensor in again.state_dict().items())


def test_the_class_for_any_backbone_takes_models_of_the_hub_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It asks the hub first and refuses a folder, as the docs say; the class for any model takes one."""
    model = backbone_of(tiny(), out_features=["stage2"])
    model.save_pretrained(tmp_path)
    any_backbone = transformers().AutoBackbone
    with pytest.raises(ValueError, match="Repo id must be in the form 'repo_name' or 'namespace/repo_name'"):
        any_backbone.from_pretrained(str(tmp_path))
    of_folder = transformers().AutoModel.from_pretrained(tmp_path)
    assert type(of_folder) is type(model)
    assert same_weights(of_folder, model)
    assert of_folder.out_features == ["stage2"]
    answers = SimpleNamespace(repo_exists=bool)
    monkeypatch.setattr("transformers.models.auto.auto_factory.hf_api", lambda: answers)
    again = any_backbone.from_pretrained(tmp_path)
    assert type(again) is type(model)
    assert same_weights(again, model)


@pytest.mark.parametrize("head", [{"kind": "none"}, {"kind": "semantic_fpn"}])
def test_a_head_without_classes_of_images_is_refused(head: dict[str, Any]) -> None:
    """It gives maps."""
    with pytest.raises(sparx_dsl.SparxError, match=f"the head '{head['kind']}' does not classify images"):
        classifier_of(tiny(head=head))


@pytest.mark.parametrize("name", ["UPerNet", "DETR", "Mask2Former"])
def test_a_dense_model_stands_on_it(name: str, tmp_path: Path) -> None:
    """Its loss reaches every weight of the backbone, and it is loaded as it was saved."""
    from tests.support.huggingface import TASKS

    torch.manual_seed(0)
    task = TASKS[name]
    model = task.make()
    images = torch.randn(2, 3, 64, 64)
    model(pixel_values=images, **task.labels(2)).loss.backward()
    trained = {key: each for key, each in model.named_parameters() if ".sparx." in key and each.requires_grad}
    assert len(trained) > 50
    assert [key for key, each in trained.items() if each.grad is None] == []
    model.save_pretrained(tmp_path)
    again = type(model).from_pretrained(tmp_path)
    assert same_weights(again, model)
    one, other = (each.eval()(pixel_values=images).to_tuple() for each in (again, model))
    tensors = [(a, b) for a, b in zip(one, other, strict=True) if isinstance(a, Tensor)]
    assert tensors != []
    # Kernels of convolutions and linear layers depend on where a weight lies in memory, a mapped file here.
    for a, b in tensors:
        torch.testing.assert_close(a, b)


def test_a_backbone_compiles_whole() -> None:
    """In one graph, for the maps of stages."""
    model = backbone_of(small("window_attention"), out_features=["stage1", "stage2"])
    images = images_for(model)
    torch.compiler.reset()
    compiled = torch.compile(model, fullgraph=True, backend="eager")
    with torch.no_grad():
        for one, other in zip(compiled(images).feature_maps, model(images).feature_maps, strict=True):
            assert torch.equal(one, other)


@pytest.mark.parametrize(("size", "crop", "side"), [(64, 0.875, 73), ([48, 80], 1.0, 80)])
def test_the_image_processor_crops_and_normalizes(size: Any, crop: float, side: int, tmp_path: Path) -> None:
    """To the spec's size, about the centre, by ImageNet's mean and deviation; it is found beside a saved model."""
    config = config_of(tiny(input={"size": size}))
    processor = ours().image_processor(config, crop)
    image = torch.zeros(3, 2 * side, 4 * side, dtype=torch.uint8)  # of which the middle half is white
    image[:, :, side : 3 * side] = 255
    pixels = processor(image, return_tensors="pt")["pixel_values"]
    height, width = config.backbone_spec.input.size
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    white = ((1 - mean) / std).view(1, 3, 1, 1)
    assert pixels.shape == (1, 3, height, width)
    # Bicubic interpolation reaches two pixels far, and overshoots there.
    torch.testing.assert_close(pixels[..., 3:-3], white.expand_as(pixels)[..., 3:-3])
    config.save_pretrained(tmp_path)
    processor.save_pretrained(tmp_path)
    again = transformers().AutoImageProcessor.from_pretrained(tmp_path)
    assert torch.equal(again(image, return_tensors="pt")["pixel_values"], pixels)


@pytest.mark.parametrize(
    ("change", "crop", "message"),
    [({"input": {"channels": 1}}, 0.875, "the spec takes 1"), ({}, 0.0, "got 0.0"), ({}, 1.5, "got 1.5")],
)
def test_an_image_processor_that_cannot_be_is_refused(change: dict[str, Any], crop: float, message: str) -> None:
    """For images of other channels, or a crop of more than the image."""
    with pytest.raises(sparx_dsl.SparxError, match=message) as caught:
        ours().image_processor(config_of(tiny(**change)), crop)
    assert caught.value.diagnostics[0].code == "SPX560"


def test_a_missing_library_is_named() -> None:
    """With the extra that installs it."""
    code = "import sys; sys.modules['transformers'] = None; import sparx_dsl.integrations.huggingface"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    last = run.stderr.strip().splitlines()[-1]
    assert "SPX750" in last
    assert 'pip install "sparx_dsl[huggingface]"' in last
