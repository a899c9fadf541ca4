"""The compiled convolution without groups, against PyTorch's in float64, and which kernel packs a weight."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

import sparx_dsl
from sparx_dsl.inference.fused_convolution import FusedConvolution, fused_convolution
from sparx_dsl.ops import onednn
from sparx_dsl.ops.cpu import convolutions, library
from sparx_dsl.ops.packed_convolutions import (
    CompiledConvolution,
    OneDNNConvolution,
    OneDNNProduct,
    WidenedConvolution,
    pack,
)
from tests.support.instructions import each_set, use
from tests.support.kernels import ORACLES, random_map, worst
from tests.support.scans import threads as with_threads
from tests.support.strategies import examples

compiled = pytest.mark.skipif(library.problem() is not None, reason=str(library.problem()))
with_onednn = pytest.mark.skipif(not onednn.serves(torch.float32), reason="this PyTorch has no oneDNN for this machine")

TOLERANCE = {torch.float32: 4e-6, torch.bfloat16: 6e-3}

SPEC = """
sparx: 1
name: small
input: {size: 32}
stem: {kind: conv}
layer: {dpe: true, mixer: {kind: ss2d, conv: 3}, ffn: {kind: conv}}
stages:
  - {channels: 16, depth: 1}
  - {channels: 32, depth: 2, S: 1}
head: {kind: linear, classes: 10}
"""


def check(x: Tensor, weight: Tensor, bias: Tensor | None, padding: tuple[int, int], stride: tuple[int, int]) -> None:
    """Hold the kernel against PyTorch's convolution, with every activation."""
    wide = functional.conv2d(
        x.double(), weight.double(), None if bias is None else bias.double(), padding=padding, stride=stride
    )
    for activation, oracle in ORACLES.items():
        packed = convolutions.packed(weight)
        found = convolutions.convolution(x, packed, bias, len(weight), padding, stride, activation)
        assert found.is_contiguous(memory_format=torch.channels_last)
        assert worst(found, oracle(wide), 0.1) < TOLERANCE[x.dtype]


