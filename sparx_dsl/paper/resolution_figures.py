"""Our counts of backbones at several image sizes against the figures that a paper prints."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field

from sparx_dsl.language.base import Options
from sparx_dsl.language.models import Name, Side
from sparx_dsl.language.spec import Spec, load_spec
from sparx_dsl.paper.backbone_figures import Printed, rounds_to
from sparx_dsl.paper.figures_file import read_figures_of
from sparx_dsl.pricing.cost_rows import cost

RESOLUTION_TOLERANCE = 0.01
"""How far from the printed figure a count may lie, relative to it, unless it rounds to the printed digits."""
EXAMPLE = 'rows such as vmamba_t: {table: "15", macs: {224: "4.9"}} under resolutions'


class ResolutionRow(Options, frozen=True):
    """What the paper prints for one backbone: billions of MACs by the side of a square image."""

    table: str
    macs: dict[Side, Printed]
    windows: dict[Side, Annotated[int, Field(ge=1)]] = Field(default_factory=dict[int, int])
    """The window of attention by the side of the image, where it is not the spec's."""
    notes: dict[Side, str] = Field(default_factory=dict[int, str])
    """Why a figure does not match."""


class ResolutionFigures(Options, frozen=True):
    """The printed figures by the names of the specs beside the figures' folder."""

    resolutions: dict[Name, ResolutionRow]


@dataclass(frozen=True, slots=True)
class ResolutionComparison:
    """One backbone at one side of a square image, printed and counted."""

    name: str
    side: int
    window: int | None
    """The window of attention, where it grows with the image."""
    printed: str
    macs: int
    note: str | None

    @property
    def difference(self) -> float:
        """Ours over the printed figure, minus one."""
        return self.macs / (float(self.printed) * 1e9) - 1

    @property
    def matches(self) -> bool:
        """Whether the count lies within the tolerance, or rounds to the printed figure."""
        return abs(self.difference) <= RESOLUTION_TOLERANCE or rounds_to(self.macs / 1e9, self.printed)


def compare_resolutions(path: Path) -> tuple[ResolutionComparison, ...]:
    """Count every backbone that the figures file at ``path`` names at every size; raises ``SparxError``."""
    figures = read_figures_of(path, ResolutionFigures, EXAMPLE)
    folder = path.absolute().parent.parent
    return tuple(
        compared
        for name, row in figures.resolutions.items()
        for compared in _compared(load_spec(folder / f"{name}.yaml"), name, row)
    )


def _compared(spec: Spec, name: str, row: ResolutionRow) -> Iterator[ResolutionComparison]:
    for side, printed in row.macs.items():
        window = row.windows.get(side)
        sized = spec if window is None else spec.edit({"layer.mixer.window": window})
        macs = cost(sized, (side, side)).macs
        yield ResolutionComparison(name, side, window, printed, macs, row.notes.get(side))
