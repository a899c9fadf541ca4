"""Our counts against the figures that a paper prints."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field

from sparx_dsl.language.base import Options
from sparx_dsl.language.models import Name
from sparx_dsl.language.spec import load_spec
from sparx_dsl.paper.figures_file import read_figures_of
from sparx_dsl.pricing.cost_rows import cost


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far from the printed figure a count may lie, relative to it, unless it rounds to the printed digits."""

    params: float
    macs: float


TOLERANCE = Tolerance(params=0.01, macs=0.02)
FUSION_TOLERANCE = Tolerance(params=0.02, macs=0.04)
"""For the fusions that the paper compares its own with: it names them, and leaves their widths open."""

EXAMPLE = 'rows such as swin_t: {params: "28", macs: "4.5", table: "2"} under backbones or ablations'

Printed = Annotated[str, Field(pattern=r"^\d{1,6}(\.\d{1,4})?$")]


class Row(Options, frozen=True):
    """What the paper prints for a model: millions of parameters, billions of MACs, and where."""

    params: Printed
    macs: Printed
    table: str
    note: str | None = None
    """Why it does not match, or rounds to the printed figure in neither count."""
    source: str | None = None
    """Whose row it is, where the paper took it from another."""


class Figures(Options, frozen=True):
    """The printed figures by the names of specs: those beside the figures' folder, and those in ``ablations``."""

    backbones: dict[Name, Row]
    ablations: dict[Name, Row]
    fusion_ablations: dict[Name, Row] = Field(default_factory=dict[str, Row])


@dataclass(frozen=True, slots=True)
class Comparison:
    """One model, printed and counted."""

    name: str
    row: Row
    params: int
    macs: int
    fvcore_macs: int
    tolerance: Tolerance = TOLERANCE

    @property
    def params_difference(self) -> float:
        """Our parameters over the printed figure, minus one."""
        return self.params / (float(self.row.params) * 1e6) - 1

    @property
    def macs_difference(self) -> float:
        """Our MACs over the printed figure, minus one."""
        return self.macs / (float(self.row.macs) * 1e9) - 1

    @property
    def params_match(self) -> bool:
        """Whether our parameters lie within the tolerance, or round to the printed figure."""
        return abs(self.params_difference) <= self.tolerance.params or self.params_round

    @property
    def macs_match(self) -> bool:
        """Whether our MACs lie within the tolerance, or either count rounds to the printed figure."""
        return abs(self.macs_difference) <= self.tolerance.macs or bool(self.rounding)

    @property
    def rounding(self) -> tuple[str, ...]:
        """Which counts of MACs round to the printed figure: ``ours``, ``fvcore``."""
        counts = {"ours": self.macs, "fvcore": self.fvcore_macs}
        return tuple(name for name, macs in counts.items() if rounds_to(macs / 1e9, self.row.macs))

    @property
    def params_round(self) -> bool:
        """Whether our parameters round to the printed figure."""
        return rounds_to(self.params / 1e6, self.row.params)

    @property
    def to_the_digit(self) -> bool:
        """Whether our parameters, and the MACs of a count, round to what is printed."""
        return self.params_round and bool(self.rounding)

    @property
    def reason(self) -> str:
        """Why the row does not match, or is another count's."""
        return self.row.note or "no reason is known"


def rounds_to(value: float, printed: str) -> bool:
    """Whether ``value``, rounded to as many decimals as ``printed`` has, is what is printed."""
    decimals = len(printed.partition(".")[2])
    return f"{value:.{decimals}f}" == printed


def compare(path: Path) -> tuple[tuple[Comparison, ...], tuple[Comparison, ...], tuple[Comparison, ...]]:
    """Count the backbones, ablations and fusion ablations that the figures file names; raises ``SparxError``.

    The spec of a backbone stands in the folder above the file's, that of an ablation in ``ablations`` there.
    """
    figures = read_figures_of(path, Figures, EXAMPLE)
    folder = path.absolute().parent.parent
    return (
        tuple(_compared(folder, figures.backbones, TOLERANCE)),
        tuple(_compared(folder / "ablations", figures.ablations, TOLERANCE)),
        tuple(_compared(folder / "ablations", figures.fusion_ablations, FUSION_TOLERANCE)),
    )


def _compared(folder: Path, rows: dict[str, Row], tolerance: Tolerance) -> Iterator[Comparison]:
    for name, row in rows.items():
        spec = load_spec(folder / f"{name}.yaml")
        counted, fvcore = cost(spec), cost(spec, convention="fvcore")
        yield Comparison(name, row, counted.params, counted.macs, fvcore.macs, tolerance)
