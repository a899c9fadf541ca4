"""What attention keeps, as PyTorch runs it on a CPU: fused where it can be, else step by step."""

from __future__ import annotations

from sparx_dsl.pricing.saved.outline import Outline
from sparx_dsl.pricing.saved.strides import count
from sparx_dsl.pricing.saved.tape import FLOAT32, Tape


def biased_attention(tape: Tape, query: Outline, key: Outline, value: Outline) -> Outline:
    """Attention with a bias that is learned, step by step, in float32 at least; all (batch, heads, tokens, width).

    It keeps the scaled query and key, the value, and the weights of all pairs of tokens. The value is kept where it
    lies, with whatever else is there, unless it had to be converted or copied.
    """
    batch, heads, tokens, width = query.shape
    tape.keep_new(count(query.shape), item=tape.wide)
    tape.keep_new(count(key.shape), item=tape.wide)
    tape.keep_new(batch, heads, tokens, key.shape[2], item=tape.wide)
    if tape.item < FLOAT32:
        tape.keep_new(count(value.shape), item=tape.wide)
    else:
        tape.keep(value.reshape(batch * heads, key.shape[2], width))
    return tape.made(*query.shape)


def fused_attention(tape: Tape, query: Outline, key: Outline, value: Outline) -> Outline:
    """Attention without a bias, fused: it keeps its operands, its result, and a sum for each query, float32 at least.

    All (batch, heads, tokens, width).
    """
    result = tape.made(*query.shape)
    tape.keep(query, key, value, result)
    tape.keep_new(*query.shape[:3], item=tape.wide)
    return result
