"""The forward pass of DMCA, in shapes."""

from __future__ import annotations

from sparx_dsl.kinds.fusions.cost import key_and_value, mixed, reduced_projection
from sparx_dsl.kinds.fusions.dmca.options import DMCA
from sparx_dsl.language.base import Site
from sparx_dsl.pricing.tape.fake_tensor import FakeTensor
from sparx_dsl.pricing.tape.tape import Tape


def forward(options: DMCA, site: Site, tape: Tape, x: FakeTensor, features: FakeTensor) -> FakeTensor:
    """(batch, C, height, width), (batch, L·C, height, width) to (batch, out_channels, height, width).

    Where nothing is reduced, the query takes the place of the input. So it does in a map of one position, which costs
    the same.
    """
    key, value = key_and_value(site, tape, features)
    ratio = options.spatial_reduction(site)
    query, value = reduced_projection(tape, x, ratio), reduced_projection(tape, value, 1)
    attended = channel_attention(options, tape, query, reduced_projection(tape, key, ratio), value)
    if not options.shortcut:
        return tape.convolution(tape.activation(tape.depthwise(attended, 3)), site.out_channels)
    return mixed(site, tape, (query if ratio == 1 else x, attended, value))


def channel_attention(options: DMCA, tape: Tape, query: FakeTensor, key: FakeTensor, value: FakeTensor) -> FakeTensor:
    """Both products and the softmax between them; the result has the value's shape, and lies in memory as that does.

    The released code runs all three as one ``scaled_dot_product_attention``.

    query and key (batch, C, reduced height, reduced width), value (batch, C, height, width).
    """
    queries, keys, values = (
        each.flatten(2).unflatten(1, options.groups, each.shape[1] // options.groups) for each in (query, key, value)
    )
    weights = tape.softmax(tape.batched_product(tape.elementwise(queries), keys.transpose(2, 3), fvcore=False))
    attended = tape.batched_product(weights, values, fvcore=False).reshape(*value.shape)
    return attended.contiguous(channels_last=True) if value.channels_contiguous and value.shape[1] > 1 else attended
