"""Layers and stages are modules that are called, as the tools of the field expect: hooks, checkpointing, extraction."""

from __future__ import annotations

import copy
import importlib
from collections.abc import Callable
from dataclasses import replace
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
from sparx_dsl.inference.passes.base import replace as replace_module
from sparx_dsl.lowering import Backbone
from sparx_dsl.lowering.fxgraph import other_steps
from sparx_dsl.nn.stage import Layer, Stage
from tests.support.backbones import MIXERS, mixed, small, tiny
from tests.support.compiled import backbones, images_for
from tests.support.deployed import SINGLE, images_of, results, trained, worst_error
from tests.support.live_tensors import LiveTensors
from tests.support.paths import SPECS, TESTS, ZOO
from tests.support.strategies import examples
from tests.support.torchvision_operators import import_torchvision
from tests.support.witness import witness

EARLIER = TESTS / "reference" / "mixed_written_earlier.safetensors"
"""A checkpoint of ``mixed()`` that was written when layers and stages were empty containers; logits lie beside it."""


def named(path: Path) -> str:
    """The name of a spec of the zoo."""
    return path.stem


def is_layer(module: nn.Module) -> bool:
    """Whether a module is a layer."""
    return isinstance(module, Layer)


def map_of(output: Any) -> Tensor:
    """The feature map in what a layer or a stage gives; a stage in which links start gives theirs behind it."""
    return output if isinstance(output, Tensor) else output[0]


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


def test_other_steps_are_named() -> None:
    """A model that gathers features in another order, or leaves out a part, does not pass for the schedule."""
    model = sparx_dsl.build(tiny(), device="meta")
    stage = model.get_submodule("stage2")
    assert isinstance(stage, Stage)
    *calls, last = stage.calls
    x, *features = last.reads
    stage.calls = (*calls, replace(last, reads=(x, *reversed(features))))
    assert list(other_steps(model, model.schedule)) == [
        "stage2_layer4_gather is planned, and cat_1 is called, or on other results"
    ]
    stage.calls = (*calls, last)
    del model.get_submodule("stage1.layer1").ffn
    assert "steps are" in next(other_steps(model, model.schedule))


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
                lambda module, inputs, output, path=path: kept.update(
                    {path: map_of(output)}
                )
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


class Skip(nn.Module):
    """A layer or stage that was pruned: it gives what it is given."""

    def forward(self, x: Tensor, *features: Tensor) -> Tensor:
        """Any map to itself."""
        return x


class Doubling(nn.Module):
    """A layer or stage within another module, which is given twice the map."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor, *features: Tensor) -> Tensor:
        """What the inner module makes of the double."""
        return self.inner(2 * x, *features)


def doubled_by_hook(model: Backbone, path: str) -> None:
    """A hook doubles what the module is given."""
    model.get_submodule(path).register_forward_pre_hook(lambda module, inputs: (inputs[0] * 2, *inputs[1:]))


def doubled_by_forward(model: Backbone, path: str) -> None:
    """Its forward is another function."""
    module = model.get_submodule(path)
    original: Callable[..., Any] = module.forward

    def doubled(x: Tensor, *features: Tensor) -> Any:
        return original(x * 2, *features)

    module.forward = doubled


EDITS: dict[str, Callable[[Backbone, str], None]] = {
    "a hook before it": doubled_by_hook,
    "another forward": doubled_by_forward,
    "a wrapper": lambda model, path: replace_module(model, path, Doubling(model.get_submodule(path))),
    "nothing in its place": lambda model, path: replace_module(model, path, Skip()),
    "a hook behind it": lambda model, path: watch(
        model, path, lambda module, inputs, output: output + (1 + inputs[0].mean()) * output.roll(1, 1)
    ),
}


def watch(model: Backbone, path: str, hook: Callable[[nn.Module, Any, Any], Any]) -> None:
    """Register a hook behind a module."""
    model.get_submodule(path).register_forward_hook(hook)


@pytest.mark.parametrize("path", ["stage1.layer2", "stage2.layer2", "stage2", "stage2.layer1"])
@pytest.mark.parametrize("edit", EDITS)
def test_edits_of_layers_and_stages_count_with_gradients_and_without(edit: str, path: str) -> None:
    """Whatever is put before, behind, around or in the place of one is given plain tensors, in inference too."""
    model = trained(sparx_dsl.build(small("window_attention", stages=STAGES)))
    images = images_of(model, 2)
    (plain,) = results(model, images)
    EDITS[edit](model, path)
    recorded = model(images)
    assert isinstance(recorded, Tensor)
    (found,) = results(model, images)
    assert worst_error([found], [recorded.detach()]) < SINGLE
    assert worst_error([found], [plain]) > 1e-3


STAGES = [{"channels": 8, "depth": 2}, {"channels": 8, "depth": 3, "S": 3}]


def test_maps_for_links_are_a_tuple() -> None:
    """A hook that makes one tensor of a stage's maps is told so, and is never read along the batch."""
    model = sparx_dsl.build(mixed()).eval()
    watch(model, "stage1", lambda module, inputs, output: output[0])
    with pytest.raises(TypeError, match=r"stage1 must give a tuple of its map and those of the links stage3"):
        model(images_of(model, 2))


