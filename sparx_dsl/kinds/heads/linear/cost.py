"""The forward pass of the classification head, in shapes."""

from __future__ import annotations

from sparx_dsl.kinds.heads.linear.options import LinearHead
from sparx_dsl.language.base import Site
from sparx_dsl.pricing.tape.fake_tensor import FakeTensor
from sparx_dsl.pricing.tape.tape import Tape


def forward(options: LinearHead, site: Site, tape: Tape, x: FakeTensor) -> FakeTensor:
    """(batch, channels, height, width) to logits (batch, classes)."""
    name = options.norm or site.norm
    if name != "none":
        tape.norm(name, x.like(*x.shape[:2], 1, 1) if options.pool_first else x)
    return tape.linear(tape.new(x.shape[0], site.channels), options.classes, bias=True)
