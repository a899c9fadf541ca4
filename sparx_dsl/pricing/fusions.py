"""The prices of the fusions, and what they save; ``height`` and ``width`` are those of the layer's map.

A fusion takes the place of the mixer's input projection, so its price includes the last step, which gives
``site.out_channels`` channels.
"""

from __future__ import annotations

from sparx_dsl.pricing.price import ZERO, Price, convolution, depthwise, norm, pointwise, product, total
from sparx_dsl.pricing.saved import Outline, Tape
from sparx_dsl.pricing.saved.attention import fused_attention
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


def save_dmca(options: DMCA, site: Site, tape: Tape, x: Outline, features: Outline) -> Outline:
    """Gathering, cross-attention and projection; unreduced, the query takes the place of the input."""
    key, value = save_selection(site, tape, features)
    reduction = options.spatial_reduction(site)
    query = save_reduced_projection(tape, x, reduction)
    value = save_reduced_projection(tape, value, 1)
    attended = save_channel_attention(options, tape, query, save_reduced_projection(tape, key, reduction), value)
    if not options.shortcut:
        return tape.convolution(tape.activation(tape.convolution(attended, site.channels, 3)), site.out_channels)
    return save_shuffled_projection(site, tape, (query if reduction == 1 else x, attended, value))


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


def save_gathering(site: Site, tape: Tape, features: Outline, channels: int) -> Outline:
    """Norm, depthwise convolution, BatchNorm, GELU, 1×1."""
    x = tape.norm(site.norm, features)
    x = tape.norm("batch", tape.convolution(x, x.shape[1], 3))
    return tape.convolution(tape.activation(x), channels)


def save_selection(site: Site, tape: Tape, features: Outline) -> tuple[Outline, Outline]:
    """The features gathered as Y_k and Y_v, which are halves of one map."""
    both = tape.activation(save_gathering(site, tape, features, 2 * site.channels))
    half = both.part(1, site.channels)
    return half, half


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


