"""The schedule as a value: its steps in order, and every feature buffer with its size."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field

from sparx_dsl.graph import ConnectionGraph
from sparx_dsl.language.dtypes import DType
from sparx_dsl.language.frozen import FrozenDict
from sparx_dsl.language.notebook import shown
from sparx_dsl.schedule.bound import lower_bound
from sparx_dsl.schedule.lifetime import held_at_steps, held_bytes
from sparx_dsl.schedule.outputs import Output
from sparx_dsl.schedule.step import IMAGES, Free, Gather, Run, Step, call


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
    features: tuple[Output, ...] | None = None
    """The stages, or other nodes, whose maps are the outputs; None for the backbone's own result."""

    def __deepcopy__(self, memo: dict[int, object]) -> Schedule:
        return self  # Nothing in it changes.

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
        """A lower bound on the peak of any order of the same steps, in bytes."""
        sizes = {name: buffer.bytes for name, buffer in self.buffers.items()}
        return lower_bound(tuple(step for step in self.steps if not isinstance(step, Free)), sizes, self.outputs)

    def _repr_html_(self) -> str:
        """How notebooks show it: what is held at each step, the peak and its bound."""
        return shown("sparx_dsl.render.notebook:schedule_html", self)

    def __repr__(self) -> str:
        height, width = self.size
        what = f"{self.graph.spec.name!r}, {height}×{width}, batch {self.batch}, {self.dtype}"
        return f"Schedule({what}, {len(self.steps)} steps)"

    def __str__(self) -> str:
        """Every step with the bytes of its output and of all that is held while it runs; frees stand under it."""
        height, width = self.size
        lines = [
            f"{self.graph.spec.name}: {height}×{width}, batch {self.batch}, {self.dtype}",
            f"peak {self.peak_bytes:,} bytes at {self.peak_step.output}; no order needs less than {self.bound_bytes:,}",
        ]
        number = 0
        for step, live in zip(self.steps, self.live_bytes, strict=True):
            if isinstance(step, Free):
                lines.append(f"        free {step.buffer}")
            else:
                number += 1
                own = self.buffers[step.output].bytes
                lines.append(f"{number:>5}   {call(step):<84} {own:>13,} live {live:>13,}")
        return "\n".join([*lines, f"        return {', '.join(self.outputs)}"])
