"""The modules reproduce, number for number, what the published implementations computed."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

from sparx_dsl.nn.layer import Dpe, feeding, fusing, ganglion_mixing, normal_mixing
from sparx_dsl.spec.kinds import default_registry
from sparx_dsl.spec.options.base import KindOptions, NormName, Site
from sparx_dsl.spec.options.downsamples import ConvDownsample, MergeDownsample
from sparx_dsl.spec.options.ffns import ConvFfn, Mlp
from sparx_dsl.spec.options.fusions import DMCA
from sparx_dsl.spec.options.heads import LinearHead
from sparx_dsl.spec.options.mixers import SS2D, SSM, BiSSM, MixerOptions, WindowAttention
from sparx_dsl.spec.options.stems import ConvStem, PatchStem
from tests.reference.golden import load_golden
from tests.reference.name_map import load_published

LOGITS, MAPS = 1e-5, 2e-5


@dataclass(frozen=True)
class Stage:
    """One stage: its ganglion layers, how many of them a later one reads, and the LayerScale's initial value."""

    channels: int
    depth: int
    ganglion: tuple[int, ...] = ()
    window: int = 99
    layer_scale: float | None = None


@dataclass(frozen=True)
class Recipe:
    """A published backbone in this project's kinds."""

    stem: KindOptions
    downsample: KindOptions
    mixer: MixerOptions
    ffn: KindOptions
    norm: NormName
    stages: tuple[Stage, ...]
    dpe: bool = False


RECIPES = {
    "sparx_mamba_t": Recipe(
        ConvStem(), ConvDownsample(), SS2D(conv=5), ConvFfn(), "group",
        (Stage(96, 2), Stage(192, 2, (2,)), Stage(320, 7, (1, 3, 5, 7), 3, 1.0), Stage(512, 2, (1, 2), 99, 1.0)),
        dpe=True),
    "vmamba_t": Recipe(
        ConvStem(norm="layer"), ConvDownsample(norm="layer"), SS2D(bias=False), Mlp(), "layer",
        (Stage(96, 2), Stage(192, 2), Stage(384, 5), Stage(768, 2))),
    "swin_t": Recipe(
        PatchStem(), MergeDownsample(), WindowAttention(), Mlp(), "layer",
        (Stage(96, 2), Stage(192, 2), Stage(384, 6), Stage(768, 2))),
}


def make(role: str, options: KindOptions, site: Site) -> nn.Module:
    """The module of a kind at a site, as the registry builds it."""
    return builder(role, options)(options, site)


def builder(role: str, options: KindOptions):
    """The builder of a kind."""
    return default_registry().of(role, options).load_builder()


def reads(stage: Stage, number: int) -> tuple[list[int], bool]:
    """The layers that a ganglion layer reads, in slot order, and whether it reads the stage's input first."""
    earlier = [layer for layer in stage.ganglion if layer < number]
    last = earlier[-1] if earlier else 0
    return list(range(last + 1, number)) + earlier[-stage.window :], not earlier


