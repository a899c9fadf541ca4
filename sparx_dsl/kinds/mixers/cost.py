"""What the forward passes of the mixers that read sequences share, in shapes."""

from __future__ import annotations

from sparx_dsl.kinds.mixers.options import ScanMixer, SequenceMixer, attention_channels
from sparx_dsl.language.base import Site
from sparx_dsl.pricing.tape.fake_tensor import FakeTensor
from sparx_dsl.pricing.tape.tape import Tape


def scan_direction(options: SequenceMixer, site: Site, tape: Tape, x: FakeTensor) -> FakeTensor:
    """The causal convolution with SiLU, both products before the scan, and the scan: (batch, inner, length)."""
    batch, inner, length = x.shape
    if options.conv:
        x = tape.activation(tape.causal_convolution(x, options.conv))
    rank = options.time_rank(site.channels)
    values = tape.linear(x.transpose(1, 2), rank + 2 * options.state)
    delta = tape.linear(values.part(2, rank), inner).transpose(1, 2)
    tape.selective_scan((x, delta, values), inner, length, options.state)
    return tape.new(batch, length, inner).transpose(1, 2)


def sequence_output(
    options: SequenceMixer, site: Site, tape: Tape, projected: FakeTensor, scanned: FakeTensor
) -> FakeTensor:
    """The gate, which is half of what was projected, and the output projection.

    projected (batch, inner, height, width), or 2·inner with a gate, and scanned (batch, inner, length) to (batch,
    channels, height, width).
    """
    batch, inner, _ = scanned.shape
    y = scanned.reshape(batch, inner, *projected.shape[2:])
    if options.gate:
        y = tape.product(y, tape.activation(projected.part(1, inner)))
    return tape.convolution(y, site.channels, bias=options.bias)


def directional_scan(options: ScanMixer, site: Site, tape: Tape, sequences: FakeTensor) -> FakeTensor:
    """The products before the scans of several sequences, and the scans: (batch, length, K, inner), in new memory."""
    batch, length, count, inner = sequences.shape
    rank, state = options.time_rank(site.channels), options.state
    for _ in range(count):
        tape.linear(_one_of(sequences), rank + 2 * state)
    values = tape.new(batch, length, count, rank + 2 * state)
    for _ in range(count):
        tape.linear(_one_of(values.part(3, rank)), inner)
    steps = tape.new(batch, length, count, inner)
    tape.selective_scan((sequences, steps, values), count * inner, length, state)
    return tape.new(batch, length, count, inner)


def _one_of(sequences: FakeTensor) -> FakeTensor:
    """One of (batch, length, K, values): (batch, length, values)."""
    return sequences.permute(2, 0, 1, 3).first_of()


def channel_attention(tape: Tape, maps: FakeTensor) -> FakeTensor:
    """A norm, the mean of each map, two products, a factor for each channel: (batch, maps, height, width, channels)."""
    batch, count, _, _, channels = maps.shape
    tape.norm("layer", maps.flatten(1, 2).permute(0, 3, 1, 2))
    mean = tape.new(batch, channels, count, 1)
    hidden = tape.activation(tape.convolution(mean, attention_channels(channels)))
    gate = tape.relu(tape.convolution(hidden, channels))
    return tape.product(maps, gate.permute(0, 2, 3, 1).reshape(batch, count, 1, 1, channels))
