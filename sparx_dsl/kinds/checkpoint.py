"""What a kind declares about checkpoints: its names in those of released models, and how its weights are adapted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sparx_dsl.kind import Facet
from sparx_dsl.kinds.slices import BlocksOf
from sparx_dsl.language.base import Remainder

ReleasedFormat = Literal["sparx_mamba", "vmamba", "swin", "timm", "pvt_v2", "inception_next", "timm_swin"]
Shape = tuple[int, ...]
Difference = Callable[[Any, int], str | None]
"""Called with a kind's options and the layer's number (0 for what is no layer): how they differ from the released
models in what names and shapes do not show, as in ``has layer norms, and the released models batch norms``."""


@dataclass(frozen=True, slots=True)
class ComputedBuffers:
    """Tensors that the released code keeps in its checkpoints and that this project computes."""

    names: tuple[str, ...]
    """How their names in a checkpoint end."""
    compute: Facet
    """Called as ``function(options, number, map_size)``; gives the tensors of a layer by name."""
    check: Facet
    """Called as ``function(name, tensor)``; says whether a tensor is what is computed here."""
    other: str
    """What is said of tensors that are not, as in ``are not in the order of Swin's windows``."""
    help: str
    """What the reason may be."""


@dataclass(frozen=True, slots=True)
class ReleasedNames:
    """A kind in the checkpoints of one released project.

    Paths of theirs are those within a layer or a downsampling, and for a stem or a head those in the file.
    """

    names: Mapping[str, str]
    """Ours → theirs."""
    shapes: Mapping[str, Callable[[Shape], Shape]] = field(default_factory=dict[str, Callable[[Shape], Shape]])
    """For our tensors that have another shape there: that shape from ours."""
    signs: frozenset[str] = frozenset()
    """Those of their paths by which a checkpoint shows that it is of this project."""
    difference: Difference | None = None
    """None where names and shapes show everything."""
    buffers: ComputedBuffers | None = None


@dataclass(frozen=True, slots=True)
class Resizing:
    """How a tensor of a kind takes over values from one of another shape."""

    function: Facet
    """Called as ``function(tensor, shape)``; gives None where that cannot be done."""
    how: str
    """As a report says it: ``by bicubic interpolation``."""


@dataclass(frozen=True, slots=True)
class Alternation:
    """What a kind does in some layers of a stage and not in others, by their number; no tensor shows it."""

    applies: Callable[[Any, int], bool]
    """Called with the kind's options and the layer's number."""
    does: str
    """As a report says it: ``shifts its windows``."""
    does_not: str


@dataclass(frozen=True, slots=True)
class KindCheckpoint:
    """All of it, for one kind.

    Tensors and modules of ours are named by their paths within the kind's module. A mixer's are named within the part
    of the layer that it is in: ``mixer`` is its module, ``projection`` the one before it in a normal layer.
    """

    released: Mapping[ReleasedFormat, ReleasedNames] = field(default_factory=dict[ReleasedFormat, ReleasedNames])
    """For each released project whose models have this kind."""
    resized: Mapping[str, Resizing] = field(default_factory=dict[str, Resizing])
    class_modules: frozenset[str] = frozenset()
    """Modules with one output for each class, which stay as they were drawn where a checkpoint has other classes."""
    alternation: Alternation | None = None
    blocks: BlocksOf | None = None
    """How channels lie in its tensors; None for a kind whose tensors are not taken over where widths differ."""
    last: str | None = None
    """The module whose weight and bias, where both are 0, make the result of a mixer or an FFN 0: so an added layer can
    begin as the identity. None for a kind that does not say."""


def linear(*modules: str) -> dict[str, Callable[[Shape], Shape]]:
    """The ``shapes`` of 1×1 convolutions that are linear layers in the released code."""
    return {f"{module}.weight": lambda shape: shape[:2] for module in modules}


def normed(released: str) -> Difference:
    """The ``difference`` of a kind whose released models have the norm of that name."""

    def difference(options: Any, number: int) -> str | None:
        del number
        return other_norm(options.norm, released)

    return difference


def other_remainder(remainder: Remainder, released: Remainder) -> str | None:
    """What is said of patches that treat the edge of a map otherwise than the released models; None for theirs."""
    does = {"pad": "pads rows and columns that fill no patch", "crop": "leaves out rows and columns that fill no patch"}
    do = {"pad": "pad them", "crop": "leave them out"}
    return None if remainder == released else f"{does[remainder]}, and the released models {do[released]}"


def other_norm(norm: str, released: str) -> str | None:
    """What is said of a norm that the released models do not have; None for theirs."""
    return None if norm == released else f"has {norm} norms, and the released models {released} norms"
