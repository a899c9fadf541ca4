"""Compiled backbones live with the rest of PyTorch: copies, pickles, compilers, exporters, dtypes and optimisers."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from torch import nn
from torch.export import Dim

import sparx_dsl
from sparx_dsl.lowering import Backbone
from sparx_dsl.nn.init import initialise
from tests.support.backbones import MIXERS, SCAN_MIXERS, mixed, small
from tests.support.recorded_graphs import compiles_whole_for_every_batch, exports_for_every_batch

torch_warns = pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")
"""Dynamo itself makes an instance of every ``autograd.Function`` that it meets."""

each_mixer = pytest.mark.parametrize("mixer", MIXERS)


@pytest.fixture
def backbone() -> Backbone:
    """The mixed backbone, with some modules in evaluation and some parameters frozen."""
    torch.manual_seed(0)
    backbone = sparx_dsl.build(mixed())
    backbone.get_submodule("stage2").eval()
    backbone.get_submodule("stage1.layer1").training = False
    backbone.get_submodule("stem").requires_grad_(False)
    return backbone


def modes(backbone: nn.Module) -> dict[str, bool]:
    """Whether each module is in training."""
    every = cast("Iterator[tuple[str, nn.Module]]", backbone.named_modules())
    return {name: module.training for name, module in every}


def frozen(backbone: nn.Module) -> list[str]:
    """The parameters that take no gradient."""
    return [name for name, parameter in backbone.named_parameters() if not parameter.requires_grad]


def assert_alike(twin: Backbone, backbone: Backbone) -> None:
    """Assert that the twin is a backbone of the same plan, state, modes and results."""
    assert isinstance(twin, Backbone)
    assert (twin.spec, twin.schedule, twin.feature_info) == (backbone.spec, backbone.schedule, backbone.feature_info)
    assert twin.code == backbone.code
    assert modes(twin) == modes(backbone)
    assert frozen(twin) == frozen(backbone) != []
    state = twin.state_dict()
    assert list(state) == list(backbone.state_dict())
    assert all(torch.equal(state[key], value) for key, value in backbone.state_dict().items())
    images = torch.randn(2, 3, 32, 32)
    assert torch.equal(copy.deepcopy(twin).eval()(images), copy.deepcopy(backbone).eval()(images))


def test_deepcopy_is_alike_and_independent(backbone: Backbone) -> None:
    """A deep copy has everything that the backbone has, and shares no tensor with it."""
    twin = copy.deepcopy(backbone)
    assert_alike(twin, backbone)
    tensors = {tensor.data_ptr() for tensor in backbone.state_dict().values()}
    assert not tensors & {tensor.data_ptr() for tensor in twin.state_dict().values()}
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.zero_()
    assert all(parameter.abs().sum() > 0 for name, parameter in backbone.named_parameters() if name.endswith(".D"))
    twin.get_submodule("stage3.layer1").train(False)
    assert backbone.get_submodule("stage3.layer1").training


def test_deepcopy_keeps_shared_weights_shared(backbone: Backbone) -> None:
    """What two parts share is copied once."""
    first, second = (backbone.get_submodule(f"stage2.layer{number}.mixer.mixer") for number in (1, 2))
    second.position_bias = first.position_bias
    twin = copy.deepcopy(backbone)
    first, second = (twin.get_submodule(f"stage2.layer{number}.mixer.mixer") for number in (1, 2))
    assert first.position_bias is second.position_bias


class Count:
    """A hook that counts its calls; the hook as it stands on a module, copies included, is found by ``of``."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, *given: object) -> None:
        self.calls += 1

    @staticmethod
    def of(module: nn.Module) -> Count:
        """The one hook of a module."""
        (hook,) = vars(module)["_forward_hooks"].values()
        assert isinstance(hook, Count)
        return hook


