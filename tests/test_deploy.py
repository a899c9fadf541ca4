"""Deployed backbones give the results of the plain one, all passes together and each by itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import sparx_dsl
from sparx_dsl.inference.deploy import INFERENCE, deploy
from sparx_dsl.inference.passes.base import Change, Pass, apply_passes, modules_of
from sparx_dsl.inference.passes.tile_batch import TileBatch
from sparx_dsl.inference.tiled_batch import TiledBatch
from sparx_dsl.lowering import Backbone
from tests.support.backbones import MIXERS, mixed
from tests.support.deployed import DOUBLE, SINGLE, images_of, results, trained, worst_error
from tests.support.paths import SPECS
from tests.support.strategies import examples, specs


@st.composite
def backbones(draw: st.DrawFn, dtype: torch.dtype = torch.float32) -> Backbone:
    """A backbone of a small generated spec with random weights, for logits or for some stages' maps."""
    spec = draw(specs(most_stages=3, deepest=3))
    stages = range(1, len(spec.stages) + 1)
    features = draw(st.none() | st.sets(st.sampled_from(stages), min_size=1).map(lambda few: tuple(sorted(few))))
    torch.manual_seed(0)
    return trained(sparx_dsl.build(spec, features=features, dtype=dtype), draw(st.integers(0, 9)))


@settings(max_examples=examples(0.15), deadline=None)
@given(model=backbones(), batch=st.integers(1, 3))
def test_results_are_those_of_the_plain_backbone(model: Backbone, batch: int) -> None:
    """A deployed backbone gives what the plain one gives in evaluation, to 1e-5 of the largest value."""
    images = images_of(model, batch)
    assert worst_error(results(deploy(model), images), results(model, images)) < SINGLE


@settings(max_examples=examples(0.15), deadline=None)
@given(model=backbones(torch.float64), height=st.integers(16, 40), width=st.integers(16, 40))
def test_passes_are_exact_at_any_size(model: Backbone, height: int, width: int) -> None:
    """In double precision nothing but rounding tells the two apart, at sizes that were not planned for."""
    images = images_of(model, 2, (height, width))
    assert worst_error(results(deploy(model), images), results(model, images)) < DOUBLE


@pytest.mark.parametrize("single", INFERENCE, ids=lambda each: each.name)
@settings(max_examples=examples(0.05), deadline=None)
@given(model=backbones())
def test_each_pass_alone_keeps_the_results(single: Pass, model: Backbone) -> None:
    """Every pass is sound without the others."""
    images = images_of(model, 2)
    assert worst_error(results(deploy(model, [single]), images), results(model, images)) < SINGLE


@settings(max_examples=examples(0.05), deadline=None)
@given(model=backbones())
def test_passes_twice_are_passes_once(model: Backbone) -> None:
    """A deployed backbone is left alone when it is deployed again."""
    images = images_of(model, 2)
    once = deploy(model)
    assert worst_error(results(deploy(once), images), results(once, images)) < SINGLE


@settings(max_examples=examples(0.05), deadline=None)
@given(model=backbones())
def test_the_model_stays_as_it_was(model: Backbone) -> None:
    """Deploying touches no weight, mode, module or line of code of the model, and shares no memory with it."""
    model.train()
    state = {name: value.clone() for name, value in model.state_dict().items()}
    before = (model.code, repr(model), [parameter.requires_grad for parameter in model.parameters()])
    deployed = deploy(model)
    assert before == (model.code, repr(model), [parameter.requires_grad for parameter in model.parameters()])
    assert all(module.training for module in model.modules())
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    own = {tensor.data_ptr() for tensor in model.state_dict().values() if tensor.numel()}
    assert not own & {tensor.data_ptr() for tensor in deployed.state_dict().values()}
    assert not any(parameter.requires_grad for parameter in deployed.parameters())


def test_tiles_of_the_batch_are_the_whole_batch() -> None:
    """Results do not depend on how many images a part takes at a time."""
    model = trained(sparx_dsl.build(mixed()))
    images = images_of(model, 5)
    tiled = deploy(model, (*INFERENCE[:-1], TileBatch(tile_bytes=2 * 4 * 16 * 8 * 8 * 4)))
    counts = {each.images_at_once(torch.empty(5, 16, 8, 8)) for _, each in modules_of(tiled, TiledBatch)}
    assert len(counts & {1, 2, 3, 4}) > 1
    assert worst_error(results(tiled, images), results(deploy(model), images)) < SINGLE


