"""The roles that a kind can have in a backbone, and what the options of each role declare to the compiler."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, get_args

from sparx_dsl.language.base import KindOptions
from sparx_dsl.language.shrinking import Shrinking, Shrinkings

Role = Literal["stem", "downsample", "mixer", "fusion", "ffn", "head"]
ROLES: tuple[Role, ...] = get_args(Role)
NodeRole = Literal["stem", "downsample", "layer", "head"]
"""What the nodes of a backbone are; kinds of three roles are in each layer."""


class StemOptions(KindOptions, frozen=True):
    """What every stem declares to the rest of the compiler."""

    @property
    def stride(self) -> int:
        """By how much the stem shrinks each side of the image."""
        raise NotImplementedError

    @property
    def shrinkings(self) -> Shrinkings:
        """The same in steps, each of which rounds up or down; by default it is one that rounds up."""
        return (Shrinking(self.stride),)


class DownsampleOptions(KindOptions, frozen=True):
    """What every downsampling declares to the rest of the compiler."""

    @property
    def total_stride(self) -> int:
        """By how much it shrinks each side of the map; a kind without a module leaves the map as it is."""
        return 2

    @property
    def shrinkings(self) -> Shrinkings:
        """The same in steps, each of which rounds up or down; by default it is one that rounds up."""
        return (Shrinking(self.total_stride),)


class MixerOptions(KindOptions, frozen=True):
    """What every token mixer declares to the rest of the compiler."""

    def projected(self, channels: int) -> int:
        """Channels of the mixer's input projection, which is also what a fusion in its place must give."""
        raise NotImplementedError

    @property
    def has_projection(self) -> bool:
        """Whether a normal layer has that projection; where not, the mixer takes the normalised map itself.

        ``projected`` is then the layer's channels.
        """
        return True

    @property
    def projection_bias(self) -> bool:
        """Whether the input projection (a 1×1 convolution) has a bias."""
        return True


class FusionOptions(KindOptions, frozen=True):
    """What every fusion does: from the layer's normalised input and the features to the mixer's projection."""


class FfnOptions(KindOptions, frozen=True):
    """What every feed-forward network has: the layer's channels in and out."""


class HeadOptions(KindOptions, frozen=True):
    """What every head is: it reads the last stage's feature, and those of the other stages where it says so."""

    @property
    def reads_all_stages(self) -> bool:
        """Whether the head reads the last map of every stage, and the images, whose size its result has.

        Its module is then called with the maps, the first stage's first, and the images behind them; its site names
        the maps' channels.
        """
        return False

    def output(self, channels: int, height: int, width: int, image: tuple[int, int]) -> tuple[int, ...]:
        """The shape, without the batch, of what the head makes in evaluation of a last map (channels, height, width).

        ``image`` is the height and width of the image that the map was made of.
        """
        raise NotImplementedError


ROLE_OPTIONS: Final[Mapping[Role, type[KindOptions]]] = {
    "stem": StemOptions,
    "downsample": DownsampleOptions,
    "mixer": MixerOptions,
    "fusion": FusionOptions,
    "ffn": FfnOptions,
    "head": HeadOptions,
}
"""What the options of a role's kinds derive from."""
