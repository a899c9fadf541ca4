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

EXAMPLE = 'rows such as vmamba_t: {table: "15", params: "31.0", macs: {224: "4.9"}} under resolutions'


class ResolutionRow(Options, frozen=True):
    """What the paper prints for one backbone: its parameters, and billions of MACs by the side of a square image."""

    table: str
    params: Printed
    """Millions of parameters, the same at every size."""
    macs: dict[Side, Printed]
    windows: dict[Side, Annotated[int, Field(ge=1)]] = Field(default_factory=dict[int, int])
    """The window of attention by the side of the image, where it is not the spec's."""
    notes: dict[Side, str] = Field(default_factory=dict[int, str])
    """Why a figure does not match."""
    source: str | None = None
    """Whose figures they are, where the paper took them from another."""


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
    fvcore_macs: int
    note: str | None
    source: str | None
    printed_params: str
    params: int

    @property
    def matches(self) -> bool:
        """Whether fvcore's count rounds to the printed figure."""
        return rounds_to(self.fvcore_macs / 1e9, self.printed)


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
        counted, fvcore = cost(sized, (side, side)), cost(sized, (side, side), convention="fvcore")
        notes = row.notes.get(side), row.source
        yield ResolutionComparison(
            name, side, window, printed, counted.macs, fvcore.macs, *notes, row.params, cost(spec).params
        )