@compiled
@settings(max_examples=examples(1.0), deadline=None)
@given(
    sizes=st.tuples(st.integers(1, 3), st.integers(1, 40), st.integers(1, 12), st.integers(1, 12)),
    out=st.integers(1, 40),
    kernel=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    stride=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    padding=st.tuples(st.integers(0, 4), st.integers(0, 4)),
    more=st.integers(0, 5),
    dtype=st.sampled_from(list(TOLERANCE)),
    bias=st.booleans(),
    threads=st.integers(1, 3),
)
def test_it_is_that_of_pytorch(
    sizes: tuple[int, int, int, int],
    out: int,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int],
    more: int,
    dtype: torch.dtype,
    bias: bool,
    threads: int,
) -> None:
    """At any size, of some channels of a map too, whose positions lie further apart."""
    torch.manual_seed(0)
    batch, channels, height, width = sizes
    if height + 2 * padding[0] < kernel[0] or width + 2 * padding[1] < kernel[1]:
        return
    x = torch.randn(batch, height, width, channels + more).to(dtype).permute(0, 3, 1, 2)[:, more // 2 :][:, :channels]
    weight = (torch.randn(out, channels, *kernel) / 4).to(dtype)
    with with_threads(threads):
        check(x, weight, torch.randn(out).to(dtype) if bias else None, padding, stride)


@compiled
@each_set
@pytest.mark.parametrize("dtype", list(TOLERANCE))
def test_every_set_of_instructions_convolves(
    monkeypatch: pytest.MonkeyPatch, instructions: int, dtype: torch.dtype
) -> None:
    """More positions and channels than are worked on together, and numbers of them that are left over."""
    use(monkeypatch, instructions)
    torch.manual_seed(0)
    x = random_map(2, 150, 41, 43, dtype)
    check(x, (torch.randn(67, 150, 1, 1) / 12).to(dtype), torch.randn(67).to(dtype), (0, 0), (1, 1))
    check(x, (torch.randn(67, 150, 3, 3) / 36).to(dtype), None, (1, 1), (2, 2))


@compiled
def test_results_do_not_depend_on_threads() -> None:
    """Bit for bit: how sums are ordered is the same however the work is shared."""
    torch.manual_seed(0)
    x, weight = random_map(1, 70, 9, 11), torch.randn(90, 70, 3, 3)
    packed, found = convolutions.packed(weight), list[Tensor]()
    for count in (1, 2, 3):
        with with_threads(count):
            found.append(convolutions.convolution(x, packed, None, 90, (1, 1), (1, 1), "gelu"))
    assert all(torch.equal(found[0], each) for each in found)


@compiled
def test_the_fastest_kernel_packs_a_weight(monkeypatch: pytest.MonkeyPatch) -> None:
    """The compiled one where AVX2 is the best that the machine has; else oneDNN, in float32 where it lacks bfloat16."""
    dense, grouped = torch.ones(4, 4, 1, 1), torch.ones(4, 1, 3, 3)
    products, windows = ([0, 0], [1, 1], [1, 1], 1), ([1, 1], [2, 2], [1, 1], 4)
    shape = torch.Size((1, 4, 6, 6))
    monkeypatch.setattr(library, "instruction_set", lambda: convolutions.AVX2)
    assert isinstance(pack(dense, products, shape), CompiledConvolution)
    assert isinstance(pack(dense.bfloat16(), products, shape), CompiledConvolution)
    if onednn.serves(torch.float32):
        assert isinstance(pack(grouped, windows, shape), OneDNNConvolution)
        monkeypatch.setattr(library, "instruction_set", lambda: 0)
        assert isinstance(pack(dense, products, shape), OneDNNProduct)
    monkeypatch.setattr(onednn, "serves", lambda dtype: dtype == torch.float32)  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
    assert isinstance(pack(grouped.bfloat16(), windows, shape), WidenedConvolution)


@with_onednn
@pytest.mark.parametrize("conv", [nn.Conv2d(6, 6, 3, 2, 1, groups=6), nn.Conv2d(6, 9, 3, dilation=2, padding=2)])
def test_where_onednn_has_no_bfloat16_it_computes_in_float32(monkeypatch: pytest.MonkeyPatch, conv: nn.Conv2d) -> None:
    """Convolutions that no other kernel serves; the result is that of float64, rounded once."""
    monkeypatch.setattr(onednn, "serves", lambda dtype: dtype == torch.float32)  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
    half = conv.bfloat16().requires_grad_(False)
    fused, x = fused_convolution(half), torch.randn(2, 6, 9, 7).bfloat16()
    expected = functional.gelu(half.double()(x.double()))
    half.bfloat16()
    assert fused.fusable(x)
    assert worst(fused.fused(x, "gelu"), expected) < 2.0**-8


@compiled
def test_a_map_that_does_not_fit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Channels, sizes, and memory that is gone, of the map and of the bias: the operator says what is wrong."""
    use(monkeypatch, convolutions.AVX2)
    conv = fused_convolution(nn.Conv2d(4, 8, 3)).requires_grad_(False)
    assert isinstance(conv, FusedConvolution)
    good = torch.ones(1, 4, 5, 5).contiguous(memory_format=torch.channels_last)
    with torch.no_grad():
        assert conv(good).shape == (1, 8, 3, 3)
        freed = good.clone()
        freed.untyped_storage().resize_(0)
        for wrong, said in ((good[:, :3], "weight has shape"), (good[:, :, :2], "smaller than the kernel"),
                            (freed, "memory was freed")):  # fmt: skip
            with pytest.raises(ValueError, match=said):
                conv(wrong)
        assert conv.bias is not None
        conv.bias.untyped_storage().resize_(0)
        with pytest.raises(ValueError, match="memory was freed"):
            conv(good)


@compiled
@pytest.mark.parametrize("dtype", list(TOLERANCE))
def test_a_deployed_backbone_is_that_of_float64(monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype) -> None:
    """With the compiled convolutions in all places that have one."""
    use(monkeypatch, convolutions.AVX2)
    spec = sparx_dsl.parse_spec(SPEC)
    torch.manual_seed(0)
    model = sparx_dsl.build(spec).eval().to(dtype)
    images = torch.randn(2, 3, 32, 32).to(dtype)
    exact = model.double()(images.double()).detach()
    plain = model.to(dtype)
    with torch.no_grad():
        error, found = worst(plain(images), exact), worst(sparx_dsl.deploy(plain)(images), exact)
    assert found < (1e-5 if dtype == torch.float32 else 2 * error + 2.0**-7)