@pytest.mark.parametrize(
    "path", ["", "stage3", "stage3.layer2", "stage3.layer2.fusion", "stage3.layer2.link_stage1_layer2", "head.linear"]
)
def test_hooks_survive_copies_as_in_a_plain_module(backbone: Backbone, path: str) -> None:
    """A deep copy and a pickle have their own copies of a hook, on a part, a layer, a stage or the backbone itself."""
    module, count = backbone.get_submodule(path), Count()
    module.register_forward_hook(count)
    for twin in (copy.deepcopy(backbone), pickle.loads(pickle.dumps(backbone))):  # noqa: S301
        copied = Count.of(twin.get_submodule(path))
        twin(torch.randn(2, 3, 32, 32))
        assert (copied.calls, count.calls) == (1, 0)


def test_what_a_user_sets_survives_copies(backbone: Backbone) -> None:
    """Attributes and buffers that a user puts on the backbone are copied with it."""
    own = "origin"
    setattr(backbone, own, {"run": 3})
    backbone.register_buffer("mean", torch.tensor([1.0]))
    for twin in (copy.deepcopy(backbone), pickle.loads(pickle.dumps(backbone))):  # noqa: S301
        assert getattr(twin, own) == {"run": 3}
        assert getattr(twin, own) is not getattr(backbone, own)
        assert twin.state_dict()["mean"] == 1


def test_pickle_is_alike(backbone: Backbone, tmp_path: Path) -> None:
    """``torch.save`` and ``torch.load`` of a whole backbone give the same backbone."""
    torch.save(backbone, tmp_path / "backbone.pt")
    assert_alike(torch.load(tmp_path / "backbone.pt", weights_only=False), backbone)
    maps = sparx_dsl.build(mixed(), features=(1, 3)).eval()
    images = torch.randn(1, 3, 40, 24)
    pairs = zip(pickle.loads(pickle.dumps(maps))(images), maps(images), strict=True)  # noqa: S301
    assert all(torch.equal(a, b) for a, b in pairs)


def test_pickle_crosses_processes(backbone: Backbone, tmp_path: Path) -> None:
    """Another process that has never seen the spec loads the pickle and computes the same."""
    images = torch.randn(2, 3, 32, 32)
    torch.save((backbone.eval(), images), tmp_path / "given.pt")
    code = (
        "import sys, torch; backbone, images = torch.load(sys.argv[1], weights_only=False);"
        "torch.save(backbone(images).detach(), sys.argv[2])"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path / "given.pt", tmp_path / "result.pt"], check=True, timeout=60)
    # Another process may split its work among threads otherwise.
    assert torch.allclose(torch.load(tmp_path / "result.pt"), backbone(images), atol=1e-6)


@pytest.mark.slow
@torch_warns
@each_mixer
def test_compiles_whole_for_several_sizes(mixer: str) -> None:
    """A second and a third image size, at which torch makes the lengths symbolic, break no graph."""
    torch.compiler.reset()
    backbone = sparx_dsl.build(small(mixer)).eval()
    compiled = torch.compile(backbone, fullgraph=True, backend="eager")
    for height, width in ((24, 24), (40, 32), (33, 57)):
        images = torch.randn(2, 3, height, width)
        assert torch.allclose(compiled(images), backbone(images), atol=1e-5)


@torch_warns
@each_mixer
def test_compiles_whole_for_every_batch(mixer: str) -> None:
    """``torch.compile`` takes the model as one graph, which serves every batch size."""
    assert compiles_whole_for_every_batch(sparx_dsl.build(small(mixer)).eval(), 24, 24)


def test_compiled_training_gives_the_same_gradients() -> None:
    """The compiled backbone's forward and backward, traced ahead of time, agree with the eager ones."""
    torch.compiler.reset()
    backbone = sparx_dsl.build(small("window_attention"))
    images = torch.randn(2, 3, 24, 24)
    eager = torch.autograd.grad(backbone(images).square().sum(), list(backbone.parameters()))
    compiled = torch.compile(backbone, fullgraph=True, backend="aot_eager")
    traced = torch.autograd.grad(compiled(images).square().sum(), list(backbone.parameters()))
    for (name, _), a, b in zip(backbone.named_parameters(), eager, traced, strict=True):
        assert torch.allclose(a, b, atol=1e-5), name


@pytest.mark.slow
@each_mixer
@pytest.mark.filterwarnings("default")
def test_inductor_computes_the_same(mixer: str) -> None:
    """The default backend of ``torch.compile`` agrees with eager, in training too."""
    torch.compiler.reset()
    backbone = sparx_dsl.build(small(mixer))
    images = torch.randn(2, 3, 24, 24)
    assert torch.allclose(torch.compile(backbone, fullgraph=True)(images), backbone(images), atol=1e-5)


