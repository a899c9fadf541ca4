"""The forward pass of UPerNet, in shapes."""

from __future__ import annotations

from sparx_dsl.kinds.heads.cost import classified, rectified, summed_from_last
from sparx_dsl.kinds.heads.upernet.options import UPerNet
from sparx_dsl.language.base import Site
from sparx_dsl.pricing.tape.fake_tensor import FakeTensor
from sparx_dsl.pricing.tape.tape import Tape


def forward(options: UPerNet, site: Site, tape: Tape, *inputs: FakeTensor) -> FakeTensor:
    """The maps of all stages, the first one's first, and the images, to (batch, classes) at the images' size."""
    *maps, images = inputs
    inner = options.pyramid_channels
    maps = [tape.norm(options.norm, x) for x in maps]
    levels = [rectified(tape, x, inner, 1) for x in maps[:-1]]
    *before, last = summed_from_last(tape, [*levels, pooled(options, tape, maps[-1])], nearest=False)
    first, *others = [*(rectified(tape, x, inner, 3) for x in before), last]
    joined = tape.concatenate((first, *(tape.resize(x, first) for x in others)))
    fused = rectified(tape, joined, inner, 3)
    result = tape.resize(classified(tape, fused, options.classes, options.dropout), images)
    if options.auxiliary:
        with tape.training_only():
            hidden = rectified(tape, maps[max(len(maps) - 2, 0)], options.auxiliary_channels, 3)
            classified(tape, hidden, options.classes, options.dropout)
    return result


def pooled(options: UPerNet, tape: Tape, x: FakeTensor) -> FakeTensor:
    """The last map beside its means over parts.

    (batch, channels, height, width) to (batch, pyramid_channels, height, width).
    """
    means = (tape.pool(x, pool, pool, adaptive=True) for pool in options.pools)
    branches = (rectified(tape, mean, options.pyramid_channels, 1) for mean in means)
    joined = tape.concatenate((x, *(tape.resize(branch, x) for branch in branches)))
    return rectified(tape, joined, options.pyramid_channels, 3)
