"""Our counts of backbones with a head for dense prediction, or in a detector, against a paper's printed figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sparx_dsl.language.base import Options
from sparx_dsl.language.models import Name, Size
from sparx_dsl.language.spec import load_spec
from sparx_dsl.paper.backbone_figures import Comparison, Row, Tolerance
from sparx_dsl.paper.detector import mask_rcnn_price
from sparx_dsl.paper.figures_file import read_figures_of
from sparx_dsl.pricing.cost_rows import cost

DETECTOR = "mask_rcnn"
"""What stands in the place of a head's kind for torchvision's Mask R-CNN."""
DENSE_TOLERANCE = Tolerance(params=0.03, macs=0.03)
EXAMPLE = 'rows such as swin_t: {params: "32", macs: "182", table: "6"} under heads, a kind of head'

Rows = Mapping[str, Mapping[str, Row]]


class DenseFigures(Options, frozen=True):
    """The printed figures by the kind of the head (or ``mask_rcnn``), then by the names of specs."""

    size: Size
    """Height and width of the image."""
    heads: dict[Name, dict[Name, Row]]
    """Of the specs beside the figures' folder."""
    ablations: dict[Name, dict[Name, Row]]
    """Of the specs in ``ablations`` there."""


@dataclass(frozen=True, slots=True)
class DenseComparison:
    """Rows of one head kind, printed and counted, for images of one size (height, width)."""

    head: str
    size: tuple[int, int]
    ablations: bool
    rows: tuple[Comparison, ...]


def compare_dense(path: Path) -> tuple[DenseComparison, ...]:
    """Count every spec that the figures file at ``path`` names under each head; raises ``SparxError``.

    Parameters are those of the model as it is trained, an auxiliary head included; MACs are those of inference.
    """
    figures = read_figures_of(path, DenseFigures, EXAMPLE)
    folder = path.absolute().parent.parent
    return (*_compared(folder, figures.heads, figures.size, ablations=False),
            *_compared(folder / "ablations", figures.ablations, figures.size, ablations=True))  # fmt: skip


def _compared(folder: Path, heads: Rows, size: tuple[int, int], *, ablations: bool) -> Iterator[DenseComparison]:
    for head, rows in heads.items():
        counted = tuple(_counted(folder, head, name, row, size) for name, row in rows.items())
        yield DenseComparison(head, size, ablations, counted)


def _counted(folder: Path, head: str, name: str, row: Row, size: tuple[int, int]) -> Comparison:
    spec = load_spec(folder / f"{name}.yaml")
    if head == DETECTOR:
        price = mask_rcnn_price(spec, size)
        return Comparison(name, row, price.params, price.macs, price.fvcore_macs, DENSE_TOLERANCE)
    spec = spec.edit({"head": None, "head.kind": head})
    counted, fvcore = cost(spec, size), cost(spec, size, convention="fvcore")
    return Comparison(name, row, counted.params, counted.macs, fvcore.macs, DENSE_TOLERANCE)
