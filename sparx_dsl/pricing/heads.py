"""The prices of the heads for dense prediction; ``height`` and ``width`` are those of the first stage's map.

Each stage's map is half as large as the one before, rounded up. Pooling, resizing and sums are free.
"""

from __future__ import annotations

from collections.abc import Sequence

from sparx_dsl.pricing.price import Price, convolution, halved, norm, pointwise, total
from sparx_dsl.spec.options.base import NormName, Site
from sparx_dsl.spec.options.heads import SemanticFpn, UPerNet

Size = tuple[int, int]


def price_semantic_fpn(options: SemanticFpn, site: Site, height: int, width: int) -> Price:
    """Semantic FPN: the pyramid, a climb from each level to the first map's size, and the classes."""
    sizes, channels = map_sizes(len(site.maps), height, width), options.pyramid_channels
    pyramid = [
        pointwise(inputs, channels, *size) + convolution(channels, channels, 3, *size)
        for inputs, size in zip(site.maps, sizes, strict=True)
    ]
    climbs = [_climb(channels, options.head_channels, sizes, place) for place in range(len(sizes))]
    classes = pointwise(options.head_channels, options.classes, height, width)
    return total([price_norms(options.norm, site.maps), *pyramid, *climbs, classes])


def price_upernet(options: UPerNet, site: Site, height: int, width: int) -> Price:
    """UPerNet; the auxiliary head has parameters and no MACs, for it runs in training only."""
    sizes, inner = map_sizes(len(site.maps), height, width), options.pyramid_channels
    *before, last = site.maps
    pooled = [_rectified(last, inner, 1, (pool, pool)) for pool in options.pools]
    pooling = _rectified(last + len(options.pools) * inner, inner, 3, sizes[-1])
    levels = [
        _rectified(inputs, inner, 1, size) + _rectified(inner, inner, 3, size)
        for inputs, size in zip(before, sizes[:-1], strict=True)
    ]
    fused = _rectified(len(sizes) * inner, inner, 3, sizes[0]) + pointwise(inner, options.classes, *sizes[0])
    return total([price_norms(options.norm, site.maps), *pooled, pooling, *levels, fused, _auxiliary(options, site)])


def map_sizes(stages: int, height: int, width: int) -> list[Size]:
    """The sizes of the stages' maps, from the first one's on."""
    sizes = [(height, width)]
    for _ in range(stages - 1):
        sizes.append((halved(sizes[-1][0]), halved(sizes[-1][1])))
    return sizes


def price_norms(name: NormName, maps: Sequence[int]) -> Price:
    """A norm on each map."""
    return total(norm(name, channels) for channels in maps)


def _rectified(inputs: int, outputs: int, kernel: int, size: Size) -> Price:
    """A convolution without bias, BatchNorm, ReLU."""
    return convolution(inputs, outputs, kernel, *size, bias=False) + norm("batch", outputs)


def _climb(inputs: int, outputs: int, sizes: Sequence[Size], place: int) -> Price:
    """One convolution at each size from that map's to the second's; one at its own size for the first map."""
    passed = sizes[place:0:-1] or sizes[:1]
    widths = [inputs, *[outputs] * (len(passed) - 1)]
    return total(_rectified(width, outputs, 3, size) for width, size in zip(widths, passed, strict=True))


def _auxiliary(options: UPerNet, site: Site) -> Price:
    if not options.auxiliary:
        return Price()
    inputs, hidden = site.maps[max(len(site.maps) - 2, 0)], options.auxiliary_channels
    return Price((_rectified(inputs, hidden, 3, (1, 1)) + pointwise(hidden, options.classes, 1, 1)).params)
