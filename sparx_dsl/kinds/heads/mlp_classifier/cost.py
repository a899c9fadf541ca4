"""The forward pass of the classification head with a hidden layer, in shapes."""

from __future__ import annotations

from sparx_dsl.kinds.heads.mlp_classifier.options import MlpClassifierHead
from sparx_dsl.language.base import Site
from sparx_dsl.language.ratios import times
from sparx_dsl.pricing.tape.fake_tensor import FakeTensor
from sparx_dsl.pricing.tape.tape import Tape


def forward(options: MlpClassifierHead, site: Site, tape: Tape, x: FakeTensor) -> FakeTensor:
    """(batch, channels, height, width) to logits (batch, classes)."""
    batch, hidden = x.shape[0], times(site.channels, options.ratio)
    active = tape.activation(tape.linear(tape.new(batch, site.channels), hidden, bias=True))
    normed = tape.norm("layer", active.reshape(batch, hidden, 1, 1)).reshape(batch, hidden)
    return tape.linear(normed, options.classes, bias=True)
