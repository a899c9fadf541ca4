"""The prices of the feed-forward networks; ``height`` and ``width`` are those of the layer's map."""

from __future__ import annotations

from sparx_dsl.pricing.price import Price, depthwise, pointwise
from sparx_dsl.spec.options.base import Site
from sparx_dsl.spec.options.ffns import ConvFfn, Mlp


def price_mlp(options: Mlp, site: Site, height: int, width: int) -> Price:
    """Two linear layers at each position, with biases."""
    hidden = options.ratio * site.channels
    return pointwise(site.channels, hidden, height, width) + pointwise(hidden, site.channels, height, width)


def price_conv(options: ConvFfn, site: Site, height: int, width: int) -> Price:
    """Two linear layers at each position and a depthwise 3×3 between them, with biases."""
    hidden = options.ratio * site.channels
    widen = pointwise(site.channels, hidden, height, width)
    narrow = pointwise(hidden, site.channels, height, width)
    return widen + depthwise(hidden, 3, height, width) + narrow
