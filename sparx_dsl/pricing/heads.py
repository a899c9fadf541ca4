"""The prices of the heads for dense prediction, and what they save.

``height`` and ``width`` are those of the first stage's map. Each stage's map is half as large as the one before,
rounded up. Pooling, resizing and sums are free.
"""

from __future__ import annotations

from collections.abc import Sequence

from sparx_dsl.pricing.price import Price, convolution, halved, norm, pointwise, total
from sparx_dsl.pricing.saved import Outline, Tape
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


def save_semantic_fpn(options: SemanticFpn, site: Site, tape: Tape, *inputs: Outline) -> Outline:
    """Norms, the pyramid, the climbs and the classes."""
    *maps, images = inputs
    channels, width = options.pyramid_channels, options.head_channels
    maps = [tape.norm(options.norm, x) for x in maps]
    levels = _sums_from_last(tape, [tape.convolution(x, channels) for x in maps])
    climbed = [
        _save_climb(tape, tape.convolution(x, channels, 3), width, levels[:place][::-1])
        for place, x in enumerate(levels)
    ]
    total = climbed[0]
    for x in climbed[1:]:
        total = tape.mapped(total, x)
    return tape.resized(tape.convolution(total, options.classes), images)


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


def save_upernet(options: UPerNet, site: Site, tape: Tape, *inputs: Outline) -> Outline:
    """Norms, pyramid pooling, the pyramid, all levels fused, the classes, and the auxiliary head, if any."""
    *maps, images = inputs
    inner = options.pyramid_channels
    maps = [tape.norm(options.norm, x) for x in maps]
    levels = [_save_rectified(tape, x, inner, 1) for x in maps[:-1]]
    *before, last = _sums_from_last(tape, [*levels, _save_pooling(options, tape, maps[-1])])
    first, *others = [*(_save_rectified(tape, x, inner, 3) for x in before), last]
    joined = tape.concatenated((first, *(tape.resized(x, first) for x in others)))
    fused = _save_rectified(tape, joined, inner, 3)
    result = tape.resized(tape.convolution(fused, options.classes), images)
    if options.auxiliary:
        hidden = _save_rectified(tape, maps[max(len(maps) - 2, 0)], options.auxiliary_channels, 3)
        tape.convolution(hidden, options.classes)
    return result


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


def _save_rectified(tape: Tape, x: Outline, outputs: int, kernel: int) -> Outline:
    """A convolution, BatchNorm, ReLU."""
    return tape.relu(tape.norm("batch", tape.convolution(x, outputs, kernel)))


def _save_climb(tape: Tape, x: Outline, outputs: int, before: Sequence[Outline]) -> Outline:
    """One convolution for each of the maps ``before``, resized to it; one for the first stage's."""
    if not before:
        return _save_rectified(tape, x, outputs, 3)
    for like in before:
        x = tape.resized(_save_rectified(tape, x, outputs, 3), like)
    return x


def _save_pooling(options: UPerNet, tape: Tape, x: Outline) -> Outline:
    """The last map beside its means over parts; a mean over all of it does not keep it."""
    means = (x.like(*x.shape[:2], 1, 1) if pool == 1 else tape.pooled(x, pool, pool) for pool in options.pools)
    branches = (_save_rectified(tape, mean, options.pyramid_channels, 1) for mean in means)
    joined = tape.concatenated((x, *(tape.resized(branch, x) for branch in branches)))
    return _save_rectified(tape, joined, options.pyramid_channels, 3)


def _sums_from_last(tape: Tape, levels: list[Outline]) -> list[Outline]:
    """Each level summed with the one behind it at its own size, from the last to the first."""
    for place in reversed(range(len(levels) - 1)):
        levels[place] = tape.mapped(levels[place], tape.resized(levels[place + 1], levels[place]))
    return levels
