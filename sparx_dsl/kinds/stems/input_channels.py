"""The first convolution's weights for images of another number of channels."""

from __future__ import annotations

from typing import Final

from torch import Tensor

from sparx_dsl.kinds.checkpoint import Resizing


def adapted_input(weight: Tensor, shape: tuple[int, ...]) -> Tensor | None:
    """A weight (channels, input channels, height, width) for other input channels; None where all else differs too.

    ``shape`` is the wanted one. For one channel the weights of all are summed. For more they are repeated, and scaled
    so that a grey image gives what it gave, or nearly that where the repetition is cut off. Source:
    ``adapt_input_conv`` of timm, which takes weights of three channels.
    """
    if weight.ndim != 4 or len(shape) != 4 or (weight.shape[0], *weight.shape[2:]) != (shape[0], *shape[2:]):
        return None
    before, now = weight.shape[1], shape[1]
    wide = weight.double()
    if now == 1:
        return wide.sum(1, keepdim=True).to(weight.dtype)
    repeated = wide.repeat(1, -(-now // before), 1, 1)[:, :now]
    return (repeated * (before / now)).to(weight.dtype)


ADAPTED_INPUT: Final = Resizing(f"{__name__}:adapted_input", "input channels summed to one, or repeated and scaled")
"""What a stem declares of the weight that reads the image."""
