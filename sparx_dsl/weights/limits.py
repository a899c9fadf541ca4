"""The bounds within which a checkpoint is read; nothing inside a file can change them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final


@dataclass(frozen=True, slots=True)
class CheckpointLimits:
    """What a checkpoint may ask for at most; raises ``ValueError`` below 1."""

    header_bytes: int = 8 * 2**20
    """Size of a file's table of contents (the JSON header, or the pickle beside the tensors), in bytes."""
    tensors: int = 50_000
    """Tensors in one file."""
    file_bytes: int = 2**36
    """Size of the file, in bytes."""

    def __post_init__(self) -> None:
        for field in fields(self):
            if getattr(self, field.name) < 1:
                raise ValueError(f"the limit {field.name} must be at least 1")


DEFAULT_CHECKPOINT_LIMITS: Final = CheckpointLimits()
"""What applies unless a caller says otherwise."""
