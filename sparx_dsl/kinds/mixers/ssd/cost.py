"""The forward pass of the block of Mamba-2, in shapes."""

from __future__ import annotations

import math

from sparx_dsl.kinds.mixers.ssd.options import CHUNK, SSD
from sparx_dsl.language.base import Site
from sparx_dsl.pricing.tape.fake_tensor import FakeTensor
from sparx_dsl.pricing.tape.tape import BOOL, Tape


def forward(options: SSD, site: Site, tape: Tape, projected: FakeTensor) -> FakeTensor:
    """(batch, 2·inner + 2N + heads, height, width) to (batch, channels, height, width).

    A last chunk that is not full counts whole, because it is computed whole.
    """
    inner, convolved, _ = options.parts(site.channels)
    batch, _, height, width = projected.shape
    sequence = projected.part(1, convolved).flatten(2)
    tape.activation(tape.causal_convolution(sequence, options.conv))
    _scan(options, site, tape, _wide(tape, batch, height * width, convolved))
    y = tape.new(batch, height, width, inner).permute(0, 3, 1, 2)
    gated = tape.product(y, tape.activation(projected.part(1, inner)))
    return tape.convolution(tape.norm(site.norm, gated), site.channels, bias=options.bias)


def _scan(options: SSD, site: Site, tape: Tape, convolved: FakeTensor) -> None:
    """The scan of (batch, length, inner + 2N), in float32 at least: time steps, rates, chunks, and what goes by D."""
    inner, _, heads = options.parts(site.channels)
    batch, length, _ = convolved.shape
    tape.weight(3, heads)
    for shape in ((batch, length, heads), (batch, length, heads), (heads,), (heads,)):
        tape.save_new(*shape, item=tape.wide)
    if tape.item < tape.wide:
        tape.save_new(heads, item=tape.wide)
    tape.save(convolved)
    size = min(CHUNK, length)
    chunks = -(-length // size)
    inward = convolved.part(2, options.state)
    if length % size:
        inward = _wide(tape, batch, chunks * size, options.state)
    outward = inward if not length % size else _wide(tape, *inward.shape)
    driven = _wide(tape, batch, chunks, size, heads, inner // heads)
    inward, outward = (each.unflatten(1, chunks, size) for each in (inward, outward))
    _within_chunks(tape, driven, inward.transpose(2, 3), outward)
    if chunks > 1:
        _between_chunks(tape, driven, inward.transpose(2, 3), outward)


def _within_chunks(tape: Tape, driven: FakeTensor, inward: FakeTensor, outward: FakeTensor) -> None:
    """The mask, decays, scores, and their product with (batch, chunks, size, heads, width)."""
    batch, chunks, size, heads, _ = driven.shape
    tape.save_new(size, size, item=BOOL)
    tape.save_new(batch, chunks, heads, size, size, item=tape.wide)
    tape.batched_product(outward, inward)
    tape.save_new(batch, chunks, size, size, item=tape.wide)
    tape.batched_product(_wide(tape, batch, chunks, heads, size, size), driven.transpose(2, 3))


def _between_chunks(tape: Tape, driven: FakeTensor, inward: FakeTensor, outward: FakeTensor) -> None:
    """The states that chunks leave, their recurrence, and what is read of them."""
    batch, chunks, size, heads, width = driven.shape
    state, inner = outward.shape[3], heads * width
    tape.save(driven)
    tape.save_new(batch, chunks, size, heads, item=tape.wide)
    tape.batched_product(inward, _wide(tape, batch, chunks, size, inner))
    tape.save_new(batch, chunks, heads, item=tape.wide)
    # The recurrence is solved in chunks of its own, about as many as each is long.
    longest = math.isqrt(chunks - 1) + 1
    tape.save_new(batch, -(-chunks // longest) * longest, state, inner, item=tape.wide)
    tape.batched_product(outward, _wide(tape, batch, chunks, state, inner))
    tape.save_new(batch, chunks, size, inner, item=tape.wide)
    tape.save_new(batch, chunks, size, heads, item=tape.wide)


def _wide(tape: Tape, *shape: int) -> FakeTensor:
    """A new contiguous tensor in float32 at least."""
    return FakeTensor.fresh(shape, tape.wide) if tape.saves else tape.new(*shape)
