"""Baselines in the language against timm's own models: weights load by a name map, and results and gradients agree."""

from __future__ import annotations

import copy
import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import sparx_dsl
from sparx_dsl.integrations.required import import_torchvision
from sparx_dsl.kinds.checkpoint import ReleasedFormat
from sparx_dsl.lowering import Backbone
from sparx_dsl.nn.norm import ChannelNorm
from sparx_dsl.weights import released_state
from tests.support.paths import SPECS

import_torchvision()
timm: Any = importlib.import_module("timm")
TOLERANCE = 1e-5

DEPTHS, WIDTHS = (1, 2, 1, 1), (8, 16, 24, 32)
Edits = dict[str, object]


@dataclass(frozen=True)
class Family:
    """Models of timm, a small one of them, and a spec of the zoo with what makes it that one."""

    spec: str
    format: ReleasedFormat
    model: Callable[[], nn.Module]
    edits: Edits
    sizes: tuple[tuple[int, int], ...]
    """Of images; odd ones but for windows, where timm's attend to what fills one up."""
    stem: str = "stem"
    stages: str = "stages"
    widths: tuple[int, ...] = WIDTHS

    def spelt(self) -> sparx_dsl.Spec:
        """Our small spec."""
        return small(self.spec, DEPTHS, self.widths, self.edits)


def pvt(**options: Any) -> nn.Module:
    """A small PVTv2 with heads of eight channels."""
    return timm.models.pvt_v2.PyramidVisionTransformerV2(
        depths=DEPTHS, embed_dims=WIDTHS, num_heads=(1, 2, 3, 4), num_classes=5, **options
    )


POOLED: Edits = {"mixer.reduction": "pool", "ffn.relu": True}
HEADS: Edits = {f"stages.{stage}.layer.mixer.head_width": 8 for stage in (1, 2, 3, 4)}
ODD = ((64, 64), (70, 45))
FAMILIES = {
    "convnext": Family(
        "convnext_t", "timm",
        lambda: timm.models.convnext.ConvNeXt(depths=DEPTHS, dims=WIDTHS, num_classes=5, ls_init_value=0.5),
        {"layer.layer_scale": 0.5}, ODD,
    ),
    "pvt_v2": Family("pvt_v2_b2", "pvt_v2", pvt, HEADS, ODD, "patch_embed"),
    "pvt_v2, pooled": Family(
        "pvt_v2_b2", "pvt_v2", lambda: pvt(linear=True),
        {**HEADS, "stages.4.layer.mixer.eps": 1e-5,
         **{f"stages.{stage}.layer.{key}": value for stage in (1, 2, 3, 4) for key, value in POOLED.items()}},
        ODD, "patch_embed",
    ),
    "swin": Family(
        "swin_t", "timm_swin",
        lambda: timm.models.swin_transformer.SwinTransformer(
            img_size=128, embed_dim=8, depths=DEPTHS, num_heads=(1, 2, 4, 8), window_size=4, num_classes=5,
            strict_img_size=False, drop_path_rate=0.0,
        ),
        {f"stages.{stage}.layer.mixer": {"kind": "window_attention", "head_width": 8, "window": 4}
         for stage in (1, 2, 3, 4)}, ((128, 128), (256, 128)), "patch_embed", "layers", (8, 16, 32, 64),
    ),
    "inception_next": Family(
        "inceptionnext_t", "inception_next",
        lambda: timm.models.inception_next.MetaNeXt(depths=DEPTHS, dims=WIDTHS, num_classes=5, ls_init_value=0.5),
        {"layer.layer_scale": 0.5}, ODD,
    ),
}  # fmt: skip


