"""Layers and stages are modules that are called, as the tools of the field expect: hooks, checkpointing, extraction."""

from __future__ import annotations

import copy
import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from torch import Tensor, nn
from torch.distributed.algorithms._checkpoint import checkpoint_wrapper
from torch.func import functional_call, stack_module_state

import sparx_dsl
from sparx_dsl.inference.passes.base import modules_of
from sparx_dsl.integrations.required import import_torchvision
from sparx_dsl.lowering import Backbone
from sparx_dsl.lowering.fxgraph import other_steps
from sparx_dsl.nn.stage import Layer, Stage
from tests.support.backbones import MIXERS, mixed, small, tiny
from tests.support.compiled import backbones, images_for, map_of
from tests.support.deployed import SINGLE, images_of, results, trained, worst_error
from tests.support.live_tensors import LiveTensors
from tests.support.paths import SPECS, TESTS, ZOO
from tests.support.strategies import examples
from tests.support.witness import witness

EARLIER = TESTS / "reference" / "mixed_written_earlier.safetensors"
"""A checkpoint of ``mixed()`` that was written when layers and stages were empty containers; logits lie beside it."""


def named(path: Path) -> str:
    """The name of a spec of the zoo."""
    return path.stem


def is_layer(module: nn.Module) -> bool:
    """Whether a module is a layer."""
    return isinstance(module, Layer)


def shapes_seen(model: Backbone, images: Tensor) -> dict[str, tuple[int, ...]]:
    """The shapes of what hooks on all layers and stages are given, by the modules' paths."""
    seen: dict[str, tuple[int, ...]] = {}

    def hook_of(path: str) -> Any:
        def note(module: nn.Module, inputs: object, output: Any) -> None:
            seen[path] = tuple(map_of(output).shape)

        return note

    handles = [
        module.register_forward_hook(hook_of(path))
        for path, module in modules_of(model, nn.Module)
        if isinstance(module, Layer | Stage)
    ]
    model(images)
    for handle in handles:
        handle.remove()
    return seen


@pytest.mark.parametrize("path", ZOO, ids=named)
def test_hooks_on_every_layer_and_stage_of_the_zoo_fire(path: Path) -> None:
    """They are given the feature map, of the planned shape; ``feature_info`` names layers among them."""
    model = sparx_dsl.build(path, device="meta")
    seen = shapes_seen(model, images_for(model.spec).to("meta"))
    graph, buffers = model.schedule.graph, model.schedule.buffers
    layers = {node.name: buffers[node.name].shape for node in graph.layers()}
    ends = [graph.layers(stage)[-1].name for stage in range(1, len(model.spec.stages) + 1)]
    assert seen == layers | {end.rpartition(".")[0]: buffers[end].shape for end in ends}
    assert model.feature_info.module_name() == ends


@settings(max_examples=examples(0.3), deadline=None)
@given(model=backbones(most_stages=3, deepest=5))
def test_the_modules_run_the_steps_of_the_schedule(model: Backbone) -> None:
    """Traced down to its parts, the model calls what the fx graph of its schedule calls, on the same results."""
    assert list(other_steps(model, model.schedule)) == []


@pytest.mark.parametrize("path", ZOO, ids=named)
def test_the_zoo_runs_and_frees_as_planned(path: Path) -> None:
    """Every spec of the zoo calls the schedule's steps and frees the schedule's buffers, in evaluation and training."""
    spec = sparx_dsl.load_spec(path).edit({"input.size": 64})
    model = sparx_dsl.build(spec)
    assert list(other_steps(model, model.schedule)) == []
    for training in (False, True):
        model.train(training)
        with witness(model) as seen:
            model(images_for(spec))
        assert seen.complaints == []