def save_channel_attention(options: DMCA, tape: Tape, query: Outline, key: Outline, value: Outline) -> Outline:
    """Both products and the softmax between them; the result lies in memory as the value does."""
    queries, keys, values = (
        each.flatten(2).unflatten(1, options.groups, each.shape[1] // options.groups) for each in (query, key, value)
    )
    weights = tape.softmax(tape.batched_product(tape.mapped(queries), keys.transpose(2, 3)))
    attended = tape.batched_product(weights, values).reshape(*value.shape)
    side_by_side = value.strides[1] == 1 and value.shape[1] > 1
    return attended.contiguous(channels_last=True) if side_by_side else attended


def price_reduced_projection(channels: int, reduction: int, height: int, width: int) -> Price:
    """Spatial reduction of a map (channels, height, width), then 1×1 without bias, and BatchNorm."""
    rows, columns = reduced(height, reduction), reduced(width, reduction)
    projection = pointwise(channels, channels, rows, columns, bias=False) + norm("batch", channels)
    return price_spatial_reducer(channels, reduction, rows, columns) + projection


def save_reduced_projection(tape: Tape, x: Outline, reduction: int) -> Outline:
    """The reducing convolution with BatchNorm and GELU, if any, then 1×1 and BatchNorm."""
    channels = x.shape[1]
    if reduction > 1:
        x = tape.activation(tape.norm("batch", tape.convolution(x, channels, reduction + 1, reduction)))
    return tape.norm("batch", tape.convolution(x, channels))


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


def save_shuffled_projection(site: Site, tape: Tape, three: tuple[Outline, Outline, Outline]) -> Outline:
    """Both convolutions and the GELU between them, behind a copy in another order of channels."""
    x = three[0]
    joined = tape.concatenated(three)
    mixed = joined.copied(channels_last=joined.strides[1] == 1)
    hidden = tape.activation(tape.convolution(mixed, 3 * site.channels, 3))
    missing = site.out_channels % 3
    projected = tape.convolution(hidden, site.out_channels - missing)
    if missing and projected.strides[1] == 1 and projected.shape[1] > 1:
        return projected.like(x.shape[0], site.out_channels, *x.shape[2:])
    means = (tape.made(x.shape[0], 1, *x.shape[2:]) for _ in range(missing))
    return tape.concatenated((projected, *means)) if missing else projected


def price_concat(options: ConcatFusion, site: Site, height: int, width: int) -> Price:
    """Input and features concatenated and fused by a Conv-FFN."""
    concatenated = (1 + site.features) * site.channels
    return price_conv_ffn(concatenated, options.ratio * site.channels, site.out_channels, height, width)


def save_concat(options: ConcatFusion, site: Site, tape: Tape, x: Outline, features: Outline) -> Outline:
    """The Conv-FFN of input and features."""
    return save_conv_ffn(tape, (x, features), options.ratio * site.channels, site.out_channels)


def price_no_gcca(options: NoGcca, site: Site, height: int, width: int) -> Price:
    """Query and value, as DMCA makes them, concatenated and fused by a Conv-FFN."""
    gathered = price_gathering(site, site.channels, height, width)
    query_or_value = price_reduced_projection(site.channels, 1, height, width)
    fused = price_conv_ffn(2 * site.channels, options.ratio * site.channels, site.out_channels, height, width)
    return gathered + query_or_value * 2 + fused


def save_no_gcca(options: NoGcca, site: Site, tape: Tape, x: Outline, features: Outline) -> Outline:
    """Value, query, and the Conv-FFN of both."""
    gathered = tape.activation(save_gathering(site, tape, features, site.channels))
    value = save_reduced_projection(tape, gathered, 1)
    query = save_reduced_projection(tape, x, 1)
    return save_conv_ffn(tape, (query, value), options.ratio * site.channels, site.out_channels)


def price_conv_ffn(inputs: int, hidden: int, outputs: int, height: int, width: int) -> Price:
    """The Conv-FFN of PVTv2: 1×1, depthwise 3×3, 1×1, with biases."""
    widen, narrow = pointwise(inputs, hidden, height, width), pointwise(hidden, outputs, height, width)
    return widen + depthwise(hidden, 3, height, width) + narrow


def save_conv_ffn(tape: Tape, maps: tuple[Outline, Outline], hidden: int, outputs: int) -> Outline:
    """The maps side by side, three convolutions, and the GELU after the second."""
    widened = tape.convolution(tape.concatenated(maps), hidden)
    return tape.convolution(tape.activation(tape.convolution(widened, hidden, 3)), outputs)


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


def save_sca(options: SCA, site: Site, tape: Tape, x: Outline, features: Outline) -> Outline:
    """Query, key and value, the merging, the attention, and the convolutions after it."""
    channels, positions = site.channels, x.shape[2] * x.shape[3]
    own = tape.convolution(x, 3 * channels).part(1, channels)
    merged = save_merging(options, site, tape, features)
    tokens = tape.made(x.shape[0], channels, positions + merged.shape[2])
    attended = save_position_attention(tape, options.head_count(channels), own, tokens, tokens.copied())
    summed = tape.mapped(x, tape.convolution(attended, channels))
    enhanced = tape.norm("batch", tape.convolution(summed, channels, 3))
    return tape.convolution(enhanced, site.out_channels)


def save_merging(options: SCA, site: Site, tape: Tape, features: Outline) -> Outline:
    """The merged features before and after their factors, and what makes tokens of them: (batch, 2·C, tokens)."""
    merged = tape.convolution(features, features.shape[1], 2 * options.merging - 1, options.merging)
    apart = merged.unflatten(1, site.features, site.channels)
    tape.keep(apart)
    scaled = tape.mapped(apart, Outline.fresh((site.features, 1, 1, 1), tape.item)).flatten(1, 2)
    return tape.convolution(tape.norm(site.norm, scaled), 2 * site.channels).flatten(2)


def save_position_attention(tape: Tape, heads: int, query: Outline, keys: Outline, values: Outline) -> Outline:
    """Attention of a map to tokens (batch, C, tokens), each copied so that a head's channels lie side by side."""
    own, others, contents = (
        each.unflatten(1, heads, each.shape[1] // heads).transpose(2, 3).contiguous()
        for each in (query.flatten(2), keys, values)
    )
    return fused_attention(tape, own, others, contents).transpose(2, 3).reshape(*query.shape)


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


def save_sra(options: SRA, site: Site, tape: Tape, x: Outline, features: Outline) -> Outline:
    """Gathering, attention to the reduced positions, and the projection of input, result and value."""
    key, value = save_selection(site, tape, features)
    reduction = options.spatial_reduction(site)
    query = save_reduced_projection(tape, x, 1)
    keys, values = (save_reduced_projection(tape, each, reduction).flatten(2) for each in (key, value))
    attended = save_position_attention(tape, options.head_count(site.channels), query, keys, values)
    return save_shuffled_projection(site, tape, (x, attended, value))
