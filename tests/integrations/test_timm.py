"""timm's contract of models, as its own tests of models assert it (``tests/test_models.py`` there), on ours."""

from __future__ import annotations

import copy
import importlib
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import sparx_dsl
import sparx_dsl.integrations.timm as ours
from sparx_dsl.lowering.budget import activation_bytes
from tests.support.backbones import mixed, small, tiny
from tests.support.hooks import noting

timm: Any = importlib.import_module("timm")

THREE_STAGES = [{"channels": 8, "depth": 1}, {"channels": 16, "depth": 2, "S": 1}, {"channels": 24, "depth": 1}]
SPECS = {"mixed": mixed(), "tiny": tiny(), "windows": small("window_attention", stages=THREE_STAGES)}
"""With links between stages, twice, and without."""
T_MODELS = ("sparx_mamba_t", "sparx_swin_t", "sparx_ssm_t", "sparx_bi_ssm_t")


def create(name: str, **options: Any) -> Any:
    """A model with fixed weights: a spec of this file, or one of the zoo; in evaluation."""
    torch.manual_seed(0)
    named = {"model_name": "sparx", "spec": SPECS[name]} if name in SPECS else {"model_name": name}
    return timm.create_model(**named, **options).eval()


def images_for(model: Any, batch: int = 1, side: int = 64) -> Tensor:
    """Images of the size that the model is for, or smaller ones."""
    channels, height, width = model.default_cfg["input_size"]
    return torch.randn(batch, channels, min(height, side), min(width, side), generator=torch.Generator().manual_seed(1))


def gradients(model: nn.Module, images: Tensor) -> dict[str, Tensor]:
    """Those of a training step, with what it draws fixed."""
    torch.manual_seed(2)
    model.zero_grad()
    model.train()(images).square().mean().backward()
    found = {name: parameter.grad for name, parameter in model.named_parameters()}
    return {name: grad.clone() for name, grad in found.items() if grad is not None}


@pytest.mark.parametrize("name", [*SPECS, *T_MODELS])
def test_a_model_is_the_backbone_with_a_head(name: str) -> None:
    """Results, names of weights and the weights that are drawn are those of ``sparx_dsl.build``."""
    model = create(name)
    torch.manual_seed(0)
    plain = sparx_dsl.build(SPECS.get(name, name)).eval()
    assert isinstance(model, sparx_dsl.Backbone)
    assert list(model.state_dict()) == list(plain.state_dict())
    images = images_for(model)
    with torch.no_grad():
        assert torch.equal(model(images), plain(images))
    assert sum(parameter.numel() for parameter in model.parameters()) == sparx_dsl.cost(plain.spec).params


@pytest.mark.parametrize("name", [*SPECS, "sparx_mamba_t"])
def test_forward_and_backward(name: str) -> None:
    """Every parameter has a gradient, also where layers are run again for it: the same ones."""
    model = create(name, num_classes=42, drop_path_rate=0.3, drop_rate=0.1)
    images = images_for(model, 2, 32)
    expected = gradients(model, images)
    assert expected.keys() == dict(model.named_parameters()).keys()
    assert model(images).shape == (2, 42)
    model.set_grad_checkpointing()
    saved = copy.deepcopy(model)
    ran: list[str] = []
    model.stage2.layer1.register_forward_pre_hook(noting(ran, "layer1"))
    found = gradients(model, images)
    assert ran == ["layer1"] * 2
    assert all(torch.allclose(found[path], grad, rtol=1e-4, atol=1e-6) for path, grad in expected.items())
    saved.set_grad_checkpointing(False)
    assert not any(stage.recomputed for stage in saved.modules() if isinstance(stage, sparx_dsl.Stage))


@pytest.mark.parametrize("name", [*SPECS, *T_MODELS])
def test_default_cfg_and_the_head(name: str) -> None:
    """Sizes and names in ``default_cfg`` are the model's; the head gives what is asked of it."""
    model, whole = create(name), create(name, num_classes=0, global_pool="")
    cfg, state = model.default_cfg, model.state_dict()
    assert cfg is model.pretrained_cfg
    assert {f"{cfg['classifier']}.weight", f"{cfg['first_conv']}.weight"} <= set(state)
    assert state[f"{cfg['first_conv']}.weight"].shape[1] == cfg["input_size"][0]
    assert model.num_classes == cfg["num_classes"] == state[f"{cfg['classifier']}.weight"].shape[0]
    shapes = create(name, device="meta").forward_features(torch.empty(1, *cfg["input_size"], device="meta")).shape
    assert shapes == (1, model.num_features, *cfg["pool_size"])
    images = images_for(model, side=32)
    with torch.no_grad():
        features = model.forward_features(images)
        pooled = model.forward_head(features, pre_logits=True)
        assert pooled.shape == (1, model.head_hidden_size)
        assert torch.equal(model.forward_head(features), model(images))
        assert torch.equal(model.get_classifier()(pooled), model(images))
        model.reset_classifier(0)
        assert model.num_classes == 0
        assert isinstance(model.get_classifier(), nn.Identity)
        assert torch.equal(model(images), pooled)
        model.reset_classifier(0, "")
        assert model(images).shape == features.shape
        assert torch.equal(whole(images), model(images))
        model.reset_classifier(5, "max")
    assert model(images).shape == (1, 5)
    assert model.spec.head.model_dump()["classes"] == 5


