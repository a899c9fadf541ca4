"""What the forward passes of the mixers that read a sequence share, in shapes."""

from __future__ import annotations

from sparx_dsl.kinds.mixers.options import SequenceMixer
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
