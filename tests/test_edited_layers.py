"""Layers, stages and parts that users hook, wrap, replace or share: what they change counts, or is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import sparx_dsl
from sparx_dsl.inference.passes.base import replace as replace_module
from sparx_dsl.lowering import Backbone
from tests.support.backbones import MIXERS, mixed, small
from tests.support.compiled import map_of
from tests.support.deployed import SINGLE, images_of, results, trained, worst_error


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
    with pytest.raises(TypeError, match=r"stage1 must give a tuple of its map and then stage3"):
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