@each_mixer
def test_exports_for_every_batch(mixer: str) -> None:
    """``torch.export`` with a dynamic batch gives a program that agrees at other batch sizes, one included."""
    assert exports_for_every_batch(sparx_dsl.build(small(mixer)).eval(), 24, 24)


@pytest.mark.slow
def test_exports_for_every_size_of_whole_windows() -> None:
    """Window attention exports with dynamic sides that are multiples of the last stride times the window."""
    backbone = sparx_dsl.build(small("window_attention")).eval()
    shapes = ({0: Dim.DYNAMIC, 2: 24 * Dim("rows", max=40), 3: 24 * Dim("columns", max=40)},)
    program = torch.export.export(backbone, (torch.randn(2, 3, 48, 72),), dynamic_shapes=shapes).module()
    for shape in ((1, 3, 48, 96), (3, 3, 120, 48)):
        images = torch.randn(shape)
        assert torch.allclose(program(images), backbone(images), atol=1e-5)


@pytest.mark.parametrize("mixer", [*MIXERS, *SCAN_MIXERS])
def test_autocast_stays_finite(mixer: str) -> None:
    """Under bfloat16 autocast, results and gradients are finite and the results near those of float32."""
    torch.manual_seed(0)
    backbone = sparx_dsl.build(small(mixer))
    images = torch.randn(2, 3, 24, 24)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = backbone(images)
    logits.float().square().sum().backward()
    assert logits.isfinite().all()
    assert torch.allclose(logits.float(), backbone(images), atol=0.05)
    for name, parameter in backbone.named_parameters():
        assert parameter.grad is not None
        assert parameter.grad.isfinite().all(), name


@pytest.mark.parametrize("dtype", ["float64", "bfloat16", torch.float16])
@each_mixer
def test_builds_in_other_dtypes(mixer: str, dtype: Any) -> None:
    """``dtype`` is that of every parameter, of the schedule and of the results."""
    torch.manual_seed(0)
    backbone = sparx_dsl.build(small(mixer), dtype=dtype).eval()
    kind = getattr(torch, str(dtype).removeprefix("torch."))
    logits = backbone(torch.randn(2, 3, 24, 24, dtype=kind))
    assert {parameter.dtype for parameter in backbone.parameters()} == {logits.dtype} == {kind}
    assert logits.isfinite().all()
    assert backbone.schedule.dtype == str(kind).removeprefix("torch.")


def test_a_build_on_meta_allocates_nothing_and_can_be_filled() -> None:
    """A backbone built on meta, moved and initialised, has the initial values that one built in place has."""
    torch.manual_seed(0)
    backbone, usual = sparx_dsl.build(mixed(), device="meta"), sparx_dsl.build(mixed())
    assert all(tensor.is_meta for tensor in (*backbone.parameters(), *backbone.buffers()))
    backbone.to_empty(device="cpu")
    with torch.no_grad():
        for tensor in (*backbone.parameters(), *backbone.buffers()):
            tensor.fill_(77)
    initialise(backbone)
    state = backbone.state_dict()
    for key, value in usual.state_dict().items():
        filled = state[key].double()
        if value.numel() < 2 or value.double().std() == 0:
            assert torch.equal(state[key], value), key
        else:
            assert filled.abs().max() < 10, key
            assert 0.2 < float(filled.std() / value.double().std()) < 5, key
    assert backbone(torch.randn(2, 3, 32, 32)).isfinite().all()


def test_it_trains() -> None:
    """Sixty steps of AdamW on eight random images bring the loss below a tenth of what it was."""
    torch.manual_seed(0)
    backbone = sparx_dsl.build(mixed())
    images, classes = torch.randn(8, 3, 32, 32), torch.arange(8)
    optimiser = torch.optim.AdamW(backbone.parameters(), lr=5e-3)
    losses: list[float] = []
    for _ in range(60):
        loss = nn.functional.cross_entropy(backbone(images), classes)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 10
