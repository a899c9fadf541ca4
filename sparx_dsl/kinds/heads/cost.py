"""What the forward passes of the heads for dense prediction share, in shapes."""

from __future__ import annotations

from sparx_dsl.pricing.tape.fake_tensor import FakeTensor
from sparx_dsl.pricing.tape.tape import Tape


def rectified(tape: Tape, x: FakeTensor, outputs: int, kernel: int) -> FakeTensor:
    """A convolution without bias, BatchNorm, ReLU.

    (batch, channels, height, width) to (batch, outputs, height, width).
    """
    return tape.relu(tape.norm("batch", tape.convolution(x, outputs, kernel, bias=False)))


def classified(tape: Tape, x: FakeTensor, classes: int, dropout: float) -> FakeTensor:
    """Channels dropped, which saves what each is multiplied by, and a 1×1 convolution.

    (batch, channels, height, width) to (batch, classes, height, width).
    """
    if dropout and x.strides is not None:
        tape.save_new(*x.shape[:2])
        x = tape.elementwise(x)
    return tape.convolution(x, classes)


def summed_from_last(tape: Tape, levels: list[FakeTensor], *, nearest: bool) -> list[FakeTensor]:
    """Each level summed with the one behind it, resized to its own size (bilinear or nearest), from the last on.

    Levels are (batch, channels, height, width), of one number of channels; they are replaced in the list.
    """
    for place in reversed(range(len(levels) - 1)):
        resized = tape.resize(levels[place + 1], levels[place], nearest=nearest)
        levels[place] = tape.elementwise(levels[place], resized)
    return levels
