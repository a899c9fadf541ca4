"""Deployed backbones: the results of the plain one, each pass by itself, and life as a module."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.utils import parametrize, prune

import sparx_dsl
from sparx_dsl import SparxError
from sparx_dsl.inference.deploy import INFERENCE, deploy
from sparx_dsl.inference.fused_convolution import fused_convolution, gelu_of
from sparx_dsl.inference.passes.base import Pass, apply_passes, modules_of, replace
from sparx_dsl.inference.passes.tile_batch import TileBatch
from sparx_dsl.inference.tiled_batch import TiledBatch
from sparx_dsl.lowering import Backbone
from sparx_dsl.nn.convolution import Convolution
from tests.support.backbones import MIXERS, mixed
from tests.support.deployed import DOUBLE, SINGLE, images_of, results, trained, worst_error
from tests.support.paths import SPECS
from tests.support.strategies import examples, specs

# torch.func.jvp scripts its decompositions, and older exporters trace: torch warns, by a category of its version.
torch_deprecates = pytest.mark.filterwarnings(
    "ignore:.*torch.jit:DeprecationWarning", "ignore:.*torch.jit:FutureWarning"
)
torch_warns = pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")


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
    assert not kinds & {"BatchNorm2d", "ConvNorm", "Dpe", "LayerScale", "Convolution"}
    assert {"PositionLinear", "FoldedScale", "TiledBatch"} <= kinds


def test_copies_are_alike() -> None:
    """A deep copy and a pickle give the same bits, and stay deployed."""
    model = trained(sparx_dsl.build(mixed(), features=(1, 3)))
    deployed, images = deploy(model), images_of(model, 2)
    for twin in (copy.deepcopy(deployed), pickle.loads(pickle.dumps(deployed))):  # noqa: S301
        assert worst_error(results(twin, images), results(deployed, images)) == 0
        assert list(twin.state_dict()) == list(deployed.state_dict())
        with pytest.raises(SparxError):
            twin.train()


@torch_deprecates
def test_forward_mode_is_that_of_the_plain_operators() -> None:
    """A fused convolution would lose the tangent; the plain operators do not."""
    torch.manual_seed(0)
    plain = Convolution(3, 8, 3, padding=1)
    nn.init.normal_(plain.weight)
    made, x = fused_convolution(copy.deepcopy(plain)).requires_grad_(False), torch.randn(2, 3, 5, 5)

    def fused_gelu(x: Tensor) -> Tensor:
        return gelu_of(made, x)

    def oracle_of_gelu(x: Tensor) -> Tensor:
        return nn.functional.gelu(plain(x))

    for run, oracle in ((made, plain), (fused_gelu, oracle_of_gelu)):
        found, expected = (torch.func.jvp(each, (x,), (x,))[1] for each in (run, oracle))
        assert worst_error([found], [expected.detach()]) < SINGLE
        assert worst_error([torch.func.vmap(run)(x[:, None])], [run(x)[:, None]]) < SINGLE


@torch_deprecates
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
def test_it_can_be_traced() -> None:
    """``torch.jit.trace`` records the plain operators."""
    model = trained(sparx_dsl.build(mixed()))
    with torch.no_grad():
        traced = cast("Backbone", torch.jit.trace(deploy(model), (images_of(model, 2),)))
    images = images_of(model, 2).flip(0)
    assert worst_error(results(traced, images), results(model, images)) < SINGLE


def test_other_dtypes() -> None:
    """Moved to float64 it agrees to double precision; in bfloat16 to what that can hold."""
    model = trained(sparx_dsl.build(mixed()))
    images = images_of(model, 2)
    exact = results(copy.deepcopy(model).double(), images.double())
    assert worst_error(results(deploy(model).double(), images.double()), exact) < SINGLE
    coarse = [each.double() for each in results(deploy(model.bfloat16()), images.bfloat16())]
    assert worst_error(coarse, exact) < 0.1


def test_gradients_of_images_are_those_of_the_plain_backbone() -> None:
    """Saliency of a deployed backbone is that of the plain one: no fused primitive cuts the gradient."""
    model = trained(sparx_dsl.build(mixed()))
    gradients: list[Tensor] = []
    for each in (model, deploy(model)):
        images = images_of(model, 2).requires_grad_()
        gradients += torch.autograd.grad(each(images).square().sum(), images)
    assert worst_error([gradients[1]], [gradients[0]]) < 1e-4


@torch_warns
def test_compilers_take_it_whole() -> None:
    """``torch.compile`` makes one graph of it, with the same results, for several batches."""
    model = trained(sparx_dsl.build(mixed()))
    deployed = deploy(model)
    compiled = torch.compile(deployed, backend="aot_eager", fullgraph=True)
    for batch in (2, 3):
        images = images_of(model, batch)
        assert worst_error(results(compiled, images), results(model, images)) < SINGLE


def test_autocast_is_followed() -> None:
    """Under autocast a deployed backbone computes in bfloat16, as the plain one does."""
    model = trained(sparx_dsl.build(mixed()))
    images = images_of(model, 2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        (found,) = results(deploy(model), images)
    assert found.dtype == torch.bfloat16
    assert worst_error([found.float()], results(model, images)) < 0.1


def test_training_is_refused() -> None:
    """A deployed backbone says why it has no training mode; ``eval`` is fine."""
    deployed = deploy(sparx_dsl.build(mixed()))
    with pytest.raises(SparxError) as caught:
        deployed.train()
    assert [each.code for each in caught.value.diagnostics] == ["SPX323"]
    assert deployed.eval() is deployed
    assert not any(module.training for module in deployed.modules())


def test_edited_graphs_are_refused() -> None:
    """What a user has put into the graph would be lost, and is not lost in silence."""
    model = sparx_dsl.build(mixed())
    (output,) = [node for node in model.graph.nodes if node.op == "output"]
    with model.graph.inserting_before(output):
        output.args = (model.graph.call_function(torch.neg, output.args),)
    model.recompile()
    with pytest.raises(SparxError) as caught:
        deploy(model)
    assert [each.code for each in caught.value.diagnostics] == ["SPX324"]


@pytest.mark.parametrize("spoil", ["parametrised", "pruned"])
def test_weights_that_are_computed_are_refused(spoil: str) -> None:
    """A weight that is no parameter cannot be folded; once it is one again, it is."""
    model = trained(sparx_dsl.build(mixed()))
    product = model.get_submodule("stage1.layer1.ffn.ffn.expansion")
    if spoil == "parametrised":
        parametrize.register_parametrization(product, "weight", Halved())
    else:
        prune.l1_unstructured(product, "weight", 0.5)  # pyright: ignore[reportUnknownMemberType]
    with pytest.raises(SparxError, match=r"stage1\.layer1\.ffn\.ffn\.expansion") as caught:
        deploy(model)
    assert [each.code for each in caught.value.diagnostics] == ["SPX324"]
    if spoil == "parametrised":
        parametrize.remove_parametrizations(product, "weight")
    else:
        prune.remove(product, "weight")  # pyright: ignore[reportUnknownMemberType]
    images = images_of(model, 2)
    assert worst_error(results(deploy(model), images), results(model, images)) < SINGLE


class Halved(nn.Module):
    """A parametrisation: half of the weight."""

    def forward(self, weight: Tensor) -> Tensor:
        """Any tensor, halved."""
        return weight / 2


class EverySecond(nn.Module):
    """A downsampling that makes no tensor: every second row and column, and the channels twice."""

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, height, width) to (batch, channels, height / 2, width / 2), a view."""
        return x[:, :, ::2, ::2]


