"""What a schedule is made of: running a part, gathering features, freeing a buffer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Part = Literal["stem", "downsample", "link", "dpe", "fusion", "mixer", "ffn", "norm", "head"]

IMAGES = "images"
"""The buffer that the caller passes."""


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
    """Free a buffer: nothing after this reads it."""

    buffer: str


Step = Run | Gather | Free


def call(step: Run | Gather) -> str:
    """A step as ``output = part(inputs)``."""
    part = "gather" if isinstance(step, Gather) else step.part
    return f"{step.output} = {part}({', '.join(step.inputs)})"
