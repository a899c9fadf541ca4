"""MACs by fvcore's convention against fvcore itself, on built backbones: no tolerance.

fvcore traces the module and counts by its own rules. Four things stand here as handlers, where our modules compute by
other operators than the published implementations: the scans (which those count by the same formula), the scale on
residual paths (a 1×1 depthwise convolution in SparX-Mamba's code), the attention of mixers (two matrix products in
the code of Swin, DeiT and PVTv2), and the products of GCCA (the only ``matmul`` here; one fused attention in
SparX-Mamba's code).
"""

from __future__ import annotations

import importlib
from math import prod
from typing import Any

import pytest
import torch

import sparx_dsl
from sparx_dsl.integrations.required import import_torchvision
from tests.support.backbones import MIXERS, SCAN_MIXERS, attending, mixed, small
from tests.support.paths import SPECS

# fvcore traces with the tracer of TorchScript, which is deprecated.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")


def shapes(values: list[Any]) -> list[Any]:
    """The shapes of the tensors among the values of a traced operation, in order; None for what is no tensor."""
    return [value.type().sizes() if value.isCompleteTensor() else None for value in values]


def scan(channels: int, length: int, state: int) -> int:
    """VMamba's formula for a scan with the skip D."""
    return 9 * channels * length * state + channels * length


def sequence_scan(inputs: list[Any], outputs: list[Any]) -> int:
    """u (batch, channels, length), A (channels, state)."""
    (_, channels, length), _, (_, state), *_ = shapes(inputs)
    return scan(channels, length, state)


def map_scan(inputs: list[Any], outputs: list[Any]) -> int:
    """x (batch, inner, height, width), dt_weight (4, inner, rank), A (4·inner, state): four scans, and time steps."""
    (_, inner, height, width), _, (_, _, rank), _, (*_, state), *_ = shapes(inputs)
    return scan(4 * inner, height * width, state) + 4 * inner * rank * height * width


def scaled(inputs: list[Any], outputs: list[Any]) -> int:
    """One for each value of the result."""
    return prod(shapes(outputs)[0])


def attended(inputs: list[Any], outputs: list[Any]) -> int:
    """The products of scores and sums in a mixer, and nothing in a fusion, as fvcore has it."""
    query, key, *_ = shapes(inputs)
    return 2 * prod(query) * key[-2] if inputs[0].node().scopeName().endswith(".mixer") else 0


def fused(inputs: list[Any], outputs: list[Any]) -> int:
    """Nothing, as of ``scaled_dot_product_attention``."""
    return 0


def counted(spec: sparx_dsl.Spec, size: tuple[int, int]) -> int:
    """What fvcore counts of the backbone in evaluation."""
    import_torchvision()
    analysis = importlib.import_module("fvcore.nn").FlopCountAnalysis
    model = sparx_dsl.build(spec).eval()
    found = analysis(model, torch.zeros(1, spec.input.channels, *size)).unsupported_ops_warnings(False)
    handles = {"sparx_dsl::selective_scan": sequence_scan, "sparx_dsl::ss2d_scan": map_scan, "aten::addcmul": scaled,
               "aten::scaled_dot_product_attention": attended, "aten::matmul": fused}  # fmt: skip
    with torch.no_grad():
        total = found.uncalled_modules_warnings(False).tracer_warnings("none").set_op_handle(**handles).total()
    assert int(total) == total
    return int(total)


def check(source: dict[str, object], size: tuple[int, int]) -> None:
    """Both counts are one number; the other convention counts another."""
    spec = sparx_dsl.parse_spec(source)
    price = sparx_dsl.cost(spec, size, convention="fvcore")
    assert price.macs == counted(spec, size)
    assert price.macs != sparx_dsl.cost(spec, size).macs


@pytest.mark.parametrize("norm", ["group", "layer", "batch", "rms"])
@pytest.mark.parametrize("mixer", [*MIXERS, *SCAN_MIXERS])
def test_every_mixer_under_every_norm(mixer: str, norm: str) -> None:
    """At a size without symmetry, with a ganglion layer."""
    spec: Any = small(mixer)
    check({**spec, "layer": {**spec["layer"], "norm": norm}}, (45, 38))


def test_attention_of_mixers() -> None:
    """It counts as two products, and pooling for each value that it reads."""
    check(attending(), (45, 38))


FUSIONS: list[dict[str, object]] = [
    {"kind": "dmca"}, {"kind": "concat"}, {"kind": "no_gcca"}, {"kind": "sca", "head_width": 4},
    {"kind": "sra", "head_width": 4},
]  # fmt: skip


@pytest.mark.parametrize("fusion", FUSIONS, ids=lambda fusion: fusion["kind"])
def test_every_fusion(fusion: dict[str, object]) -> None:
    """Attention without a bias counts nothing."""
    spec: Any = small("ss2d")
    check({**spec, "layer": {**spec["layer"], "fusion": fusion, "layer_scale": 1.0}}, (40, 40))


@pytest.mark.parametrize("head", ["none", "semantic_fpn", "upernet"])
def test_every_head_and_an_adapted_link(head: str) -> None:
    """Resizing, by nearest neighbours and bilinear, and adaptive pooling count; an auxiliary head does not."""
    check(mixed(head={"kind": head}), (64, 48))


def test_the_first_released_spec() -> None:
    """SparX-Mamba-T itself, on a small image."""
    spec = sparx_dsl.load_spec(SPECS / "sparx_mamba_t.yaml")
    assert sparx_dsl.cost(spec, (64, 64), convention="fvcore").macs == counted(spec, (64, 64))


def test_sums_are_those_of_rows_and_the_rest_stays() -> None:
    """Rows, nodes and stages add up; parameters, FLOPs and bytes are those of the other convention."""
    spec = sparx_dsl.parse_spec(mixed())
    price, other = sparx_dsl.cost(spec, convention="fvcore"), sparx_dsl.cost(spec)
    assert price.macs == sum(price.of_stage(stage).macs for stage in (1, 2, 3)) == price.whole.macs
    assert (price.params, price.flops, price.peak_bytes) == (other.params, other.flops, other.peak_bytes)
    assert (price.convention, other.convention) == ("fvcore", "paper")


def test_an_unknown_convention_is_an_error() -> None:
    """It lists those that there are."""
    with pytest.raises(sparx_dsl.SparxError, match="unknown convention 'ptflops'") as refused:
        sparx_dsl.cost(SPECS / "swin_t.yaml", convention="ptflops")  # pyright: ignore[reportArgumentType]
    assert [each.code for each in refused.value.diagnostics] == ["SPX414"]
