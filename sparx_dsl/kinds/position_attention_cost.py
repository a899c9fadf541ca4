"""The attention of the positions of a map to tokens, in shapes."""

from __future__ import annotations

from sparx_dsl.pricing.tape.fake_tensor import FakeTensor
from sparx_dsl.pricing.tape.tape import Tape


def position_attention(
    tape: Tape, heads: int, query: FakeTensor, keys: FakeTensor, values: FakeTensor, *, fvcore: bool = False
) -> FakeTensor:
    """Attention of a map to tokens (batch, C, tokens), each copied so that a head's channels are contiguous.

    With ``fvcore`` the published implementation computes it by two products, which fvcore sees.
    """
    own, others, contents = (
        each.unflatten(1, heads, each.shape[1] // heads).transpose(2, 3).contiguous()
        for each in (query.flatten(2), keys, values)
    )
    return tape.attention(own, others, contents, fvcore=fvcore).transpose(2, 3).reshape(*query.shape)
