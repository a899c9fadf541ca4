"""The bounds within which a spec is read, compiled and run; no spec can change them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

MAX_DEPTH: Final = 200
"""No limit on depth may exceed this, so that walks over a spec may recurse."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a spec may ask for at most; raises ``ValueError`` below 1, or for a depth above ``MAX_DEPTH``."""

    source_bytes: int = 2**20
    """Size of a spec's text, read or written, in bytes of UTF-8."""
    depth: int = 64
    """Mappings and lists inside one another."""
    nodes: int = 50_000
    """Keys, values, lists and mappings of one text, and of a spec with what it extends and with its edits."""
    scalar_length: int = 4096
    """Length of one key or value, in characters."""
    errors: int = 50
    """Errors in one text after which reading stops."""
    extends: int = 8
    """Specs in one chain of ``extends``."""
    layers_in_total: int = 1024
    """Layers of all stages together."""
    connections: int = 50_000
    """Features that all ganglion layers together read."""
    params: int = 5 * 10**9
    """Parameters of a backbone."""
    buffer_bytes: int = 2**36
    """Bytes of the feature buffers that are alive at one time."""

    def __post_init__(self) -> None:
        for field in fields(self):
            if getattr(self, field.name) < 1:
                raise ValueError(f"the limit {field.name} must be at least 1")
        if self.depth > MAX_DEPTH:
            raise ValueError(f"the limit depth is above {MAX_DEPTH}")


DEFAULT_LIMITS: Final = Limits()
"""What applies unless a caller says otherwise."""