def small(name: str, depths: tuple[int, ...], widths: tuple[int, ...], edits: Edits) -> sparx_dsl.Spec:
    """The spec of the zoo of that name at other depths and widths, with five classes."""
    changes = {"head.classes": 5, **edits}
    for place, (depth, width) in enumerate(zip(depths, widths, strict=True), start=1):
        changes |= {f"stages.{place}.depth": depth, f"stages.{place}.channels": width}
    return sparx_dsl.load_spec(SPECS / f"{name}.yaml").edit(changes)


@dataclass(frozen=True)
class Pair:
    """A small model of ours with the weights of timm's, and that."""

    family: Family
    ours: Backbone
    theirs: nn.Module


@pytest.fixture(params=FAMILIES, scope="module")
def pair(request: pytest.FixtureRequest) -> Pair:
    """Of each family; running statistics are drawn too."""
    family = FAMILIES[request.param]
    torch.manual_seed(0)
    theirs = family.model()
    for parameter in theirs.parameters():
        nn.init.normal_(parameter, std=0.3)
    for name, buffer in theirs.named_buffers():
        if name.endswith(("running_mean", "running_var")):
            nn.init.uniform_(buffer, 0.5, 1.5)
    ours = sparx_dsl.build(family.spelt())
    report = sparx_dsl.load_checkpoint(ours, theirs.state_dict())
    assert report.complete
    assert report.format == family.format
    return Pair(family, ours, theirs)


def worst(found: torch.Tensor, expected: torch.Tensor) -> float:
    """The largest difference, relative to the largest expected value."""
    return float((found - expected).abs().max() / expected.abs().max())


@torch.no_grad()
def test_logits_and_maps_agree_in_evaluation(pair: Pair) -> None:
    """To 1e-5, also of the deployed backbone."""
    ours, theirs = pair.ours.eval(), pair.theirs.eval()
    deployed = sparx_dsl.deploy(ours)
    for size in pair.family.sizes:
        images = torch.randn(2, 3, *size)
        expected = theirs(images)
        assert worst(ours(images), expected) < TOLERANCE
        assert worst(deployed(images), expected) < TOLERANCE
        wanted = theirs.get_submodule(pair.family.stem)(images)
        for stage, found in ours.stage_maps(images, (1, 2, 3, 4)).items():
            wanted = theirs.get_submodule(f"{pair.family.stages}.{stage - 1}")(wanted)
            assert worst(found, wanted.permute(0, 3, 1, 2) if pair.family.spec == "swin_t" else wanted) < TOLERANCE


def test_results_and_gradients_agree_in_training(pair: Pair) -> None:
    """Of the images, and of every parameter the norm; in double precision, since some of them nearly vanish."""
    ours, theirs = copy.deepcopy(pair.ours).double(), copy.deepcopy(pair.theirs).double()
    given = torch.randn(2, 3, *pair.family.sizes[-1]).double()
    gradients: list[torch.Tensor] = []
    for model in (ours.train(), theirs.train()):
        images = given.clone().requires_grad_()
        model(images).square().sum().backward()
        assert images.grad is not None
        gradients.append(images.grad)
    assert worst(gradients[0], gradients[1]) < TOLERANCE
    assert gradient_norms(ours) == pytest.approx(gradient_norms(theirs), rel=1e-6, abs=1e-9)


def gradient_norms(model: nn.Module) -> list[float]:
    """The norm of every parameter's gradient, in rising order."""
    norms: list[float] = []
    for parameter in model.parameters():
        assert parameter.grad is not None
        norms.append(parameter.grad.square().sum().sqrt().item())
    return sorted(norms)


def test_weights_are_written_by_the_names_of_timm(pair: Pair) -> None:
    """As timm's state dict, to the bit."""
    found, expected = released_state(pair.ours, pair.family.format), pair.theirs.state_dict()
    assert set(found) == set(expected)
    assert all(torch.equal(found[name], value) for name, value in expected.items())


