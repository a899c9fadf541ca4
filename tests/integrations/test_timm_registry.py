"""``timm.create_model`` with names of the zoo and specs of one's own: arguments, weights, files, refusals."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

import sparx_dsl
import sparx_dsl.integrations.timm as ours
from sparx_dsl import SparxError
from sparx_dsl.nn.layer import DropPath
from tests.support.backbones import MIXERS, mixed, small, tiny
from tests.support.diagnostics import codes
from tests.support.paths import ROOT

timm: Any = importlib.import_module("timm")

HEADLESS = small("ss2d", head={"kind": "none"})
DENSE = small("window_attention", head={"kind": "upernet", "classes": 3, "pyramid_channels": 8})


def create(**options: Any) -> Any:
    """A model of any spec, by default a small one."""
    return timm.create_model("sparx", **{"spec": small("window_attention"), **options})


def test_the_zoo_is_registered() -> None:
    """Every spec under its name, or with the prefix; each with a ``default_cfg`` of its own, once."""
    names = timm.list_models(module="sparx_models")
    assert "sparx" in names
    assert len(names) == len(sparx_dsl.list_specs()) + 1
    theirs = {*timm.list_models()} - {*names}
    plain = {name for name in sparx_dsl.list_specs() if "/" not in name and name not in theirs}
    assert set(names) == plain | {"sparx"} | {
        f"sparx_dsl_{name.replace('/', '_')}" for name in sparx_dsl.list_specs() if name not in plain
    }
    for name, spec in ours.SPECS.items():
        (cfg,) = timm.models.get_arch_pretrained_cfgs(name).values()
        assert (cfg.architecture, cfg.input_size) == (name, (spec.input.channels, *spec.input.size))
    before = [timm.model_entrypoint(name) for name in names]
    importlib.reload(ours)
    assert [timm.model_entrypoint(name) for name in names] == before
    # None of timm's own names was taken: they are of modules of timm.
    assert all(timm.is_model(name) for name in ("resnet18", "swin_tiny_patch4_window7_224"))


def test_arguments_are_edits_of_the_spec() -> None:
    """What is built is what the edited spec describes."""
    model: Any = timm.create_model(
        "sparx_swin_t", num_classes=7, in_chans=1, drop_path_rate=0.2, img_size=(64, 96), drop_rate=0.5, device="meta"
    )
    edits = {"head.classes": 7, "input.channels": 1, "drop_path": 0.2, "input.size": [64, 96]}
    assert model.spec == sparx_dsl.load_spec("sparx_swin_t").edit(edits)
    assert max(module.rate for module in model.modules() if isinstance(module, DropPath)) == pytest.approx(0.2)
    assert (model.num_classes, model.in_chans, model.drop_rate, model.head.drop.p) == (7, 1, 0.5, 0.5)
    assert next(model.parameters()).is_meta
    assert timm.models.get_model_input_config(model)["input_size"] == (1, 64, 96)
    model.set_input_size(img_size=32)
    assert model.spec.input.size == (32, 32)
    assert model.schedule.size == (32, 32)
    assert timm.models.get_model_input_config(model)["input_size"] == (1, 32, 32)
    model.set_input_size()
    assert model.spec.input.size == (32, 32)


@pytest.mark.parametrize("pool", ["max", "avgmax", "catavgmax", "fastavg"])
def test_poolings(pool: str) -> None:
    """Each feeds a classifier of its width, at first and after a change, in the mode of the model."""
    images = torch.randn(2, 3, 24, 24)
    model, other = create(global_pool=pool).eval(), create().eval()
    other.reset_classifier(4, pool)
    other.load_state_dict(create(global_pool=pool, num_classes=4).state_dict())
    for each, classes in ((model, 3), (other, 4)):
        assert each(images).shape == (2, classes)
        assert each.forward_head(each.forward_features(images), pre_logits=True).shape == (2, each.head_hidden_size)
        assert not each.get_classifier().training
    assert other.head_hidden_size == (32 if pool == "catavgmax" else 16)


@pytest.mark.parametrize("coarse", [False, True])
def test_groups_of_timm(coarse: bool) -> None:
    """timm makes a group for each layer, or each stage, from the stem to the head."""
    model = create(spec=mixed())
    groups = timm.models.group_parameters(model, model.group_matcher(coarse))
    names = [name for group in groups.values() for name in group]
    assert sorted(names) == sorted(name for name, _ in model.named_parameters())
    stages = model.spec.resolved
    assert len(groups) == 2 + (len(stages) if coarse else sum(len(stage.layers) for stage in stages))
    assert {name.partition(".")[0] for name in groups[0]} == {"stem"}
    assert {name.partition(".")[0] for name in groups[len(groups) - 1]} == {"head"}


def test_a_spec_without_a_head() -> None:
    """It gives its map and has no classes; with ``num_classes`` it is given a head."""
    model, images = create(spec=HEADLESS).eval(), torch.randn(1, 3, 24, 24)
    plain = sparx_dsl.build(HEADLESS).eval()
    plain.load_state_dict(model.state_dict())
    assert torch.equal(model(images), plain(images))
    assert (model.num_classes, model.default_cfg["num_classes"], model.default_cfg["classifier"]) == (0, 0, None)
    assert create(spec=HEADLESS, num_classes=4).eval()(images).shape == (1, 4)
    assert create(spec=DENSE, num_classes=4).eval()(images).shape == (1, 4)
    assert [each.shape[1] for each in create(spec=DENSE, num_classes=0, features_only=True).eval()(images)] == [8, 16]


def test_weights_of_a_file(tmp_path: Path) -> None:
    """timm's own loading takes a checkpoint of ours, whole or for other classes and channels."""
    source = sparx_dsl.build(small("window_attention"))
    path = tmp_path / "weights.safetensors"
    sparx_dsl.save_checkpoint(source, path)
    loaded = create(checkpoint_path=str(path))
    assert all(torch.equal(value, loaded.state_dict()[name]) for name, value in source.state_dict().items())
    other = create(pretrained=True, pretrained_cfg_overlay={"file": str(path)}, num_classes=5, in_chans=1)
    first = other.default_cfg["first_conv"]
    assert torch.allclose(other.get_parameter(f"{first}.weight"), source.get_parameter(f"{first}.weight").sum(1, True))
    same = [name for name in source.state_dict() if not name.startswith((first, "head.linear"))]
    assert all(torch.equal(source.state_dict()[name], other.state_dict()[name]) for name in same)
    maps = create(pretrained=True, pretrained_cfg_overlay={"file": str(path)}, features_only=True)
    assert torch.equal(maps.model.get_parameter(f"{first}.weight"), source.get_parameter(f"{first}.weight"))
    with pytest.raises(RuntimeError, match="No pretrained weights exist"):
        timm.create_model("sparx_swin_t", pretrained=True, device="meta")


