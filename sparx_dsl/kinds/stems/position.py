"""The position embedding that every stem can add: its option, its forward pass in shapes, and its values elsewhere."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from sparx_dsl.kinds.checkpoint import Resizing
from sparx_dsl.kinds.slices import SliceBlocks
from sparx_dsl.language.base import Site
from sparx_dsl.language.roles import StemOptions
from sparx_dsl.language.shrinking import shrunk
from sparx_dsl.pricing.tape.fake_tensor import FakeTensor
from sparx_dsl.pricing.tape.tape import Tape

TENSOR: Final = "position.position_embedding"
RESIZED_POSITION: Final = {TENSOR: Resizing("sparx_dsl.nn.position:resized_position", "by bicubic interpolation")}
"""What a stem declares of it for checkpoints of another ``input.size``."""


class EmbeddedStem(StemOptions, frozen=True):
    """What the stems have in common: an absolute position embedding, if one is asked for."""

    position_embedding: bool = False
    """Whether a value learnt for each channel and position is added: for ``input.size``, resized for other sizes."""

    later: ClassVar[frozenset[str]] = frozenset({"position_embedding"})

    def embedded_size(self, site: Site) -> tuple[int, int]:
        """Height and width of the embedding: of the map that images of the spec's size become."""
        return shrunk(site.image, self.shrinkings)

    def canonical(self, site: Site) -> dict[str, Any]:
        """With the embedding's height and width, where there is one."""
        values = super().canonical(site)
        return {**values, "position_embedding": [*self.embedded_size(site)]} if self.position_embedding else values


def embedded(options: EmbeddedStem, site: Site, tape: Tape, x: FakeTensor) -> FakeTensor:
    """A map (batch, channels, height, width) with the embedding added, if the stem has one; saves nothing."""
    if not options.position_embedding:
        return x
    height, width = options.embedded_size(site)
    tape.weight(x.shape[1], height * width)
    return tape.elementwise(x, tape.new(*x.shape[1:]))


def embedding_blocks(options: object) -> SliceBlocks:
    """The axes of a stem's tensors: those of positions hold no channels."""
    del options
    return {TENSOR: {1: None, 2: None}}
