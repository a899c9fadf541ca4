"""The prices of what stands around the layers, and what they save: stems, downsamplings and heads."""

from __future__ import annotations

from sparx_dsl.pricing.price import Price, convolution, halved, linear, norm, pointwise, total
from sparx_dsl.pricing.saved import Outline, Tape
from sparx_dsl.spec.options.base import Site
from sparx_dsl.spec.options.downsamples import ConvDownsample, MergeDownsample
from sparx_dsl.spec.options.heads import LinearHead
from sparx_dsl.spec.options.stems import ConvStem, PatchStem


def price_conv_stem(options: ConvStem, site: Site, height: int, width: int) -> Price:
    """The stem of convolutions; ``height`` and ``width`` are the image's.

    The first convolution is counted at half that size, as are those in the middle, and the last at a quarter.
    """
    half = max(1, site.out_channels // 2)
    bias = options.norm != "batch"
    height, width = halved(height), halved(width)
    first = convolution(site.channels, half, 3, height, width, bias=bias) + norm(options.norm, half)
    middle = convolution(half, half, 3, height, width, bias=bias) + norm(options.norm, half)
    last = convolution(half, site.out_channels, 3, halved(height), halved(width), bias=bias)
    return total([first, middle * (options.convs - 2), last, norm(options.norm, site.out_channels)])


def save_conv_stem(options: ConvStem, site: Site, tape: Tape, image: Outline) -> Outline:
    """Every convolution, norm and GELU."""
    half = max(1, site.out_channels // 2)
    x = tape.activation(tape.norm(options.norm, tape.convolution(image, half, 3, 2)))
    for _ in range(options.convs - 2):
        x = tape.activation(tape.norm(options.norm, tape.convolution(x, half, 3)))
    return tape.norm(options.norm, tape.convolution(x, site.out_channels, 3, 2))


def price_patch_stem(options: PatchStem, site: Site, height: int, width: int) -> Price:
    """The patch embedding; ``height`` and ``width`` are the image's; a patch cut by its edge is padded."""
    rows, columns = -(-height // options.size), -(-width // options.size)
    patches = convolution(site.channels, site.out_channels, options.size, rows, columns)
    return patches + norm(options.norm, site.out_channels)


def save_patch_stem(options: PatchStem, site: Site, tape: Tape, image: Outline) -> Outline:
    """The image, as a copy where it is padded, and what the norm keeps."""
    batch, channels, *sides = image.shape
    image = tape.padded(image, batch, channels, *(-(-side // options.size) * options.size for side in sides))
    patches = tape.convolution(image, site.out_channels, options.size, options.size, padding=0)
    return tape.norm(options.norm, patches)


def price_conv_downsample(options: ConvDownsample, site: Site, height: int, width: int) -> Price:
    """The convolution of stride 2; ``height`` and ``width`` are those of the map that goes in."""
    bias = options.norm != "batch"
    step = convolution(site.channels, site.out_channels, 3, halved(height), halved(width), bias=bias)
    return step + norm(options.norm, site.out_channels)


def save_conv_downsample(options: ConvDownsample, site: Site, tape: Tape, x: Outline) -> Outline:
    """The convolution and its norm."""
    return tape.norm(options.norm, tape.convolution(x, site.out_channels, 3, 2))


def price_merge_downsample(options: MergeDownsample, site: Site, height: int, width: int) -> Price:
    """The merging of 2×2 patches; ``height`` and ``width`` are those of the map that goes in."""
    merged = 4 * site.channels
    step = pointwise(merged, site.out_channels, halved(height), halved(width), bias=False)
    return norm(options.norm, merged) + step


def save_merge_downsample(options: MergeDownsample, site: Site, tape: Tape, x: Outline) -> Outline:
    """The norm of the merged patches, and the product."""
    batch, channels, height, width = x.shape
    x = tape.padded(x, batch, channels, height + height % 2, width + width % 2)
    corner = x.every_other()
    return tape.convolution(tape.norm(options.norm, tape.concatenated((corner,) * 4)), site.out_channels)


def price_linear_head(options: LinearHead, site: Site, height: int, width: int) -> Price:
    """Norm, mean and classifier; the size of the map, ``height`` and ``width``, changes nothing."""
    return norm(options.norm or site.norm, site.channels) + linear(site.channels, options.classes)


def save_linear_head(options: LinearHead, site: Site, tape: Tape, x: Outline) -> Outline:
    """The norm, and one vector for each image."""
    tape.norm(options.norm or site.norm, x)
    return tape.linear(tape.made(x.shape[0], site.channels), options.classes)
