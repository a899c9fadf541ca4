"""What an export wrote, and how far its runtime's results are from the model's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sparx_dsl.exporting.formats import BATCH, SIDES
from sparx_dsl.render import Listing
from sparx_dsl.render.listing import Field, Line, Table

FIELDS = (
    Field("path", "File"), Field("format", "Format"), Field("bytes", "Bytes", number=True),
    Field("size", "Size", number=True), Field("batches", "Images", number=True), Field("dynamic", "Dynamic"),
    Field("runtime", "Run by"), Field("error", "Largest error", "{:.1e}".format, True),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ExportReport:
    """One written file.

    ``size`` is (height, width) in pixels; a dynamic side is one of ``multiples``. ``runtime`` is the name and version
    of what ran the file, ``batches`` how many images it did that with, and ``sizes`` theirs. ``error`` is the largest
    absolute difference from the model's results, relative to the largest absolute value among these; ``bytes`` is the
    file's size.
    """

    path: Path
    format: str
    size: tuple[int, int]
    dynamic: tuple[str, ...]
    bytes: int
    runtime: str
    batches: tuple[int, ...]
    sizes: tuple[tuple[int, int], ...]
    multiples: range
    error: float

    def __str__(self) -> str:
        batch = "any number of images" if BATCH in self.dynamic else _images(self.batches)
        sizes = "" if len(self.sizes) == 1 else " of " + " and ".join(f"{high} x {wide}" for high, wide in self.sizes)
        return (
            f"{self.path}: {self.format}, {self.bytes / 1e6:.1f} MB, for {batch} of {self._pixels()}\n"
            f"run by {self.runtime} with {_images(self.batches)}{sizes}: "
            f"largest error {self.error:.1e} of the largest value"
        )

    def _pixels(self) -> str:
        """The sizes of images that the file takes."""
        named = [
            f"{self.multiples.start} to {self.multiples[-1]}" if side in self.dynamic else f"{size}"
            for side, size in zip(SIDES, self.size, strict=True)
        ]
        steps = f" in steps of {self.multiples.step}" if any(side in self.dynamic for side in SIDES) else ""
        return f"{' x '.join(named)} pixels{steps}"


def _images(numbers: tuple[int, ...]) -> str:
    return f"{', '.join(map(str, numbers))} image{'' if numbers == (1,) else 's'}"


def export_listing(report: ExportReport, lines: Sequence[str] = ()) -> Listing:
    """The written file as values, and what ``report`` prints of it; ``lines`` are sentences to end with."""
    row = (str(report.path), report.format, report.bytes, report.size, report.batches, report.dynamic,
           report.runtime, report.error)  # fmt: skip
    said = [Line(line) for line in (*str(report).splitlines(), *lines)]
    return Listing("sparx.export", {}, (Table("files", FIELDS, (row,)),), tuple(said))
