"""Backbones as models of mmengine: built from its configs, frozen, initialised; mmdet and mmseg do not install here."""

from __future__ import annotations

import copy
import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import sparx_dsl
from tests.support.backbones import mixed, tiny

# It scripts functions when it is imported.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


def registry() -> Any:
    """The registry of models, with ours in it."""
    importlib.import_module("sparx_dsl.integrations.mmengine")
    return importlib.import_module("mmengine.registry").MODELS


def built(source: Any, **options: Any) -> Any:
    """A backbone by a config of mmengine."""
    torch.manual_seed(0)
    config = importlib.import_module("mmengine").Config({"model": {"type": "SparxBackbone", "spec": source, **options}})
    return registry().build(config.model)


def images_for(model: Any) -> Tensor:
    """Two images of the spec's size."""
    return torch.randn(2, 3, *model.spec.input.size, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("source", [tiny(), mixed()], ids=["tiny", "mixed"])
@pytest.mark.parametrize("out_indices", [None, (0, 2), [1], np.array([0, 2])])
def test_maps_are_those_of_the_plain_backbone(source: Any, out_indices: Any) -> None:
    """A tuple of the stages that ``out_indices`` count from 0, with the same names of weights."""
    model = built(source, out_indices=out_indices).eval()
    stages = tuple(index + 1 for index in (0, 1, 2) if out_indices is None or index in out_indices)
    plain: nn.Module = sparx_dsl.build(source, features=stages).eval()
    plain.load_state_dict(model.state_dict())
    images = images_for(model)
    assert type(model(images)) is tuple
    maps: list[Tensor] = [*model(images)]
    assert [torch.equal(one, other) for one, other in zip(maps, plain(images), strict=True)] == [True] * len(stages)
    assert model.feature_info.channels() == [each.shape[1] for each in maps]


@pytest.mark.parametrize("frozen", [-1, 0, 1, 2, 3])
def test_frozen_stages_neither_learn_nor_move(frozen: int) -> None:
    """Stem and the first stages: no gradients and no running statistics, in training too; all others have both."""
    model = built(mixed(), frozen_stages=frozen).train()
    before = copy.deepcopy(model.state_dict())
    names = ["stem", "stage1", "stage2", "stage3"]
    loss = torch.stack([each.square().mean() for each in model(images_for(model))]).sum()
    if frozen < 3:
        loss.backward()
    still = {name for name, tensor in model.state_dict().items() if torch.equal(tensor, before[name])}
    for name, parameter in model.named_parameters():
        assert (parameter.grad is None) == (name.partition(".")[0] in names[: frozen + 1]), name
    for name, _ in model.named_buffers():
        assert (name in still) == (name.partition(".")[0] in names[: frozen + 1]), name


def test_norms_in_evaluation() -> None:
    """With ``norm_eval`` every BatchNorm keeps its statistics in training, and learns."""
    model = built(mixed(), norm_eval=True).train()
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    assert norms != []
    assert model.training
    assert not any(module.training for module in norms)
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_it_is_a_module_of_mmengine() -> None:
    """And a backbone: copied, recomputed within a budget, with the groups of parameters that all have."""
    model: Any = built(tiny(), frozen_stages=0, init_cfg={"type": "Constant", "layer": "Conv2d", "val": 0.01})
    for kind in (importlib.import_module("mmengine.model").BaseModule, sparx_dsl.Backbone):
        assert isinstance(model, kind)
    assert "init_cfg={'type': 'Constant'" in repr(model)
    images = images_for(model)
    model.init_weights()
    assert model.is_init
    weights = [module.weight for module in model.modules() if isinstance(module, nn.Conv2d)]
    assert all(bool((weight == 0.01).all()) for weight in weights)
    others: tuple[Any, ...] = (copy.deepcopy(model), sparx_dsl.recompute(model, "1GiB", 2))
    for other in others:
        assert all(torch.equal(a, b) for a, b in zip(other.eval()(images), model.eval()(images), strict=True))
    assert sum(len(group["params"]) for group in sparx_dsl.param_groups(model)) == len(list(model.parameters()))


@pytest.mark.parametrize(("prefix", "entry"), [("", {}), ("body.", {"prefix": "body."}), ("b.", {"prefix": "b"})])
@pytest.mark.parametrize("within", [False, True], ids=["alone", "within a model"])
def test_a_pretrained_checkpoint_is_loaded(prefix: str, entry: dict[str, str], within: bool, tmp_path: Path) -> None:
    """Whole, after everything else that ``init_cfg`` says, and once."""
    trained = sparx_dsl.build(mixed(head={"kind": "none"}))
    path = tmp_path / "trained.pth"
    others = {"neck.weight": torch.zeros(1)} if prefix else {}
    torch.save({prefix + name: tensor for name, tensor in trained.state_dict().items()} | others, path)
    init_cfg = [
        {"type": "Pretrained", "checkpoint": str(path), **entry},
        {"type": "Constant", "layer": "Conv2d", "val": 0},
    ]
    model = built(mixed(), init_cfg=init_cfg)
    outer = importlib.import_module("mmengine.model").Sequential(model) if within else model
    outer.init_weights()
    assert model.init_cfg == init_cfg
    wanted = trained.state_dict()
    assert all(torch.equal(tensor, wanted[name]) for name, tensor in model.state_dict().items())
    with torch.no_grad():
        next(model.parameters()).fill_(3.0)
    outer.init_weights()
    assert bool((next(model.parameters()) == 3.0).all())


def pretrained(path: object, **entry: object) -> dict[str, object]:
    """An ``init_cfg`` that names a checkpoint."""
    return {"init_cfg": {"type": "Pretrained", "checkpoint": path, **entry}}


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"out_indices": (3,)}, "out_indices (3,) are not stages of a backbone of 3 stages"),
    ({"out_indices": (1, 0)}, "out_indices (1, 0)"),
    ({"out_indices": ()}, "out_indices ()"),
    ({"out_indices": 1}, "out_indices 1 "),
    ({"out_indices": (True,)}, "out_indices (True,)"),
    ({"frozen_stages": 4}, "frozen_stages is 4, and the backbone runs 3 stages"),
    ({"frozen_stages": 2, "out_indices": (0,)}, "the backbone runs 1 stages"),
    ({"frozen_stages": True}, "frozen_stages is True"),
    ({"init_cfg": [3]}, "an entry without a type: 3"),
    (pretrained("https://example.org/x.pth"), "names an address"),
    (pretrained("torchvision://resnet50"), "names an address"),
    (pretrained(3), "init_cfg cannot be followed"),
    (pretrained("x.pth", strict=False), "init_cfg cannot be followed"),
]
"""Arguments, and what is said of them."""