class Assembled(nn.Module):
    """A backbone put together from its parts by hand: a tree of modules under their lowered names, and a loop."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self.recipe = recipe
        first, last = recipe.stages[0], recipe.stages[-1]
        self.add_module("stem", make("stem", recipe.stem, Site(3, first.channels)))
        for index, stage in enumerate(recipe.stages):
            tree = nn.Module()
            if index:
                site = Site(recipe.stages[index - 1].channels, stage.channels)
                tree.add_module("downsample", make("downsample", recipe.downsample, site))
            for number in range(1, stage.depth + 1):
                reduction = 2 ** (len(recipe.stages) - 1 - index)
                tree.add_module(f"layer{number}", self.layer(stage, number, reduction))
            self.add_module(f"stage{index + 1}", tree)
        head = LinearHead()
        self.add_module("head", make("head", head, Site(last.channels, head.classes, norm=recipe.norm)))

    def layer(self, stage: Stage, number: int, reduction: int) -> nn.ModuleDict:
        """The parts of one layer."""
        recipe, channels = self.recipe, stage.channels
        site = Site(channels, channels, recipe.norm, number)
        parts: dict[str, nn.Module] = {"dpe": Dpe(channels)} if recipe.dpe else {}
        mixing = ganglion_mixing if number in stage.ganglion else normal_mixing
        if number in stage.ganglion:
            layers, crosses = reads(stage, number)
            width = recipe.mixer.projected(channels)
            fusion_site = Site(channels, width, recipe.norm, number, len(layers) + crosses, reduction)
            parts["fusion"] = fusing(DMCA(), fusion_site, builder("fusion", DMCA()))
        parts["mixer"] = mixing(recipe.mixer, site, builder("mixer", recipe.mixer), layer_scale=stage.layer_scale)
        parts["ffn"] = feeding(recipe.ffn, site, builder("ffn", recipe.ffn), layer_scale=stage.layer_scale)
        return nn.ModuleDict(parts)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """The logits, and each stage's last feature before the downsampling."""
        results: dict[str, Tensor] = {}
        x = self.get_submodule("stem")(image)
        for index, stage in enumerate(self.recipe.stages):
            name = f"stage{index + 1}"
            if index:
                x = self.get_submodule(f"{name}.downsample")(x)
            x = results[name] = self.run_stage(stage, name, x)
        results["logits"] = self.get_submodule("head")(x)
        return results

    def run_stage(self, stage: Stage, name: str, x: Tensor) -> Tensor:
        """Run a stage's layers; a layer's feature is its output after the feed-forward network."""
        features = {0: x}
        for number in range(1, stage.depth + 1):
            parts = self.get_submodule(f"{name}.layer{number}")
            assert isinstance(parts, nn.ModuleDict)
            if "dpe" in parts:
                x = parts["dpe"](x)
            if "fusion" in parts:
                layers, crosses = reads(stage, number)
                read = torch.cat([features[layer] for layer in ([0] if crosses else []) + layers], dim=1)
                x = parts["mixer"](x, parts["fusion"](x, read))
            else:
                x = parts["mixer"](x)
            x = features[number] = parts["ffn"](x)
        return x


def relative_error(found: Tensor, expected: Tensor) -> float:
    """Largest absolute difference over largest absolute value."""
    return float((found - expected).abs().max() / expected.abs().max())


@pytest.mark.parametrize("name", RECIPES)
def test_backbones_match_the_published_implementation(name: str) -> None:
    """Logits agree to 1e-5 of their largest value, and stage maps to 2e-5."""
    golden = load_golden(name)
    model = Assembled(RECIPES[name]).eval()
    load_published(model, name.rpartition("_")[0], golden.state)
    with torch.no_grad():
        found = model(golden.input)
    for key, expected in golden.outputs.items():
        ours = found[key.removesuffix("_mean")]
        ours = ours.mean(dim=(2, 3)) if key.endswith("_mean") else ours
        assert relative_error(ours, expected) < (LOGITS if key == "logits" else MAPS), key


@pytest.mark.parametrize(("name", "options"), [
    ("mamba_block", SSM()), ("bimamba_v2_block", BiSSM()), ("bimamba_v2_divide_block", BiSSM(halve=True)),
])
def test_sequence_mixers_match_the_published_block(name: str, options: MixerOptions) -> None:
    """The vanilla Mamba block and Vim's bidirectional one agree on a sequence laid out as a map of rows."""
    golden = load_golden(name)
    channels = golden.input.shape[2]
    mixing = normal_mixing(options, Site(channels, channels), builder("mixer", options)).eval()
    block = nn.ModuleDict({"projection": mixing.projection, "mixer": mixing.mixer})
    load_published(block, "mamba_block", golden.state)
    with torch.no_grad():
        map_ = golden.input.transpose(1, 2).reshape(2, channels, 8, 8)
        found = mixing.mixer(mixing.projection(map_)).flatten(2).transpose(1, 2)
    assert relative_error(found, golden.outputs["output"]) < LOGITS
