"""The forward pass of Vim's bidirectional block, in shapes."""

from __future__ import annotations

from sparx_dsl.kinds.mixers.bi_ssm.options import BiSSM
from sparx_dsl.kinds.mixers.cost import scan_direction, sequence_output
from sparx_dsl.language.base import Site
from sparx_dsl.pricing.tape.fake_tensor import FakeTensor
from sparx_dsl.pricing.tape.tape import Tape


def forward(options: BiSSM, site: Site, tape: Tape, projected: FakeTensor) -> FakeTensor:
    """(batch, inner, or 2·inner with a gate, height, width) to (batch, channels, height, width)."""
    sequence = projected.part(1, options.inner(site.channels)).flatten(2)
    forwards = scan_direction(options, site, tape, sequence)
    backwards = scan_direction(options, site, tape, tape.elementwise(sequence))
    both = tape.elementwise(forwards, tape.elementwise(backwards))
    return sequence_output(options, site, tape, projected, both)
