"""The forward pass of the patch stem, in shapes."""

from __future__ import annotations

from sparx_dsl.kinds.patches_cost import padded_to_patches
from sparx_dsl.kinds.stems.patch.options import CONV_CHANNELS, PatchStem
from sparx_dsl.kinds.stems.position import embedded
from sparx_dsl.language.base import Site
from sparx_dsl.pricing.tape.fake_tensor import FakeTensor
from sparx_dsl.pricing.tape.tape import Tape


def forward(options: PatchStem, site: Site, tape: Tape, image: FakeTensor) -> FakeTensor:
    """(batch, channels, height, width) to one position for each patch; the map is padded, or cropped, to whole ones."""
    size, x = options.size, image
    for place in range(options.convs):
        kernel, stride = (3, 1) if place else (7, 2)
        x = tape.relu(tape.norm("batch", tape.convolution(x, CONV_CHANNELS, kernel, stride, bias=False)))
    whole = padded_to_patches(tape, x, size, options.remainder)
    patches = tape.convolution(whole, site.out_channels, size, size, padding=0)
    return embedded(options, site, tape, patches if options.norm == "none" else tape.norm(options.norm, patches))