def test_a_checkpoint_written_earlier_gives_the_same_logits() -> None:
    """Keys and values of a file from before layers were called still mean the same."""
    model = sparx_dsl.build(mixed()).eval()
    sparx_dsl.load_checkpoint(model, EARLIER)
    stored = np.load(EARLIER.with_suffix(".npz"))
    (found,) = results(model, torch.from_numpy(stored["images"]))
    assert worst_error([found], [torch.from_numpy(stored["logits"])]) < 1e-6


def test_a_layer_and_a_stage_can_be_called_by_themselves() -> None:
    """With plain tensors, they give what they give within the backbone, with gradients and without."""
    model = trained(sparx_dsl.build(mixed()))
    images = images_of(model, 2)
    kept: dict[str, Tensor] = {}
    with torch.no_grad():
        for path in ("stem", "stage1", "stage2", "stage2.layer1"):
            model.get_submodule(path).register_forward_hook(
                lambda module, inputs, output, path=path: kept.update({path: map_of(output)})
            )
    model(images)
    for mode in (torch.enable_grad(), torch.no_grad()):
        with mode:
            x = model.get_submodule("stem")(images)
            assert torch.equal(model.get_submodule("stage1")(x), kept["stage1"])
            assert torch.equal(model.get_submodule("stage2")(kept["stage1"]), kept["stage2"])
            inner = model.get_submodule("stage2.downsample")(kept["stage1"])
            assert torch.equal(model.get_submodule("stage2.layer1")(inner, inner), kept["stage2.layer1"])


def test_missing_features_are_named() -> None:
    """A ganglion layer, and a stage that links lead to, say which maps they were to be given."""
    model = sparx_dsl.build(tiny()).eval()
    with pytest.raises(TypeError, match=r"this layer reads x and 2 features: .*got x and 0"):
        model.get_submodule("stage2.layer2")(torch.zeros(1, 16, 4, 4))
    with pytest.raises(TypeError, match=r"this stage reads x and 2 features: deep\.layer1\.link_stage1_layer2"):
        model.get_submodule("deep")(torch.zeros(1, 16, 4, 4))
    with pytest.raises(TypeError, match="this layer reads x and 0 features, got x and 1"):
        model.get_submodule("stage1.layer1")(torch.zeros(1, 8, 8, 8), torch.zeros(1, 8, 8, 8))


@pytest.mark.parametrize("name", ["sparx_mamba_t", "sparx_swin_t"])
def test_checkpointed_layers_save_memory_and_give_the_same_gradients(name: str) -> None:
    """PyTorch's own checkpoint wrapper around every layer: bit for bit the same gradients, from fewer saved bytes."""
    model = sparx_dsl.build(sparx_dsl.load_spec(SPECS / f"{name}.yaml").edit({"input.size": 64}))
    images = images_for(model.spec, 2)
    wrapped = copy.deepcopy(model)
    apply: Any = checkpoint_wrapper.apply_activation_checkpointing  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    apply(wrapped, check_fn=is_layer)
    found: list[tuple[int, list[Tensor]]] = []
    for each in (model, wrapped):
        torch.manual_seed(0)
        with LiveTensors() as live:
            loss = each(images).square().sum()
            held = live.bytes_alive()
            # Within the mode too: operators of ours stand back where a mode looks on.
            loss.backward()
        found.append((held, [parameter.grad for parameter in each.parameters() if parameter.grad is not None]))
    (plain, expected), (fewer, gradients) = found
    assert fewer < plain / 4
    assert len(expected) == len(gradients) > 0
    assert all(torch.equal(a, b) for a, b in zip(gradients, expected, strict=True))
    assert list(wrapped.state_dict()) == list(model.state_dict())