def test_what_is_folded_is_gone() -> None:
    """SparX-Mamba-T has no BatchNorm left but the ones before padded convolutions, of which it has none."""
    model = deploy(sparx_dsl.build(SPECS / "sparx_mamba_t.yaml", device="meta"))
    kinds = {type(module).__name__ for module in model.modules()}
    assert not kinds & {"BatchNorm2d", "ConvNorm", "Dpe", "LayerScale", "Conv2d"}
    assert {"PositionLinear", "FoldedScale", "TiledBatch"} <= kinds


def test_build_deploys() -> None:
    """``build(deploy=True)`` is ``deploy(build())``, from a spec and from a file of weights."""
    torch.manual_seed(5)
    built = sparx_dsl.build(mixed(), deploy=True)
    torch.manual_seed(5)
    model = sparx_dsl.build(mixed())
    images = images_of(model, 2)
    assert worst_error(results(built, images), results(sparx_dsl.deploy(model), images)) == 0


def test_build_deploys_saved_weights(tmp_path: Path) -> None:
    """A file of weights is built for inference by its path alone."""
    model = trained(sparx_dsl.build(mixed()))
    sparx_dsl.save_checkpoint(model, tmp_path / "weights.safetensors")
    built = sparx_dsl.build(tmp_path / "weights.safetensors", deploy=True)
    images = images_of(model, 2)
    assert worst_error(results(built, images), results(model, images)) < SINGLE


@dataclass(frozen=True)
class Spoil:
    """A pass that breaks what every pass must leave true: it puts a module at a path, once or time after time."""

    path: str
    made: nn.Module
    ends: bool = True
    name: str = "spoil"

    def changes(self, backbone: Backbone) -> Iterator[Change]:
        """The path, as long as the module is not there, or always."""
        if not self.ends or dict(modules_of(backbone, nn.Module)).get(self.path) is not self.made:
            yield self.path, lambda: self.made


SPOILS = {
    "results are": Spoil("head.linear", nn.Linear(16, 9)),
    r"stray\.weight belongs to no step": Spoil("stray", nn.Linear(1, 1)),
    r"head\.linear is as it was": Spoil("head.linear", nn.Linear(16, 8), ends=False),
}


@pytest.mark.parametrize("place", [0, 2])
@pytest.mark.parametrize("complaint", SPOILS)
def test_a_broken_pass_is_seen(complaint: str, place: int) -> None:
    """Of several passes the one that broke something is named, and what it broke."""
    passes = (*INFERENCE[:place], SPOILS[complaint], *INFERENCE[place:])
    with pytest.raises(RuntimeError, match=f"the pass 'spoil' .*{complaint}"):
        apply_passes(lambda: sparx_dsl.build(mixed()).eval(), passes)


def test_what_another_pass_raises_is_the_fault_of_the_broken_one() -> None:
    """A pass that runs parts, and so fails at what an earlier one left, is not named."""
    spoil = Spoil("stage1.layer1.ffn", nn.Linear(1, 1))
    with pytest.raises(RuntimeError, match=r"the pass 'spoil' "):
        apply_passes(lambda: sparx_dsl.build(mixed()).eval(), [spoil, TileBatch()])


@pytest.mark.parametrize("single", INFERENCE, ids=lambda each: each.name)
def test_each_pass_sees_what_it_has_not_done(single: Pass) -> None:
    """A pass has something to change behind those before it, and nothing once it ran."""
    layer = {"mixer": MIXERS["ss2d"], "norm": "batch", "dpe": True, "layer_scale": 1.0}
    earlier = INFERENCE[: INFERENCE.index(single)]
    model = apply_passes(lambda: sparx_dsl.build(mixed(layer=layer)).eval(), earlier)
    assert list(single.changes(model)) != []
    changed = apply_passes(lambda: model, [single])
    assert list(single.changes(changed)) == []
