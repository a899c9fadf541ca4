"""What every set of options shares: strict frozen models, the site where a kind is placed, and its problems."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

NormName = Literal["group", "layer", "batch", "rms"]
"""``group``: GroupNorm of one group; ``layer``, ``rms``: LayerNorm and RMSNorm over channels; ``batch``: BatchNorm."""
EPSILON = 1e-5
"""What norms add to the variance where nothing else is written."""

Epsilon = Annotated[float, Field(ge=1e-12, le=1.0)]

Remainder = Literal["pad", "crop"]
"""What becomes of rows and columns that fill no patch: ``pad`` fills them up with zeros, right and below.

``crop`` leaves them out, as a convolution without padding does; a side shorter than one patch is padded then too.
"""

DropRate = Annotated[float, Field(ge=0, lt=1)]
"""How many of the values are dropped in training, of one."""

MAX_CHANNELS = 65_536
MAX_SIDE = 16_384
"""Pixels of an image's longer side, in specs, calls and commands alike."""

Channels = Annotated[int, Field(ge=1, le=MAX_CHANNELS)]


class Options(BaseModel, frozen=True):
    """A strict and frozen set of options that refuses unknown keys."""

    model_config = ConfigDict(
        strict=True, extra="forbid", allow_inf_nan=False, serialize_by_alias=True, use_attribute_docstrings=True
    )


@dataclass(frozen=True, slots=True)
class Site:
    """The place in a backbone where a kind stands; all that its builder and its price need besides its options."""

    channels: int
    """Channels of the map that goes in (for a downsampling or a stem: before it)."""
    out_channels: int
    """Channels of the map that comes out."""
    norm: NormName = "layer"
    """The norm of the layer (of the backbone, for a head)."""
    number: int = 1
    """The layer's number in its stage, from 1."""
    features: int = 0
    """How many features of ``channels`` channels a fusion is given."""
    maps: tuple[int, ...] = ()
    """The channels of the maps that a head reads, the first stage's first; empty where it reads only the last one."""
    eps: float = EPSILON
    """What the layer's norms add to the variance."""
    normed: bool = True
    """Whether a norm stands in front of the layer's mixer, fusion and FFN."""
    post_normed: bool = False
    """Whether a norm stands behind the layer's mixer and FFN, before the residual is added."""
    image: tuple[int, int] = (0, 0)
    """For a stem, the height and width in pixels of the images that the spec is for."""
    reduction: int = 1
    """How many times smaller the map of the last stage is, per side; what ``reduction: auto`` stands for."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with an option at a site; the loader turns it into a diagnostic at the option's line."""

    field: str
    code: str
    message: str
    help: str | None = None


class KindOptions(Options, frozen=True):
    """The options of one kind; a subclass fixes ``kind`` to its name."""

    kind: str

    later: ClassVar[frozenset[str]] = frozenset()
    """Options that came later than their kind: at their default they are no part of the canonical form."""

    def problems(self, site: Site) -> Iterator[Problem]:
        """Yield what is wrong with these options at that site."""
        yield from ()

    @classmethod
    def has_conditions(cls) -> bool:
        """Whether there are sites at which such options have a problem; most kinds stand anywhere."""
        return cls.problems is not KindOptions.problems

    def canonical(self, site: Site) -> dict[str, Any]:
        """What these options stand for at that site, as plain data: equal for two that make the same module."""
        values = {"kind": self.kind, **self.model_dump(mode="json")}
        fields = type(self).model_fields
        return {key: value for key, value in values.items() if key not in self.later or value != fields[key].default}


def divisor_help(what: str, channels: int, value: int) -> str:
    """Say which numbers divide ``channels`` and lie closest to ``value``."""
    small = [n for n in range(1, min(math.isqrt(channels), 4096) + 1) if channels % n == 0]
    divisors = {*small, *(channels // n for n in small)}
    nearest = sorted(sorted(divisors, key=lambda n: (abs(n - value), n))[:4])
    return f"{what} that divide {channels} and lie closest: {', '.join(map(str, nearest))}"
