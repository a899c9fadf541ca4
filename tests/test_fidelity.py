"""The modules reproduce, number for number, what the published implementations computed."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import sparx_dsl
from sparx_dsl.kind import load
from sparx_dsl.kinds.mixers.bi_ssm.options import BiSSM
from sparx_dsl.kinds.mixers.ssm.options import SSM
from sparx_dsl.language.base import Site
from sparx_dsl.language.roles import MixerOptions
from sparx_dsl.lowering import Backbone
from sparx_dsl.nn.layer import normal_mixing
from sparx_dsl.registry import default_registry
from sparx_dsl.weights import load_checkpoint
from sparx_dsl.weights.released_buffers import computed_names
from tests.support.paths import SPECS
from tests.support.published import Golden, load_golden

LOGITS, MAPS, DOUBLE = 1e-5, 2e-5, 5e-6
NAMES = [f"{family}_{size}" for family in ("sparx_mamba", "vmamba", "swin") for size in "tsb"]

MAMBA_BLOCK = {
    "in_proj.weight": "projection.weight",
    "out_proj.weight": "mixer.out_projection.weight",
    "conv1d.weight": "mixer.scan.conv.weight",
    "conv1d.bias": "mixer.scan.conv.bias",
    "x_proj.weight": "mixer.scan.x_proj_weight",
    "dt_proj.weight": "mixer.scan.dt_weight",
    "dt_proj.bias": "mixer.scan.dt_bias",
    "A_log": "mixer.scan.A_logs",
    "D": "mixer.scan.D",
    "conv1d_b.weight": "mixer.backward_scan.conv.weight",
    "conv1d_b.bias": "mixer.backward_scan.conv.bias",
    "x_proj_b.weight": "mixer.backward_scan.x_proj_weight",
    "dt_proj_b.weight": "mixer.backward_scan.dt_weight",
    "dt_proj_b.bias": "mixer.backward_scan.dt_bias",
    "A_b_log": "mixer.backward_scan.A_logs",
    "D_b": "mixer.backward_scan.D",
}
"""The published names of a Mamba block's parameters, and ours."""
BLOCKS = [("mamba_block", SSM()), ("bimamba_v2_block", BiSSM()), ("bimamba_v2_divide_block", BiSSM(halve=True))]


def relative_error(found: Tensor, expected: Tensor) -> float:
    """Largest absolute difference over largest absolute value."""
    return float((found - expected).abs().max() / expected.abs().max())


def published(name: str, dtype: torch.dtype = torch.float32) -> tuple[dict[str, Tensor], Golden]:
    """What the backbone of that name computes with the published weights, loaded under their published names.

    The logits, each stage's last feature before the downsampling, and its mean over space.
    """
    golden = load_golden(name)
    # Swin's buffers are computed by its code, so that the golden ones are not its own.
    computed = computed_names("swin", golden.state) if name.startswith("swin") else ()
    state = {key: value for key, value in golden.state.items() if key not in computed}
    image = golden.input.to(dtype)
    with torch.no_grad():
        logits = loaded(name, state, dtype, None)(image)
        maps = loaded(name, state, dtype, (1, 2, 3, 4))(image)
    found = {f"stage{number}": map_ for number, map_ in enumerate(maps, start=1)}
    means = {f"{key}_mean": map_.mean(dim=(2, 3)) for key, map_ in found.items()}
    return {"logits": logits, **found, **means}, golden


def loaded(name: str, state: dict[str, Tensor], dtype: torch.dtype, features: tuple[int, ...] | None) -> Backbone:
    """A backbone with those weights; they are recognised by their names, all of them match, and none is left."""
    model = sparx_dsl.build(SPECS / f"{name}.yaml", features=features, dtype=dtype).eval()
    report = load_checkpoint(model, state)
    assert (report.format, report.complete, report.notes) == (name.rpartition("_")[0], True, ())
    assert len(report.matched) + len(report.unbuilt) == len(state)
    return model


@pytest.mark.parametrize("name", NAMES)
def test_backbones_match_the_published_implementation(name: str) -> None:
    """Logits agree to 1e-5 of their largest value, and stage maps to 2e-5."""
    found, golden = published(name)
    for key, expected in golden.outputs.items():
        assert relative_error(found[key], expected) < (LOGITS if key == "logits" else MAPS), key


@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith("_t")])
def test_backbones_in_double_precision_agree_with_the_single(name: str) -> None:
    """The published float32 numbers lie within 5e-6 of what float64 gives: no shared rounding hides a difference."""
    found, golden = published(name, torch.float64)
    for key, expected in golden.outputs.items():
        assert relative_error(found[key], expected.double()) < DOUBLE, key


@pytest.mark.parametrize(("name", "options"), BLOCKS)
@pytest.mark.parametrize(("dtype", "bound"), [(torch.float32, LOGITS), (torch.float64, DOUBLE)])
def test_sequence_mixers_match_the_published_block(
    name: str, options: MixerOptions, dtype: torch.dtype, bound: float
) -> None:
    """The vanilla Mamba block and Vim's bidirectional one agree on a sequence laid out as a map of rows."""
    golden = load_golden(name)
    channels = golden.input.shape[2]
    build = load(default_registry().of("mixer", options).module)
    mixing = normal_mixing(options, Site(channels, channels), build, dtype=dtype).eval()
    block = nn.ModuleDict({"projection": mixing.projection, "mixer": mixing.mixer})
    ours = block.state_dict()
    state = {MAMBA_BLOCK[key]: value.reshape(ours[MAMBA_BLOCK[key]].shape) for key, value in golden.state.items()}
    block.load_state_dict(state)
    with torch.no_grad():
        map_ = golden.input.to(dtype).transpose(1, 2).reshape(2, channels, 8, 8)
        found = mixing.mixer(mixing.projection(map_)).flatten(2).transpose(1, 2)
    assert relative_error(found, golden.outputs["output"].to(dtype)) < bound
