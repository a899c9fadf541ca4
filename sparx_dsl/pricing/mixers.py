"""The prices of the token mixers, and what they save, without their input projection.

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
from sparx_dsl.pricing.saved import Outline, Tape
from sparx_dsl.pricing.saved.attention import biased_attention
from sparx_dsl.pricing.saved.tape import BOOL, INT64
from sparx_dsl.spec.options.base import Site
from sparx_dsl.spec.options.mixers import SS2D, SSM, BiSSM, ScanMixer, SequenceMixer, WindowAttention


def price_ss2d(options: SS2D, site: Site, height: int, width: int) -> Price:
    """SS2D: depthwise convolution, four scans with weights of their own, the layer's norm, projection."""
    inner = options.inner(site.channels)
    convolved = depthwise(inner, options.conv, height, width, bias=options.bias) if options.conv else ZERO
    scanned = price_direction(options, site.channels, height * width) * 4
    projected = pointwise(inner, site.channels, height, width, bias=options.bias)
    return convolved + scanned + norm(site.norm, inner) + projected


def save_ss2d(options: SS2D, site: Site, tape: Tape, projected: Outline) -> Outline:
    """Convolution and SiLU, the operands of the scan and of the product before it, the norm, the projection."""
    x = tape.activation(tape.convolution(projected, projected.shape[1], options.conv)) if options.conv else projected
    batch, inner, height, width = x.shape
    values = tape.linear(x.permute(0, 2, 3, 1), 4 * (options.time_rank(site.channels) + 2 * options.state))
    save_scan(tape, (x, values), 4 * inner, options.state)
    scanned = tape.made(batch, height, width, inner).permute(0, 3, 1, 2)
    return tape.convolution(tape.norm(site.norm, scanned), site.channels)


def save_scan(tape: Tape, operands: tuple[Outline, ...], channels: int, state: int) -> None:
    """A scan's operands, and the decay rates −exp(A_logs) twice, once before the sign; these are float32 at least."""
    tape.keep_new(channels, state, item=tape.wide)
    tape.keep(*operands)
    tape.keep_new(channels, state, item=tape.wide)


def price_ssm(options: SSM, site: Site, height: int, width: int) -> Price:
    """The vanilla Mamba block: one direction, output projection; the gate's product is free."""
    direction = price_sequence_direction(options, site.channels, height * width)
    return direction + price_sequence_output(options, site, height, width)


def save_ssm(options: SSM, site: Site, tape: Tape, projected: Outline) -> Outline:
    """One direction, the gate and the projection."""
    x = projected.part(1, options.inner(site.channels))
    scanned = save_sequence_direction(options, site, tape, x.flatten(2))
    return save_sequence_output(options, site, tape, projected, scanned)


def price_bi_ssm(options: BiSSM, site: Site, height: int, width: int) -> Price:
    """Vim's block: two directions with weights of their own, one output projection."""
    direction = price_sequence_direction(options, site.channels, height * width)
    return direction * 2 + price_sequence_output(options, site, height, width)


def save_bi_ssm(options: BiSSM, site: Site, tape: Tape, projected: Outline) -> Outline:
    """Two directions, the gate and the projection."""
    sequence = projected.part(1, options.inner(site.channels)).flatten(2)
    scanned = save_sequence_direction(options, site, tape, sequence)
    backwards = save_sequence_direction(options, site, tape, tape.mapped(sequence))
    return save_sequence_output(options, site, tape, projected, tape.mapped(scanned, tape.mapped(backwards)))


def price_sequence_direction(options: SequenceMixer, channels: int, length: int) -> Price:
    """The causal convolution and the scan of one direction."""
    inner = options.inner(channels)
    convolved = causal_convolution(inner, options.conv, length) if options.conv else ZERO
    return convolved + price_direction(options, channels, length)


def save_sequence_direction(options: SequenceMixer, site: Site, tape: Tape, x: Outline) -> Outline:
    """The causal convolution and its SiLU, both products before the scan, and the scan: (batch, inner, length)."""
    batch, inner, length = x.shape
    if options.conv:
        x = tape.activation(save_causal_convolution(options, tape, x))
    rank = options.time_rank(site.channels)
    values = tape.linear(x.transpose(1, 2), rank + 2 * options.state)
    delta = tape.linear(values.part(2, rank), inner).transpose(1, 2)
    save_scan(tape, (x, delta, values), inner, options.state)
    return tape.made(batch, length, inner).transpose(1, 2)


def save_causal_convolution(options: SequenceMixer, tape: Tape, x: Outline) -> Outline:
    """The sequence, as a copy, padded where the kernel looks back."""
    batch, inner, length = x.shape
    before = options.conv - 1
    padded = tape.made(batch, inner, length + before) if before else tape.mapped(x)
    tape.keep(padded)
    return tape.made(batch, inner, length)


def price_sequence_output(options: SequenceMixer, site: Site, height: int, width: int) -> Price:
    """The output projection of the blocks that read a sequence."""
    return pointwise(options.inner(site.channels), site.channels, height, width, bias=options.bias)


def save_sequence_output(
    options: SequenceMixer, site: Site, tape: Tape, projected: Outline, scanned: Outline
) -> Outline:
    """The gate, which is half of what was projected, and the output projection."""
    batch, inner, _ = scanned.shape
    y = scanned.reshape(batch, inner, *projected.shape[2:])
    if options.gate:
        y = tape.product(y, tape.activation(projected.part(1, inner)))
    return tape.convolution(y, site.channels)


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


def save_window_attention(options: WindowAttention, site: Site, tape: Tape, projected: Outline) -> Outline:
    """The attention in full windows, the places in the table of biases, the mask, and the output projection.

    Places and mask are there once, however many images there are.
    """
    batch, channels, height, width = projected.shape
    side, heads = options.window, options.head_count(site.channels)
    rows, columns = -(-height // side), -(-width // side)
    shifted = options.shift and site.number % 2 == 0 and side > 1 and min(height, width) > side
    x = tape.padded(projected, batch, channels, rows * side, columns * side)
    x = x.copied() if shifted else x
    parts = x.reshape(batch, 3, heads, channels // (3 * heads), rows, side, columns, side)
    windows = parts.permute(1, 0, 4, 6, 2, 5, 7, 3)
    each = windows.reshape(3, batch, rows * columns * heads, side * side, channels // (3 * heads)).first_of()
    tape.keep_new(side * side, side * side, item=INT64)
    tape.keep_new(rows * columns, side * side, side * side, item=BOOL)
    attended = biased_attention(tape, each, each, each)
    parts = attended.reshape(batch, rows, columns, heads, side, side, channels // (3 * heads))
    result = parts.permute(0, 3, 6, 1, 4, 2, 5).reshape(batch, site.channels, rows * side, columns * side)
    result = result.copied() if shifted else result
    return tape.convolution(result.part(2, height).part(3, width), site.channels)
