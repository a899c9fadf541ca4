"""The forward pass of the patch stem, in shapes."""

from __future__ import annotations

from sparx_dsl.kinds.stems.patch.options import PatchStem
from sparx_dsl.kinds.stems.position import embedded
from sparx_dsl.language.base import Site
from sparx_dsl.pricing.tape.fake_tensor import FakeTensor
from sparx_dsl.pricing.tape.tape import Tape


def forward(options: PatchStem, site: Site, tape: Tape, image: FakeTensor) -> FakeTensor:
    """(batch, channels, height, width) to one position for each patch; the image is padded to whole patches."""
    size = options.size
    height, width = (-(-side // size) * size for side in image.shape[2:])
    patches = tape.convolution(tape.pad(image, height, width), site.out_channels, size, size, padding=0)
    return embedded(options, site, tape, tape.norm(options.norm, patches))
