"""The schedule as a value: steps in order, frees among them, and every feature buffer with its size."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from sparx_dsl.graph import ConnectionGraph

Part = Literal["stem", "downsample", "link", "dpe", "fusion", "mixer", "ffn", "head"]
DType = Literal["float64", "float32", "bfloat16", "float16"]
ITEM_BYTES: Mapping[str, int] = {"float64": 8, "float32": 4, "bfloat16": 2, "float16": 2}

IMAGES = "images"
"""The buffer that the caller hands in."""


@dataclass(frozen=True, slots=True)
class Buffer:
    """A tensor that the compiled forward holds: (batch, channels, height, width), or (batch, classes) for logits."""

    name: str
    shape: tuple[int, ...]
    bytes: int


@dataclass(frozen=True, slots=True)
class Run:
    """Run one part of a node, a torch module, on buffers."""

    node: str
    part: Part
    inputs: tuple[str, ...]
    output: str
    module: str
    """The module's path in the compiled backbone, which is also the prefix of its ``state_dict`` keys."""


@dataclass(frozen=True, slots=True)
class Gather:
    """Concatenate the features that a ganglion layer reads along the channels, in the order of their slots."""

    node: str
    inputs: tuple[str, ...]
    output: str


@dataclass(frozen=True, slots=True)
class Free:
    """Let go of a buffer: nothing after this reads it."""

    buffer: str


Step = Run | Gather | Free


@dataclass(frozen=True)
class Schedule:
    """The steps of one backbone for images of one size, batch and dtype."""

    graph: ConnectionGraph = field(repr=False)
    size: tuple[int, int]
    batch: int
    dtype: DType
    steps: tuple[Step, ...]
    buffers: Mapping[str, Buffer]
    outputs: tuple[str, ...]
    features: tuple[int, ...] | None = None
    """The stages whose maps are the outputs; None for the backbone's own result."""

    @functools.cached_property
    def lives(self) -> tuple[tuple[str, ...], ...]:
        """The buffers that are held while each step runs, its output included; one entry for each step."""
        from sparx_dsl.schedule.lifetime import held_at_steps

        return held_at_steps(self.steps, (IMAGES,))

    @functools.cached_property
    def live_bytes(self) -> tuple[int, ...]:
        """The bytes of the buffers that are held while each step runs."""
        return tuple(sum(self.buffers[name].bytes for name in held) for held in self.lives)

    @property
    def peak_bytes(self) -> int:
        """The most bytes of feature buffers held at any step; what a part uses inside itself is not counted."""
        return max(self.live_bytes)

    @property
    def peak_step(self) -> Run | Gather:
        """The first step at which the peak is reached."""
        step = self.steps[self.live_bytes.index(self.peak_bytes)]
        assert not isinstance(step, Free)
        return step

    @functools.cached_property
    def bound_bytes(self) -> int:
        """A lower bound on the peak of any order of the same steps."""
        from sparx_dsl.schedule.bound import lower_bound

        sizes = {name: buffer.bytes for name, buffer in self.buffers.items()}
        return lower_bound(tuple(step for step in self.steps if not isinstance(step, Free)), sizes, self.outputs)

    def __str__(self) -> str:
        from sparx_dsl.schedule.listing import listing

        return listing(self)
