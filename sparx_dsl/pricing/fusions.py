"""The prices of the fusions; ``height`` and ``width`` are those of the layer's map.

A fusion takes the place of the mixer's input projection, so its price includes the last step, which gives
``site.out_channels`` channels.
"""

from __future__ import annotations

from sparx_dsl.pricing.price import ZERO, Price, convolution, depthwise, norm, pointwise, product, total
from sparx_dsl.spec.options.base import Site
from sparx_dsl.spec.options.fusions import DMCA, ConcatFusion


def price_dmca(options: DMCA, site: Site, height: int, width: int) -> Price:
    """The aggregator of SparX (section 3.1 and equation 1): gathering, cross-attention, projection."""
    gathered = price_gathering(site, height, width)
    attended = price_channel_attention(options, site, height, width)
    return gathered + attended + price_shuffled_projection(site, height, width)


def price_gathering(site: Site, height: int, width: int) -> Price:
    """The features brought to the 2C channels of Y_k and Y_v: norm, depthwise 3×3, BatchNorm, 1×1."""
    concatenated = site.features * site.channels
    return total(
        [
            norm(site.norm, concatenated),
            depthwise(concatenated, 3, height, width, bias=False),
            norm("batch", concatenated),
            pointwise(concatenated, 2 * site.channels, height, width),
        ]
    )


def price_channel_attention(options: DMCA, site: Site, height: int, width: int) -> Price:
    """Grouped channel-wise cross-attention: query and key at the reduced size, value at the full one."""
    reduction = options.spatial_reduction(site)
    rows, columns = reduced(height, reduction), reduced(width, reduction)
    group = site.channels // options.groups
    scores = product(group, rows * columns, group)
    weighted = product(group, group, height * width)
    reducer = price_spatial_reducer(site.channels, reduction, rows, columns)
    query_or_key = reducer + price_normed_projection(site.channels, rows, columns)
    value = price_normed_projection(site.channels, height, width)
    return query_or_key * 2 + value + (scores + weighted) * options.groups


def price_spatial_reducer(channels: int, reduction: int, rows: int, columns: int) -> Price:
    """The strided depthwise convolution to a map of (rows, columns), and its BatchNorm; nothing for 1."""
    if reduction == 1:
        return ZERO
    return depthwise(channels, reduction + 1, rows, columns, bias=False) + norm("batch", channels)


def reduced(size: int, reduction: int) -> int:
    """One side after a kernel k = ``reduction`` + 1, stride ``reduction`` and padding k // 2."""
    if reduction == 1:
        return size
    kernel = reduction + 1
    return (size + 2 * (kernel // 2) - kernel) // reduction + 1


def price_normed_projection(channels: int, height: int, width: int) -> Price:
    """1×1 convolution without bias, and BatchNorm."""
    return pointwise(channels, channels, height, width, bias=False) + norm("batch", channels)


def price_shuffled_projection(site: Site, height: int, width: int) -> Price:
    """X, Z and V, shuffled: depthwise 3×3 on 3C, then a 1×1 in three groups.

    The groups give a multiple of three channels; up to two that are missing come from a mean, which is free.
    """
    joined = 3 * site.channels
    projected = site.out_channels // 3 * 3
    return depthwise(joined, 3, height, width) + convolution(joined, projected, 1, height, width, groups=3)


def price_concat(options: ConcatFusion, site: Site, height: int, width: int) -> Price:
    """Input and features concatenated and fused by a Conv-FFN."""
    hidden = options.ratio * site.channels
    widen = pointwise((1 + site.features) * site.channels, hidden, height, width)
    narrow = pointwise(hidden, site.out_channels, height, width)
    return widen + depthwise(hidden, 3, height, width) + narrow
