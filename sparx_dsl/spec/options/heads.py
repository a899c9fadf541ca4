"""Options of the heads: what is made of the stages' last maps."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sparx_dsl.spec.options.base import Channels, KindOptions, NormName

Classes = Annotated[int, Field(ge=1, le=1_000_000)]
ADE20K_CLASSES = 150
PoolScales = Annotated[tuple[Annotated[int, Field(ge=1, le=64)], ...], Field(strict=False, min_length=1, max_length=16)]


class HeadOptions(KindOptions, frozen=True):
    """What every head is: it reads the last stage's feature, and those of the other stages where it says so."""

    @property
    def reads_all_stages(self) -> bool:
        """Whether the head reads the last map of every stage, and the images, whose size its result has.

        Its module is then called with the maps, the first stage's first, and the images behind them; its site names
        the maps' channels, and its price rule is given the size of the first stage's map.
        """
        return False

    def output(self, channels: int, height: int, width: int, image: tuple[int, int]) -> tuple[int, ...]:
        """The shape, without the batch, of what the head makes in evaluation of a last map (channels, height, width).

        ``image`` is the height and width of the image that the map was made of.
        """
        raise NotImplementedError


class LinearHead(HeadOptions, frozen=True):
    """Norm, mean over positions, one linear layer."""

    kind: Literal["linear"] = "linear"
    classes: Classes = 1000
    norm: NormName | None = None
    """By default the norm that the backbone's ``layer`` has."""

    def output(self, channels: int, height: int, width: int, image: tuple[int, int]) -> tuple[int, ...]:
        """One number for each class."""
        return (self.classes,)


class SegmentationHead(HeadOptions, frozen=True):
    """What the heads have in common that give every pixel a class: they read all stages, each map under a norm."""

    classes: Classes = ADE20K_CLASSES
    norm: NormName = "layer"
    """The norm on each stage's map, which published backbones for dense prediction have (Swin, VMamba, SparX)."""

    @property
    def reads_all_stages(self) -> bool:
        """It does."""
        return True

    def output(self, channels: int, height: int, width: int, image: tuple[int, int]) -> tuple[int, ...]:
        """One number for each class at each pixel of the image."""
        return (self.classes, *image)


class SemanticFpn(SegmentationHead, frozen=True):
    """The semantic branch of Panoptic FPN (Kirillov et al. 2019), with BatchNorm.

    A feature pyramid, each level brought to the first map's size by 3×3 convolutions, BatchNorm, ReLU and bilinear
    upsampling; the sum of the levels is classified by a 1×1 convolution.
    """

    kind: Literal["semantic_fpn"] = "semantic_fpn"
    pyramid_channels: Channels = 256
    head_channels: Channels = 128
    """Channels of the convolutions behind the pyramid."""


class UPerNet(SegmentationHead, frozen=True):
    """UPerNet (Xiao et al. 2018): pyramid pooling on the last map, a feature pyramid, all levels fused."""

    kind: Literal["upernet"] = "upernet"
    pyramid_channels: Channels = 512
    """Channels of everything between the maps and the classes."""
    pools: PoolScales = (1, 2, 3, 6)
    """The last map is averaged over that many parts of each side."""
    auxiliary: bool = True
    """Whether, in training, a second result is made of the last stage's map but one, for a loss of its own."""
    auxiliary_channels: Channels = 256


class NoHead(HeadOptions, frozen=True):
    """No head: the backbone gives the last stage's feature map."""

    kind: Literal["none"] = "none"