class Reflected(nn.Module):
    """A user's mixer: convolutions of this project's class with other padding, and one of a class of its own."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mirror = Convolution(channels, channels, 3, padding=1, padding_mode="reflect")
        self.same = Convolution(channels, channels, 3, padding="same")
        self.square = Squared(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, height, width) to the same shape."""
        return self.mirror(x) + self.same(x) + self.square(x)


class Squared(Convolution):
    """A convolution of squares."""

    def forward(self, input: Tensor) -> Tensor:
        """(batch, channels, height, width) to the convolution's shape."""
        return super().forward(input.square())


def test_parts_of_other_makers_stay_what_they_are() -> None:
    """A part that makes no tensor, and convolutions that are more than convolutions, give what they gave."""
    layer = {"mixer": MIXERS["window_attention"], "norm": "batch"}
    model = sparx_dsl.build(mixed(layer=layer))
    replace(model, "stage2.downsample", nn.Sequential(model.get_submodule("stage2.downsample"), Reflected(16)))
    replace(model, "stage1.layer1.mixer", nn.Sequential(EverySecond(), nn.Upsample(scale_factor=2)))
    replace(model, "stage1.layer1.ffn", EverySame())
    nn.init.normal_(model.get_parameter("stage2.downsample.1.square.weight"))
    trained(model)
    images = images_of(model, 3)
    assert worst_error(results(deploy(model), images), results(model, images)) < SINGLE


class EverySame(nn.Module):
    """A part that hands out a view of what it is given."""

    def forward(self, x: Tensor) -> Tensor:
        """Any tensor, as it is."""
        return x.view(x.shape)


@pytest.mark.parametrize("size", [(32, 32), (21, 45)])
def test_no_images_give_no_results(size: tuple[int, int]) -> None:
    """An empty batch gives results of no images, of the shapes that they would have."""
    model = trained(sparx_dsl.build(mixed(), features=(1, 2, 3)))
    images = images_of(model, 2, size)
    shapes = [(0, *each.shape[1:]) for each in results(model, images)]
    for each in (model, deploy(model)):
        assert [tuple(result.shape) for result in results(each, images[:0])] == shapes


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
    """A pass that breaks what every pass must leave true."""

    name: str = "spoil"
    widen: bool = False

    def apply(self, backbone: Backbone) -> None:
        """Give the head one class more, or the stem a parameter that belongs to no step."""
        if self.widen:
            replace(backbone, "head.linear", nn.Linear(16, 9))
        else:
            backbone.register_buffer("stray", torch.zeros(1))

    def broken(self, backbone: Backbone) -> Iterator[str]:
        """Nothing, it says."""
        yield from ()


@pytest.mark.parametrize(("widen", "complaint"), [(True, "results are"), (False, "stray belongs to no step")])
def test_a_broken_pass_is_seen(widen: bool, complaint: str) -> None:
    """Verification after each pass names the pass, and what it broke."""
    with pytest.raises(RuntimeError, match=complaint):
        apply_passes(sparx_dsl.build(mixed()), [Spoil(widen=widen)])


@pytest.mark.parametrize("single", INFERENCE, ids=lambda each: each.name)
def test_each_pass_sees_what_it_has_not_done(single: Pass) -> None:
    """What a pass promises is not true before it ran, and is afterwards."""
    layer = {"mixer": MIXERS["ss2d"], "norm": "batch", "dpe": True, "layer_scale": 1.0}
    model = sparx_dsl.build(mixed(layer=layer)).eval()
    assert list(single.broken(model)) != []
    single.apply(model)
    assert list(single.broken(model)) == []
