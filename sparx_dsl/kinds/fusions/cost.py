"""What the forward passes of several fusions share, in shapes."""

from __future__ import annotations

from sparx_dsl.language.base import Site
from sparx_dsl.pricing.tape.fake_tensor import FakeTensor
from sparx_dsl.pricing.tape.tape import Tape


def selection(site: Site, tape: Tape, features: FakeTensor, channels: int) -> FakeTensor:
    """(batch, L·C, height, width) to that many channels: norm, depthwise 3×3 with BatchNorm, GELU, 1×1, GELU."""
    normed = tape.norm(site.norm, features)
    x = tape.activation(tape.norm("batch", tape.depthwise(normed, 3, bias=False)))
    return tape.activation(tape.convolution(x, channels))


def key_and_value(site: Site, tape: Tape, features: FakeTensor) -> tuple[FakeTensor, FakeTensor]:
    """The features (batch, L·C, height, width) as Y_k and Y_v, (batch, C, height, width) each: halves of one map."""
    half = selection(site, tape, features, 2 * site.channels).part(1, site.channels)
    return half, half


def reduced_projection(tape: Tape, x: FakeTensor, ratio: int) -> FakeTensor:
    """The reducing depthwise convolution with BatchNorm and GELU, none for a ratio of 1; then 1×1 and BatchNorm.

    (batch, C, height, width) to (batch, C, reduced height, reduced width).
    """
    if ratio > 1:
        x = tape.activation(tape.norm("batch", tape.depthwise(x, ratio + 1, ratio, bias=False)))
    return tape.norm("batch", tape.convolution(x, x.shape[1], bias=False))


def mixed(site: Site, tape: Tape, three: tuple[FakeTensor, FakeTensor, FakeTensor]) -> FakeTensor:
    """X, Z and Y_v in another order of channels: depthwise 3×3, GELU, and a 1×1 in three groups.

    (batch, C, height, width) each to (batch, out_channels, height, width). The groups give a multiple of three
    channels; up to two that are missing are means.
    """
    joined = tape.concatenate(three)
    hidden = tape.activation(tape.depthwise(joined.copied(channels_last=joined.channels_contiguous), 3))
    missing = site.out_channels % 3
    projected = tape.convolution(hidden, site.out_channels - missing, groups=3)
    if not missing:
        return projected
    batch, channels, *size = projected.shape
    if projected.channels_contiguous and channels > 1:
        return projected.like(batch, site.out_channels, *size)
    return tape.concatenate((projected, *(tape.new(batch, 1, *size) for _ in range(missing))))


def conv_ffn(tape: Tape, maps: tuple[FakeTensor, FakeTensor], hidden: int, outputs: int) -> FakeTensor:
    """The Conv-FFN of PVTv2 on concatenated maps: 1×1, depthwise 3×3, GELU, 1×1, with biases.

    (batch, channels, height, width) each to (batch, outputs, height, width).
    """
    widened = tape.convolution(tape.concatenate(maps), hidden)
    return tape.convolution(tape.activation(tape.depthwise(widened, 3)), outputs)
