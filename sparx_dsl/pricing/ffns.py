"""The prices of the feed-forward networks, and what they save.

``height`` and ``width`` are those of the layer's map.
"""

from __future__ import annotations

from sparx_dsl.pricing.price import Price, depthwise, pointwise
from sparx_dsl.pricing.saved import Outline, Tape
from sparx_dsl.spec.options.base import Site
from sparx_dsl.spec.options.ffns import ConvFfn, Mlp


def price_mlp(options: Mlp, site: Site, height: int, width: int) -> Price:
    """Two linear layers at each position, with biases."""
    hidden = options.ratio * site.channels
    return pointwise(site.channels, hidden, height, width) + pointwise(hidden, site.channels, height, width)


def save_mlp(options: Mlp, site: Site, tape: Tape, x: Outline) -> Outline:
    """Both convolutions and GELU."""
    hidden = tape.convolution(x, options.ratio * site.channels)
    return tape.convolution(tape.activation(hidden), site.channels)


def price_conv(options: ConvFfn, site: Site, height: int, width: int) -> Price:
    """Two linear layers at each position and a depthwise 3×3 between them, with biases."""
    hidden = options.ratio * site.channels
    widen = pointwise(site.channels, hidden, height, width)
    narrow = pointwise(hidden, site.channels, height, width)
    return widen + depthwise(hidden, 3, height, width) + narrow


def save_conv(options: ConvFfn, site: Site, tape: Tape, x: Outline) -> Outline:
    """All three convolutions and GELU."""
    hidden = tape.convolution(x, options.ratio * site.channels)
    convolved = tape.mapped(hidden, tape.convolution(hidden, hidden.shape[1], 3))
    return tape.convolution(tape.activation(convolved), site.channels)