def test_a_saved_model_holds_its_spec(tmp_path: Path) -> None:
    """timm writes a model and makes it again; a path in such a file opens nothing."""
    model = create(spec=tiny(), num_classes=4).eval()
    timm.models.save_for_hf(model, str(tmp_path / "model"))
    again: Any = timm.create_model(f"local-dir:{tmp_path / 'model'}", pretrained=True).eval()
    images = torch.randn(1, 3, 32, 32)
    assert torch.equal(again(images), model(images))
    (tmp_path / "mine.yaml").write_text(sparx_dsl.dump_spec(model.spec), encoding="utf-8")
    timm.models.save_for_hf(create(spec=str(tmp_path / "mine.yaml"), num_classes=4), str(tmp_path / "path"))
    with pytest.raises(SparxError, match="names a spec by its path") as caught:
        timm.create_model(f"local-dir:{tmp_path / 'path'}")
    assert codes(caught) == ["SPX560"]


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        ({"global_pool": "mean"}, "SPX560", "unknown pooling 'mean'"),
        ({"global_pool": ""}, "SPX560", "a classifier needs pooling"),
        ({"drop_rate": 1.5}, "SPX560", "drop_rate must be"),
        ({"num_classes": -1}, "SPX104", "classes"),
        ({"num_classes": True}, "SPX103", "classes"),
        ({"in_chans": 0}, "SPX104", "channels"),
        ({"img_size": "x"}, "SPX103", 'not "x"'),
        ({"img_size": 1.5}, "SPX103", "not 1.5"),
        ({"drop_path_rate": 1.0}, "SPX104", "drop_path"),
        ({"spec": DENSE}, "SPX560", "the head upernet gives no classes"),
        ({"spec": HEADLESS, "global_pool": "avg"}, "SPX560", "the backbone has no head"),
        ({"spec": "no_such_spec"}, "SPX503", "unknown spec"),
        ({"spec": mixed(), "features_only": True, "feature_cls": "list"}, "SPX560", "links lead past stages"),
        ({"features_only": True, "out_indices": (0, 2)}, "SPX560", "invalid indices"),
        ({"features_only": True, "out_indices": 3}, "SPX560", "invalid indices 3"),
        ({"spec": small("ss2d", stages=[{"channels": 8, "depth": 1, "name": "num_classes"}])}, "SPX201", "reserved"),
        ({"spec": small("ss2d", stages=[{"channels": 8, "depth": 1, "name": "forward_head"}])}, "SPX201", "reserved"),
    ],
)
def test_what_cannot_be_is_refused(options: dict[str, Any], code: str, says: str) -> None:
    """With what is wrong."""
    with pytest.raises(SparxError, match=says) as caught:
        create(**options)
    assert code in codes(caught)


