"""The speed and memory that a paper prints for backbones at image sizes, and their ratios to reference backbones."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field

from sparx_dsl.language.base import Options
from sparx_dsl.language.models import Name, Side
from sparx_dsl.language.spec import Spec, load_spec
from sparx_dsl.paper.figures_file import read_figures_of

EXAMPLE = 'items such as {table: "16", size: 224, batch: 128, models: {swin_t: {images: 2416}}} under throughput'
REFERENCES: Final = ("swin_t", "vmamba_t")
"""The backbones to which others are compared."""

Count = Annotated[int, Field(ge=1)]


class Speed(Options, frozen=True):
    """What the paper prints for one backbone: images a second, and megabytes of memory or nothing."""

    images: Count
    memory: Count | None = None


class Measurement(Options, frozen=True):
    """Backbones of one table, measured on batches of square images of one size."""

    table: str
    size: Side
    batch: Count
    models: dict[Name, Speed]


class ThroughputFigures(Options, frozen=True):
    """The printed figures by the names of specs: those beside the figures' folder, and those in ``ablations``."""

    throughput: list[Measurement]


@dataclass(frozen=True, slots=True)
class Throughput:
    """The printed figures of a file, with the specs that they are about."""

    measurements: tuple[Measurement, ...]
    folder: Path
    """Where the specs are."""

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables of the paper, in order."""
        return tuple(dict.fromkeys(each.table for each in self.measurements))

    @property
    def sizes(self) -> tuple[int, ...]:
        """The sides of the images, in order."""
        return tuple(dict.fromkeys(each.size for each in self.measurements))

    def only(self, tables: Collection[str], sizes: Collection[int]) -> Throughput:
        """Those of these tables and sizes."""
        kept = (each for each in self.measurements if each.table in tables and each.size in sizes)
        return Throughput(tuple(kept), self.folder)

    def printed(self, name: str, size: int) -> int | None:
        """The images a second of a backbone at a size, from the first table that has them."""
        found = (each.models[name].images for each in self.measurements if each.size == size and name in each.models)
        return next(found, None)

    def names(self, size: int) -> tuple[str, ...]:
        """The backbones that have figures at a size, the references first."""
        found = dict.fromkeys(name for each in self.measurements if each.size == size for name in each.models)
        return (*(name for name in REFERENCES if name in found), *(name for name in found if name not in REFERENCES))

    def spec(self, name: str) -> Spec:
        """The spec of that name; raises ``SparxError``."""
        ablation = self.folder / "ablations" / f"{name}.yaml"
        return load_spec(ablation if ablation.is_file() else self.folder / f"{name}.yaml")


def read_throughput(path: Path) -> Throughput:
    """The figures of a file; raises ``SparxError``."""
    figures = read_figures_of(path, ThroughputFigures, EXAMPLE)
    return Throughput(tuple(figures.throughput), path.absolute().parent.parent)