DIFFERENT = (
    ("convnext", {"head.pool_first": False}, "takes the mean behind its norm, and the released models before"),
    ("pvt_v2", {"downsample.norm_place": "before", "stages.1.channels": 8, "stages.2.channels": 8},
     "has its norm in front of the convolution, and the released models behind it"),
    ("convnext", {"stem.remainder": "pad"},
     "pads rows and columns that fill no patch, and the released models leave them out"),
    ("inception_next", {"downsample.remainder": "pad"}, "fill no patch, and the released models leave them out"),
    ("swin", {"stem.remainder": "crop"},
     "leaves out rows and columns that fill no patch, and the released models pad them"),
    ("inception_next", {"downsample.norm_place": "after", "stages.1.channels": 8, "stages.2.channels": 8},
     "has its norm behind the convolution, and the released models in front of it"),
)  # fmt: skip


@pytest.mark.parametrize(("name", "edits", "reason"), DIFFERENT)
def test_another_backbone_than_the_released_ones_is_not_written(
    name: str, edits: Edits, reason: str, tmp_path: Path
) -> None:
    """What names and shapes do not show is found: it would compute otherwise in timm."""
    model = sparx_dsl.build(FAMILIES[name].spelt().edit(edits))
    with pytest.raises(sparx_dsl.SparxError) as refused:
        sparx_dsl.save_checkpoint(model, tmp_path / "x.pth", format=FAMILIES[name].format)
    (diagnostic,) = refused.value.diagnostics
    assert diagnostic.code == "SPX640"
    assert any(reason in note for note in diagnostic.notes)


GANGLION = ["stage2.layer2", "stage3.layer1", "stage3.layer3", "stage4.layer1", "stage4.layer2"]


@pytest.mark.parametrize(
    ("name", "edits", "norm"),
    [
        ("sparx_convnext_t", {"layer.layer_scale": 0.5}, nn.Identity),
        ("sparx_pvt_b2", HEADS, ChannelNorm),
        ("sparx_inceptionnext_t", {"layer.layer_scale": 0.5}, nn.Identity),
    ],
)
def test_connections_stand_on_it(name: str, edits: Edits, norm: type[nn.Module]) -> None:
    """There are ganglion layers, with a norm in front of them where the layers have one, and a result for any image."""
    spec = small(name, (1, 2, 3, 2), WIDTHS, edits)
    model = sparx_dsl.build(spec).eval()
    assert [node.name for node in model.schedule.graph.layers() if node.ganglion] == GANGLION
    assert type(model.get_submodule("stage3.layer1.fusion.norm")) is norm
    with torch.no_grad():
        images = torch.randn(2, 3, 45, 70)
        assert worst(sparx_dsl.deploy(model)(images), model(images)) < TOLERANCE


FULL = {
    **{f"swin_{name}_patch4_window7_224": f"swin_{name[0]}" for name in ("tiny", "small", "base")},
    "convnext_tiny": "convnext_t", "convnext_small": "convnext_s", "convnext_base": "convnext_b",
    "inception_next_tiny": "inceptionnext_t", "inception_next_small": "inceptionnext_s",
    "inception_next_base": "inceptionnext_b",
    **{f"pvt_v2_b{size}": f"pvt_v2_b{size}" for size in range(6)},
}  # fmt: skip


@pytest.mark.parametrize("name", FULL)
def test_the_zoo_has_the_tensors_of_timm(name: str) -> None:
    """Of the full sizes: as many parameters, and every tensor of the file has its place."""
    with torch.device("meta"):
        theirs = timm.create_model(name, pretrained=False)
    spec = sparx_dsl.load_spec(SPECS / f"{FULL[name]}.yaml")
    ours = sparx_dsl.build(spec, device="meta")
    params = sum(parameter.numel() for parameter in theirs.parameters())
    assert params == sum(parameter.numel() for parameter in ours.parameters()) == sparx_dsl.cost(spec).params
    shapes = sorted(tensor.numel() for tensor in theirs.state_dict().values())
    assert shapes == sorted(tensor.numel() for tensor in ours.state_dict().values())
