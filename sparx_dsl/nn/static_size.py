"""Parts for which a compiler does better to know the height and width of the images."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class StaticSize(nn.Module):
    """A part whose shapes, as formulas of a height and a width, are long and nested.

    From the second image size on ``torch.compile`` takes height and width as symbols. Counts of windows, padded,
    divided and multiplied again layer upon layer, are then formulas which its solver simplifies over and over: a graph
    takes longer to compile than one for each size.
    """


def has_static_size(model: nn.Module) -> bool:
    """Whether such a part is anywhere within."""
    return any(isinstance(module, StaticSize) for module in model.modules())


def compile_for_size(images: Tensor) -> None:
    """Let a compiler take the height and width of images (batch, channels, height, width) as numbers.

    Exporters keep what is dynamic; outside of compilers this does nothing.
    """
    if torch.compiler.is_compiling() and not torch.compiler.is_exporting():
        height, width = images.shape[2:]
        hash((height, width))  # a symbol has no hash, so that Dynamo puts its value in the place of it
