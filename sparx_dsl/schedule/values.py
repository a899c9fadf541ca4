"""The schedule as a value: its steps in order, and every feature buffer with its size."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from sparx_dsl.graph import ConnectionGraph
from sparx_dsl.schedule.bound import lower_bound
from sparx_dsl.schedule.lifetime import held_at_steps, held_bytes
from sparx_dsl.schedule.listing import listing
from sparx_dsl.schedule.step import IMAGES, Free, Gather, Run, Step
from sparx_dsl.spec.frozen import FrozenDict

DType = Literal["float64", "float32", "bfloat16", "float16"]
ITEM_BYTES: Mapping[str, int] = {"float64": 8, "float32": 4, "bfloat16": 2, "float16": 2}


@dataclass(frozen=True, slots=True)
class Buffer:
    """A tensor that the compiled forward holds: (batch, channels, height, width), or (batch, classes) for logits."""

    name: str
    shape: tuple[int, ...]
    bytes: int


@dataclass(frozen=True)
class Schedule:
    """The steps of one backbone for images of one size, batch and dtype."""

    graph: ConnectionGraph = field(repr=False)
    size: tuple[int, int]
    batch: int
    dtype: DType
    steps: tuple[Step, ...]
    buffers: FrozenDict[str, Buffer]
    outputs: tuple[str, ...]
    features: tuple[int, ...] | None = None
    """The stages whose maps are the outputs; None for the backbone's own result."""

    @functools.cached_property
    def lives(self) -> tuple[tuple[str, ...], ...]:
        """The buffers that are held while each step runs, its output included; one entry for each step."""
        return held_at_steps(self.steps, (IMAGES,))

    @functools.cached_property
    def live_bytes(self) -> tuple[int, ...]:
        """The bytes of the buffers that are held while each step runs."""
        return tuple(held_bytes(self.steps, (IMAGES,), {name: buffer.bytes for name, buffer in self.buffers.items()}))

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
        sizes = {name: buffer.bytes for name, buffer in self.buffers.items()}
        return lower_bound(tuple(step for step in self.steps if not isinstance(step, Free)), sizes, self.outputs)

    def __str__(self) -> str:
        return listing(self)