def test_calls_that_cannot_be_are_refused() -> None:
    """The model is as it was."""
    model = create(spec=small("window_attention", layer={"mixer": MIXERS["window_attention"]})).eval()
    images = torch.randn(1, 3, 24, 24)
    before = model(images)
    for call, says in (
        (lambda: model.reset_classifier(3, ""), "a classifier needs pooling"),
        (lambda: model.reset_classifier(0, "mean"), "unknown pooling"),
        (lambda: model.forward_intermediates(images, output_fmt="NLC"), "output_fmt"),
        (lambda: model.forward_intermediates(images, indices=[2]), "invalid indices"),
        (lambda: model.forward_intermediates(images, indices=0), "invalid indices"),
        (lambda: model.prune_intermediate_layers([-3]), "invalid indices"),
        (lambda: model.set_input_size(0), "size"),
        (lambda: model.reset_classifier(-2), "classes"),
    ):
        with pytest.raises(SparxError, match=says):
            call()
    assert torch.equal(model(images), before)
    model.prune_intermediate_layers([0])
    for call in (lambda: model.reset_classifier(2), lambda: model.reset_classifier(0, "avg")):
        with pytest.raises(SparxError, match="has no head"):
            call()


OTHERS_FIRST = """
import sys
sys.modules["timm"] = None
import sparx_dsl
try:
    import sparx_dsl.integrations.timm
except sparx_dsl.SparxError as error:
    print(error.diagnostics[0].code, error.diagnostics[0].help)
del sys.modules["timm"]
from sparx_dsl.integrations.required import import_torchvision
import_torchvision()
import timm
def sparx_mamba_t(pretrained=False, **options):
    return "theirs"
timm.models.register_model(sparx_mamba_t)
import sparx_dsl.integrations.timm
print(timm.create_model.__module__, timm.model_entrypoint("sparx_mamba_t")(), end=" ")
print(timm.create_model("sparx_dsl_sparx_mamba_t", device="meta").spec.name)
"""


@pytest.mark.slow
def test_names_of_others_are_left_alone(tmp_path: Path) -> None:
    """A model that is there before keeps its name, and ours has the prefix; without timm the extra is named."""
    (tmp_path / "sparx_mamba_t.yaml").write_text("not: a spec\n", encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", OTHERS_FIRST], capture_output=True, text=True, cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": "", "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    first, second = run.stdout.splitlines() or ["", run.stderr]
    assert first == 'SPX750 pip install "sparx_dsl[timm]"'
    assert second.split()[1:] == ["theirs", "sparx_mamba_t"]
