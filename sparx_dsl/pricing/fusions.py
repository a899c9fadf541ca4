"""The prices of the fusions; ``height`` and ``width`` are those of the layer's map.

A fusion takes the place of the mixer's input projection, so its price includes the last step, which gives
``site.out_channels`` channels.
"""

from __future__ import annotations

from sparx_dsl.pricing.price import ZERO, Price, convolution, depthwise, norm, pointwise, product, total
from sparx_dsl.spec.options.base import Site
from sparx_dsl.spec.options.fusions import DMCA, SCA, SRA, ConcatFusion, NoGcca


def price_dmca(options: DMCA, site: Site, height: int, width: int) -> Price:
    """The aggregator of SparX (section 3.1 and equation 1): gathering, cross-attention, projection."""
    gathered = price_gathering(site, 2 * site.channels, height, width)
    attended = price_channel_attention(options, site, height, width)
    if options.shortcut:
        return gathered + attended + price_shuffled_projection(site, height, width)
    alone = depthwise(site.channels, 3, height, width) + pointwise(site.channels, site.out_channels, height, width)
    return gathered + attended + alone


def price_gathering(site: Site, channels: int, height: int, width: int) -> Price:
    """The features brought to that many channels: norm, depthwise 3×3, BatchNorm, 1×1."""
    concatenated = site.features * site.channels
    return total(
        [
            norm(site.norm, concatenated),
            depthwise(concatenated, 3, height, width, bias=False),
            norm("batch", concatenated),
            pointwise(concatenated, channels, height, width),
        ]
    )


def price_channel_attention(options: DMCA, site: Site, height: int, width: int) -> Price:
    """Grouped channel-wise cross-attention: query and key at the reduced size, value at the full one."""
    reduction = options.spatial_reduction(site)
    rows, columns = reduced(height, reduction), reduced(width, reduction)
    group = site.channels // options.groups
    scores = product(group, rows * columns, group)
    weighted = product(group, group, height * width)
    query_or_key = price_reduced_projection(site.channels, reduction, height, width)
    value = price_reduced_projection(site.channels, 1, height, width)
    return query_or_key * 2 + value + (scores + weighted) * options.groups


def price_reduced_projection(channels: int, reduction: int, height: int, width: int) -> Price:
    """Spatial reduction of a map (channels, height, width), then 1×1 without bias, and BatchNorm."""
    rows, columns = reduced(height, reduction), reduced(width, reduction)
    projection = pointwise(channels, channels, rows, columns, bias=False) + norm("batch", channels)
    return price_spatial_reducer(channels, reduction, rows, columns) + projection


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


def price_shuffled_projection(site: Site, height: int, width: int) -> Price:
    """X, Z and V, shuffled: depthwise 3×3 on 3C, then a 1×1 in three groups.

    The groups give a multiple of three channels; up to two that are missing come from a mean, which is free.
    """
    joined = 3 * site.channels
    projected = site.out_channels // 3 * 3
    return depthwise(joined, 3, height, width) + convolution(joined, projected, 1, height, width, groups=3)


def price_concat(options: ConcatFusion, site: Site, height: int, width: int) -> Price:
    """Input and features concatenated and fused by a Conv-FFN."""
    concatenated = (1 + site.features) * site.channels
    return price_conv_ffn(concatenated, options.ratio * site.channels, site.out_channels, height, width)


def price_no_gcca(options: NoGcca, site: Site, height: int, width: int) -> Price:
    """Query and value, as DMCA makes them, concatenated and fused by a Conv-FFN."""
    gathered = price_gathering(site, site.channels, height, width)
    query_or_value = price_reduced_projection(site.channels, 1, height, width)
    fused = price_conv_ffn(2 * site.channels, options.ratio * site.channels, site.out_channels, height, width)
    return gathered + query_or_value * 2 + fused


def price_conv_ffn(inputs: int, hidden: int, outputs: int, height: int, width: int) -> Price:
    """The Conv-FFN of PVTv2: 1×1, depthwise 3×3, 1×1, with biases."""
    widen, narrow = pointwise(inputs, hidden, height, width), pointwise(hidden, outputs, height, width)
    return widen + depthwise(hidden, 3, height, width) + narrow


def price_sca(options: SCA, site: Site, height: int, width: int) -> Price:
    """FcaFormer's cross-attention: features merged to few tokens, attention to them and to the own ones."""
    channels, concatenated = site.channels, site.features * site.channels
    rows, columns = -(-height // options.merging), -(-width // options.merging)
    return total(
        [
            depthwise(concatenated, 2 * options.merging - 1, rows, columns, bias=False),
            Price(params=site.features),
            norm(site.norm, concatenated),
            pointwise(concatenated, 2 * channels, rows, columns),
            pointwise(channels, 3 * channels, height, width),
            product(height * width, channels, height * width + rows * columns) * 2,
            pointwise(channels, channels, height, width),
            depthwise(channels, 3, height, width, bias=False) + norm("batch", channels),
            pointwise(channels, site.out_channels, height, width),
        ]
    )


def price_sra(options: SRA, site: Site, height: int, width: int) -> Price:
    """DMCA with spatial-reduction attention: query at the full size, key and value at the reduced one."""
    reduction = options.spatial_reduction(site)
    query = price_reduced_projection(site.channels, 1, height, width)
    key_or_value = price_reduced_projection(site.channels, reduction, height, width)
    tokens = reduced(height, reduction) * reduced(width, reduction)
    scores_or_sums = product(height * width, site.channels, tokens)
    gathered = price_gathering(site, 2 * site.channels, height, width)
    attended = query + key_or_value * 2 + scores_or_sums * 2
    return gathered + attended + price_shuffled_projection(site, height, width)
