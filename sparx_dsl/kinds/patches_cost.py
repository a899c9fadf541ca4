"""The padding of maps that are read in patches that do not overlap, in shapes."""

from __future__ import annotations

from sparx_dsl.language.base import Remainder
from sparx_dsl.pricing.tape.fake_tensor import FakeTensor
from sparx_dsl.pricing.tape.tape import Tape


def padded_to_patches(tape: Tape, x: FakeTensor, size: int, remainder: Remainder) -> FakeTensor:
    """A map (batch, channels, height, width) padded to patches of ``size``, where it is not cropped.

    What is cropped is left out by the convolution itself; a side shorter than one patch is padded.
    """
    height, width = x.shape[2:]
    if remainder == "crop":
        return tape.pad(x, max(height, size), max(width, size))
    return tape.pad(x, -(-height // size) * size, -(-width // size) * size)
