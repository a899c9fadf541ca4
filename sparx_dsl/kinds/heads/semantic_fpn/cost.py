"""The forward pass of Semantic FPN, in shapes."""

from __future__ import annotations

from collections.abc import Sequence

from sparx_dsl.kinds.heads.cost import classified, rectified, summed_from_last
from sparx_dsl.kinds.heads.semantic_fpn.options import SemanticFpn
from sparx_dsl.language.base import Site
from sparx_dsl.pricing.tape.fake_tensor import FakeTensor
from sparx_dsl.pricing.tape.tape import Tape


def forward(options: SemanticFpn, site: Site, tape: Tape, *inputs: FakeTensor) -> FakeTensor:
    """The maps of all stages, the first one's first, and the images, to (batch, classes) at the images' size."""
    *maps, images = inputs
    channels, width = options.pyramid_channels, options.head_channels
    maps = [tape.norm(options.norm, x) for x in maps]
    levels = summed_from_last(tape, [tape.convolution(x, channels) for x in maps], nearest=True)
    climbed = [
        climb(tape, tape.convolution(x, channels, 3), width, levels[:place][::-1]) for place, x in enumerate(levels)
    ]
    total = climbed[0]
    for x in climbed[1:]:
        total = tape.elementwise(total, x)
    return tape.resize(classified(tape, total, options.classes, options.dropout), images)


def climb(tape: Tape, x: FakeTensor, outputs: int, before: Sequence[FakeTensor]) -> FakeTensor:
    """One convolution for each of the maps ``before``, resized to it; one for the first stage's.

    (batch, channels, height, width) to (batch, outputs) at the size of the last of ``before``.
    """
    if not before:
        return rectified(tape, x, outputs, 3)
    for like in before:
        x = tape.resize(rectified(tape, x, outputs, 3), like)
    return x