@pytest.mark.parametrize(
    ("name", "kind"),
    # A chain of stages carries no links.
    [*product(SPECS, ("getter", "hook", "fx")), ("windows", "list"), ("windows", "dict")],
)
def test_features_only(name: str, kind: str) -> None:
    """Each of timm's ways to the maps gives those of ``build(features=…)``, in the order of ``out_indices``."""
    wanted = (-2, -1)
    model = create(name, features_only=True, out_indices=np.array(wanted), feature_cls=kind)
    images = images_for(model)
    last = len(model.feature_info)
    plain = sparx_dsl.build(SPECS[name], features=(last - 1, last)).eval()
    plain.load_state_dict(create(name).state_dict(), strict=False)
    with torch.no_grad():
        given = model(images)
        maps = list(given.values()) if kind == "dict" else given
        for found, expected in zip(maps, plain(images), strict=True):
            assert torch.equal(found, expected)
    assert type(model.feature_info) is timm.models.FeatureInfo
    assert model.feature_info.channels() == [each.shape[1] for each in maps] == plain.feature_info.channels()
    assert model.feature_info.reduction() == plain.feature_info.reduction()


@pytest.mark.parametrize("name", T_MODELS)
def test_features_of_the_zoo(name: str) -> None:
    """One channel in, two maps out, of sizes as ``feature_info`` has them; nothing else of the model is left."""
    model = create(name, features_only=True, in_chans=1, num_classes=7, drop_path_rate=0.2, out_indices=(1, 0))
    with torch.no_grad():
        maps = model(torch.randn(1, 1, 64, 64))
    info = model.feature_info
    assert [each.shape for each in maps] == [
        (1, channels, 64 // reduction, 64 // reduction)
        for channels, reduction in zip(info.channels(), info.reduction(), strict=True)
    ]
    assert info.reduction() == [8, 4]
    assert [child for child, _ in model.model.named_children()] == ["stem", "stage1", "stage2", "head"]
    assert not any(parameter.numel() for parameter in model.model.head.parameters())


@pytest.mark.parametrize("name", SPECS)
def test_forward_intermediates(name: str) -> None:
    """All maps and the last one, some, under the norm, without what comes after them; also when checkpointed."""
    model = create(name)
    images = images_for(model)
    last = len(model.feature_info)
    info = timm.models.FeatureInfo(model.feature_info, last)
    assert info.channels() == model.feature_info.channels()
    with torch.no_grad():
        final, maps = model.forward_intermediates(images)
        assert [each.shape[1] for each in maps] == info.channels()
        assert torch.equal(final, maps[-1])
        assert torch.equal(final, model.forward_features(images))
        for indices in (1, 2, [0], (-1, 0)):
            chosen = list(range(last))[-indices:] if isinstance(indices, int) else indices
            found = model.forward_intermediates(images, indices, intermediates_only=True)
            assert all(torch.equal(each, maps[index]) for each, index in zip(found, chosen, strict=True))
        *rest, normed = model.forward_intermediates(images, norm=True, intermediates_only=True)
        assert torch.equal(normed, model.head.norm(maps[-1]))
        assert torch.equal(model.get_intermediate_layers(images, reshape=True, norm=True)[0], normed)
        assert all(map(torch.equal, rest, maps))
        ran: list[str] = []
        model.get_submodule(model.feature_info.module_name()[-1]).register_forward_hook(noting(ran, "last"))
        early, _ = model.forward_intermediates(images, [0], stop_early=True)
        assert torch.equal(early, maps[0])
        assert torch.equal(model.get_intermediate_layers(images, [0], reshape=True)[0], maps[0])
        (positions,) = model.get_intermediate_layers(images, [0])
        assert torch.equal(positions, torch.einsum("bchw->bhwc", maps[0]).reshape(1, -1, maps[0].shape[1]))
        assert ran == []
        model.forward_intermediates(images, [0])
        assert ran == ["last"]
    model.set_grad_checkpointing()
    assert torch.allclose(model.forward_intermediates(images)[0], final, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", SPECS)
def test_pruning_keeps_what_is_asked_for(name: str) -> None:
    """The maps are as before, and what gives later ones is gone; so is the head, or its classifier alone."""
    model, images = create(name), images_for(create(name))
    with torch.no_grad():
        maps = model.forward_intermediates(images, intermediates_only=True)
        head = copy.deepcopy(model)
        assert head.prune_intermediate_layers([-1]) == [len(maps) - 1]
        assert torch.equal(head(images), model.head.norm(maps[-1]))
        head.prune_intermediate_layers([-1], prune_norm=True)
        assert torch.equal(head(images), maps[-1])
        kept = copy.deepcopy(model)
        kept.prune_intermediate_layers([-1], prune_head=False)
        assert torch.equal(kept(images), model(images))
        model.set_grad_checkpointing()
        assert model.prune_intermediate_layers([0, 1]) == [0, 1]
        assert torch.equal(model(images), maps[1])
        assert all(map(torch.equal, model.forward_intermediates(images, intermediates_only=True), maps))
    assert all(stage.recomputed for stage in model.modules() if isinstance(stage, sparx_dsl.Stage))
    assert len(model.feature_info) == 2
    assert model.num_features == maps[1].shape[1]
    assert not any(path.startswith(("stage3", "deep", "head")) for path, _ in model.named_parameters())
    assert gradients(model, images).keys() == dict(model.named_parameters()).keys()


@pytest.mark.parametrize("name", SPECS)
def test_traced_by_fx(name: str) -> None:
    """torchvision's tracer, with the leaves that timm knows, gives a module of the same results and gradients."""
    extraction: Any = importlib.import_module("torchvision.models.feature_extraction")
    model = create(name)
    images = images_for(model, 2)
    known = timm.models
    options = {"leaf_modules": known.get_notrace_modules(), "autowrap_functions": known.get_notrace_functions()}
    with torch.inference_mode():
        nodes, expected = extraction.get_graph_node_names(model, tracer_kwargs=options), model(images)
        assert nodes[0] == nodes[1]
        traced = extraction.create_feature_extractor(model, [nodes[0][-1]], tracer_kwargs=options)
        (found,) = traced(images).values()
    assert torch.equal(found, expected)
    traced.train()(images)[nodes[0][-1]].mean().backward()
    assert all(parameter.grad is not None for parameter in traced.parameters())
    assert len(list(traced.parameters())) == len(list(model.parameters()))


def test_compiled_and_exported() -> None:
    """In one graph each."""
    model = create("windows")
    images = images_for(model, 2)
    compiled: Any = torch.compile(model, backend="eager", fullgraph=True)
    program = torch.export.export(model, (images,))
    with torch.no_grad():
        assert torch.equal(compiled(images), model(images))
        assert torch.allclose(program.module()(images), model(images), atol=1e-6)


@pytest.mark.parametrize("name", ["mixed", "sparx_mamba_t"])
def test_optimizers_of_timm(name: str) -> None:
    """``create_optimizer_v2`` takes rates and decay of each parameter as ``sparx_dsl.param_groups`` has them."""
    model = create(name)
    create_optimizer_v2: Any = importlib.import_module("timm.optim").create_optimizer_v2
    optimizer: Any = create_optimizer_v2(model, "adamw", lr=1e-3, weight_decay=0.05, layer_decay=0.8)
    theirs = {id(each): (group["lr_scale"], group["weight_decay"])
              for group in optimizer.param_groups for each in group["params"]}  # fmt: skip
    expected = {id(each): (group["lr_scale"], group["weight_decay"])
                for group in sparx_dsl.param_groups(model, 0.05, 0.8) for each in group["params"]}  # fmt: skip
    assert theirs == expected
    plain: Any = create_optimizer_v2(model, "adamw", lr=1e-3, weight_decay=0.05)
    free = {id(each) for group in plain.param_groups if group["weight_decay"] == 0 for each in group["params"]}
    assert free == {key for key, (_, decay) in expected.items() if decay == 0}


def test_a_model_follows_the_tools_of_a_backbone() -> None:
    """``deploy``, ``recompute``, a checkpoint of ours, and a copy."""
    model = create("tiny", num_classes=6)
    images = images_for(model)
    with torch.no_grad():
        assert torch.allclose(sparx_dsl.deploy(model)(images), model(images), atol=1e-5)
    again = sparx_dsl.recompute(model, activation_bytes(model)[0])
    assert type(again) is ours.SparxModel
    assert again.recomputed
    plain = sparx_dsl.build(model.spec)
    plain.load_state_dict(model.state_dict())
    assert torch.equal(plain.eval()(images), model(images))
    other = create("tiny", num_classes=6)
    sparx_dsl.load_checkpoint(other, {name: value * 2 for name, value in plain.state_dict().items()})
    assert not torch.equal(other(images), model(images))