@pytest.mark.parametrize(("options", "message"), REFUSED, ids=[message for _, message in REFUSED])
def test_an_argument_that_cannot_be_followed_is_refused(options: dict[str, Any], message: str) -> None:
    """Before anything is built, with the values."""
    registry()
    from sparx_dsl.integrations.mmengine import SparxBackbone

    with pytest.raises(sparx_dsl.SparxError) as caught:
        SparxBackbone(mixed(), **options)
    assert message in caught.value.diagnostics[0].message
    assert caught.value.diagnostics[0].code == "SPX560"


def test_a_stage_cannot_hide_an_attribute() -> None:
    """Of mmengine's, which its hooks and runners ask for."""
    source = tiny(stages=[{"name": "norm_eval", "channels": 8, "depth": 1}], links={})
    with pytest.raises(sparx_dsl.SparxError, match="has an attribute norm_eval"):
        built(source)


@pytest.mark.parametrize(("entry", "codes"), [({}, ["SPX624"]), ({"prefix": "neck"}, ["SPX615"])])
def test_a_checkpoint_that_does_not_fit_is_refused(entry: dict[str, str], codes: list[str], tmp_path: Path) -> None:
    """Which mmengine itself would load without a word, and leave every weight as it was drawn."""
    path = tmp_path / "trained.pth"
    state = sparx_dsl.build(mixed(head={"kind": "none"})).state_dict()
    torch.save(state | {"stage1.layer1.extra": torch.zeros(1)}, path)
    model = built(mixed(), **pretrained(str(path), **entry))
    before = copy.deepcopy(model.state_dict())
    with pytest.raises(sparx_dsl.SparxError) as caught:
        model.init_weights()
    assert [diagnostic.code for diagnostic in caught.value.diagnostics] == codes
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
