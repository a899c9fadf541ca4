"""The prices of the token mixers without their input projection.

The projection to ``options.projected(C)`` channels is priced by ``pricing.layer``, because a ganglion layer
has a fusion in its place. ``height`` and ``width`` are those of the layer's map.
"""

from __future__ import annotations

from sparx_dsl.pricing.price import (
    ZERO,
    Price,
    causal_convolution,
    depthwise,
    norm,
    pointwise,
    product,
    selective_scan,
)
from sparx_dsl.spec.options.base import Site
from sparx_dsl.spec.options.mixers import SS2D, SSM, BiSSM, ScanMixer, SequenceMixer, WindowAttention


def price_ss2d(options: SS2D, site: Site, height: int, width: int) -> Price:
    """SS2D: depthwise convolution, four scans with weights of their own, the layer's norm, projection."""
    inner = options.inner(site.channels)
    convolved = depthwise(inner, options.conv, height, width, bias=options.bias) if options.conv else ZERO
    scanned = price_direction(options, site.channels, height * width) * 4
    projected = pointwise(inner, site.channels, height, width, bias=options.bias)
    return convolved + scanned + norm(site.norm, inner) + projected


def price_ssm(options: SSM, site: Site, height: int, width: int) -> Price:
    """The vanilla Mamba block: one direction, output projection; the gate's product is free."""
    direction = price_sequence_direction(options, site.channels, height * width)
    return direction + price_sequence_output(options, site, height, width)


def price_bi_ssm(options: BiSSM, site: Site, height: int, width: int) -> Price:
    """Vim's block: two directions with weights of their own, one output projection."""
    direction = price_sequence_direction(options, site.channels, height * width)
    return direction * 2 + price_sequence_output(options, site, height, width)


def price_sequence_direction(options: SequenceMixer, channels: int, length: int) -> Price:
    """The causal convolution and the scan of one direction."""
    inner = options.inner(channels)
    convolved = causal_convolution(inner, options.conv, length) if options.conv else ZERO
    return convolved + price_direction(options, channels, length)


def price_sequence_output(options: SequenceMixer, site: Site, height: int, width: int) -> Price:
    """The output projection of the blocks that read a sequence."""
    return pointwise(options.inner(site.channels), site.channels, height, width, bias=options.bias)


def price_direction(options: ScanMixer, channels: int, length: int) -> Price:
    """One direction of a scan: projection to (R, N, N), time steps from R, and the scan itself.

    The bias of the time steps belongs to the scan, which adds it.
    """
    inner = options.inner(channels)
    rank = options.time_rank(channels)
    parameters = pointwise(inner, rank + 2 * options.state, 1, length, bias=False)
    time_steps = pointwise(rank, inner, 1, length, bias=False)
    return parameters + time_steps + selective_scan(inner, length, options.state)


def price_window_attention(options: WindowAttention, site: Site, height: int, width: int) -> Price:
    """Swin's window attention: table of position biases, q·k and scores·v in full windows, output projection.

    Windows that hang over the edge of the map count whole, because they are computed whole.
    """
    side = options.window
    windows = -(-height // side) * -(-width // side)
    biases = Price((2 * side - 1) ** 2 * options.head_count(site.channels))
    tokens = side * side
    attended = product(tokens, site.channels, tokens) * (2 * windows)
    return biases + attended + pointwise(site.channels, site.channels, height, width)