def test_deployed_backbones_keep_what_is_on_the_root() -> None:
    """Hooks and attributes of the backbone itself, and modules beside its parts."""
    model = trained(sparx_dsl.build(mixed()))
    watch(model, "", lambda module, inputs, output: output * 2)
    model.register_module("aux", nn.Linear(3, 3))
    images = images_of(model, 2)
    deployed = sparx_dsl.deploy(model)
    assert worst_error(results(deployed, images), results(model, images)) < SINGLE
    assert torch.equal(deployed.get_parameter("aux.weight"), model.get_parameter("aux.weight"))


def test_deployment_fires_no_hooks() -> None:
    """They are for tensors with values; what a hook changes, even the shape, is no matter of deployment."""
    model = trained(sparx_dsl.build(mixed()))
    seen: list[float] = []
    for path in ("stem", "stage1", "stage2.layer1", "stage2.layer1.mixer"):
        watch(model, path, lambda module, inputs, output: seen.append(float(map_of(output).mean())))
    watch(model, "head", lambda module, inputs, output: torch.cat([output, output]))
    deployed = sparx_dsl.deploy(model)
    assert seen == []
    images = images_of(model, 2)
    assert worst_error(results(deployed, images), results(model, images)) < SINGLE
    assert len(seen) == 8


def test_shared_parts_are_deployed_and_recomputed() -> None:
    """A part, or a layer, that stands in two places runs in both."""
    model = sparx_dsl.build(mixed())
    replace_module(model, "stage2.layer2.mixer.mixer", model.get_submodule("stage2.layer1.mixer.mixer"))
    replace_module(model, "stage1.layer2.ffn", model.get_submodule("stage1.layer1.ffn"))
    trained(model)
    images = images_of(model, 2)
    assert worst_error(results(sparx_dsl.deploy(model), images), results(model, images)) < SINGLE
    assert worst_error(results(sparx_dsl.recompute(model, "1GiB", 2), images), results(model, images)) == 0


MISFITS: dict[str, Callable[[Backbone], object]] = {
    "another head": lambda model: replace_module(model, "head", nn.Identity()),
    "another forward of a layer": lambda model: doubled_by_forward(model, "stage1.layer1"),
    "another forward of a part": lambda model: doubled_by_forward(model, "stage1.layer1.ffn"),
    "a layer less": lambda model: replace_module(model, "stage1.layer1", Skip()),
    "a part less": lambda model: delattr(model.get_submodule("stage1.layer1"), "ffn"),
}


@pytest.mark.parametrize("misfit", MISFITS)
def test_what_cannot_be_deployed_is_refused(misfit: str) -> None:
    """By a diagnostic, and not by an error from within a pass."""
    model = sparx_dsl.build(mixed()).eval()
    MISFITS[misfit](model)
    with pytest.raises(sparx_dsl.SparxError) as caught:
        sparx_dsl.deploy(model)
    assert [each.code for each in caught.value.diagnostics] == ["SPX324"]


@pytest.mark.parametrize(
    ("path", "module"),
    [("stage1.layer1.dpe.conv", nn.Conv2d(8, 8, 3, padding=1)),
     ("stage1.layer1.mixer.norm", nn.BatchNorm2d(8, track_running_stats=False))],
)  # fmt: skip
def test_what_cannot_be_folded_stays(path: str, module: nn.Module) -> None:
    """A position encoding that mixes channels, and a BatchNorm of the batch's own statistics."""
    model = sparx_dsl.build(mixed(layer={"mixer": MIXERS["ss2d"], "norm": "batch", "dpe": True}))
    replace_module(model, path, module)
    trained(model)
    images = images_of(model, 2)
    assert worst_error(results(sparx_dsl.deploy(model), images), results(model, images)) < SINGLE