def test_torchvision_takes_the_stages() -> None:
    """``IntermediateLayerGetter`` and ``BackboneWithFPN`` give the maps of a backbone that is built for features."""
    import_torchvision()
    getter: Any = importlib.import_module("torchvision.models._utils").IntermediateLayerGetter
    pyramid: Any = importlib.import_module("torchvision.models.detection.backbone_utils").BackboneWithFPN
    spec = sparx_dsl.load_spec(SPECS / "sparx_mamba_t.yaml").edit({"input.size": 64})
    torch.manual_seed(0)
    model, maps = sparx_dsl.build(spec).eval(), sparx_dsl.build(spec, features=(1, 2, 3, 4)).eval()
    maps.load_state_dict(model.state_dict(), strict=False)
    images = images_of(model, 1)
    names = {f"stage{number}": str(number) for number in range(1, 5)}
    with torch.no_grad():
        found = getter(model, names)(images)
        levels = pyramid(model, names, maps.feature_info.channels(), 16)(images)
    assert worst_error([*found.values()], results(maps, images)) == 0
    assert [tuple(level.shape) for level in levels.values()][:4] == [(1, 16, side, side) for side in (16, 8, 4, 2)]


def test_a_stage_that_links_lead_to_says_what_it_lacks_in_a_chain() -> None:
    """A chain of stages cannot carry cross-stage links; the error names the missing map."""
    import_torchvision()
    getter: Any = importlib.import_module("torchvision.models._utils").IntermediateLayerGetter
    model = sparx_dsl.build(mixed()).eval()
    with pytest.raises(TypeError, match=r"stage3\.layer2\.link_stage1_layer2"):
        getter(model, {"stage3": "3"})(images_of(model, 1))


@pytest.mark.filterwarnings("ignore:There is a performance drop:UserWarning")
def test_all_builds_are_of_one_class() -> None:
    """So that ``torch.func`` takes several as one ensemble."""
    first, second = (sparx_dsl.build(small("window_attention")).eval() for _ in range(2))
    assert type(first) is type(second) is type(sparx_dsl.build(mixed())) is Backbone
    parameters, buffers = stack_module_state([first, second])
    images = images_of(first, 2)

    def run(parameters: dict[str, Tensor], buffers: dict[str, Tensor]) -> Any:
        return functional_call(first, (parameters, buffers), (images,))

    with torch.no_grad():
        both = torch.vmap(run)(parameters, buffers)
    assert worst_error([*both], [*results(first, images), *results(second, images)]) < SINGLE


@pytest.mark.parametrize("mixer", MIXERS)
def test_gradients_reach_hooks_on_layers(mixer: str) -> None:
    """A full backward hook on a layer is given the gradient of its map (Grad-CAM)."""
    model = sparx_dsl.build(small(mixer)).eval()
    seen: list[Tensor] = []
    model.get_submodule("stage2.layer1").register_full_backward_hook(
        lambda module, grad_input, grad_output: seen.append(grad_output[0])
    )
    model(images_of(model, 2)).square().sum().backward()
    assert [tuple(each.shape) for each in seen] == [(2, 16, 3, 3)]
    assert seen[0].abs().max() > 0


def test_hooks_on_layers_stay_when_it_is_deployed_or_recomputes() -> None:
    """What watches a layer of the plain backbone watches that of the deployed one, and of the one within a budget."""
    model = sparx_dsl.build(mixed())
    seen: list[tuple[int, ...]] = []
    for path in ("stage1", "stage2.layer1"):
        model.get_submodule(path).register_forward_hook(
            lambda module, inputs, output: seen.append(tuple(map_of(output).shape))
        )
    images = images_of(model, 2)
    for twin in (sparx_dsl.recompute(model, "1GiB", 2), sparx_dsl.deploy(model)):
        seen.clear()
        twin(images)
        assert seen == [(2, 8, 8, 8), (2, 16, 4, 4)]


def test_a_deployed_backbone_frees_its_buffers_under_gradients_too() -> None:
    """Nothing of it takes a gradient, so that maps are given away whether or not gradients are recorded."""
    model = sparx_dsl.deploy(sparx_dsl.build(tiny()))
    with witness(model) as seen, torch.enable_grad():
        model(images_for(model.spec))
    assert seen.complaints == []
