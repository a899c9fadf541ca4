"""What an export wrote, and how far its runtime's results are from the model's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ExportReport:
    """One written file.

    ``size`` is (height, width) in pixels, ``runtime`` the name and version of what ran the file, ``batches`` the
    numbers of images with which it did. ``error`` is the largest absolute difference from the model's results, relative
    to the largest absolute value among these; ``bytes`` is the file's size.
    """

    path: Path
    format: str
    size: tuple[int, int]
    dynamic: tuple[str, ...]
    bytes: int
    runtime: str
    batches: tuple[int, ...]
    error: float

    def __str__(self) -> str:
        height, width = self.size
        batch = "any number of" if self.dynamic else f"{self.batches[0]}"
        numbers = ", ".join(map(str, self.batches))
        return (
            f"{self.path}: {self.format}, {self.bytes / 1e6:.1f} MB, for {batch} images of {height} x {width} pixels\n"
            f"run by {self.runtime} with {numbers} images: largest error {self.error:.1e} of the largest value"
        )
