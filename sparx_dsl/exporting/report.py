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

    ``size`` is (height, width) in pixels, ``runtime`` the name and version of what ran the file, ``batches`` how many
    images it did that with, and ``sizes`` theirs. ``error`` is the largest absolute difference from the model's
    results, relative to the largest absolute value among these; ``bytes`` is the file's size.
    """

    path: Path
    format: str
    size: tuple[int, int]
    dynamic: tuple[str, ...]
    bytes: int
    runtime: str
    batches: tuple[int, ...]
    sizes: tuple[tuple[int, int], ...]
    error: float

    def __str__(self) -> str:
        height, width = (
            f"any {side}" if side in self.dynamic else f"{size}" for side, size in zip(SIDES, self.size, strict=True)
        )
        batch = "any number of" if BATCH in self.dynamic else f"{self.batches[0]}"
        numbers = ", ".join(map(str, self.batches))
        sizes = "" if len(self.sizes) == 1 else " of " + " and ".join(f"{high} x {wide}" for high, wide in self.sizes)
        return (
            f"{self.path}: {self.format}, {self.bytes / 1e6:.1f} MB, for {batch} images of {height} x {width} pixels\n"
            f"run by {self.runtime} with {numbers} images{sizes}: largest error {self.error:.1e} of the largest value"
        )


def export_listing(report: ExportReport, lines: Sequence[str] = ()) -> Listing:
    """The written file as values, and what ``report`` prints of it; ``lines`` are sentences to end with."""
    row = (str(report.path), report.format, report.bytes, report.size, report.batches, report.dynamic,
           report.runtime, report.error)  # fmt: skip
    said = [Line(line) for line in (*str(report).splitlines(), *lines)]
    return Listing("sparx.export", {}, (Table("files", FIELDS, (row,)),), tuple(said))
