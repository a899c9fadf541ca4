"""Tables of numbers as pictures in colour, in rows under titles, as SVG, PDF or PNG; drawn by matplotlib.

Files hold no date, and are the same for equal numbers.
"""

from __future__ import annotations

import importlib.util
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sparx_dsl.errors import Code, Diagnostic, SparxError
from sparx_dsl.errors.escape import visible
from sparx_dsl.render.files import write_bytes

EXTENSIONS: Final = (".svg", ".pdf", ".png")
RESOLUTION = 200
"""Dots per inch of a PNG, and of what is made of pixels in the other formats."""
SIDE = 1.5
"""The height of a panel in inches."""
ROOM = 0.35
"""Inches around a panel, for its title and its labels."""


@dataclass(frozen=True, slots=True)
class HeatMap:
    """Numbers as colours, row by row from above; NaN stays white."""

    title: str
    values: Sequence[Sequence[float]]
    columns: tuple[tuple[float, str], ...] = ()
    """What is written below, each at the place of a column, from 0."""
    rows: tuple[tuple[float, str], ...] = ()
    """What is written on the left, each at the place of a row, from 0."""


@dataclass(frozen=True, slots=True)
class Scale:
    """Which colours numbers have: those of a map of matplotlib, between two numbers."""

    label: str
    low: float
    high: float
    colours: str
    upwards: bool = False
    """Whether the first row is at the bottom."""


def save_heat_maps(rows: Sequence[Sequence[HeatMap]], scale: Scale, path: str | os.PathLike[str]) -> None:
    """Write rows of heat maps to a .svg, .pdf or .png file, which appears complete or not at all.

    Raises ``SparxError``: SPX511 for another extension, SPX750 without matplotlib, SPX502 where it cannot be written.
    """
    check_picture(path)
    write_bytes(path, _drawn(rows, scale, Path(path).suffix.lower().removeprefix(".")))


def check_picture(path: str | os.PathLike[str]) -> None:
    """Raise ``SparxError`` unless heat maps can be drawn to a file of that name: before what takes long is done."""
    if Path(path).suffix.lower() not in EXTENSIONS:
        message = f"{Path(path).name!r} has an unsupported file extension for a picture"
        raise SparxError(Diagnostic(Code.UNKNOWN_PICTURE_FORMAT, message, help=f"use one of {', '.join(EXTENSIONS)}"))
    if importlib.util.find_spec("matplotlib") is None:
        message, help = "heat maps are drawn by matplotlib, which is not installed", 'pip install "sparx_dsl[pictures]"'
        raise SparxError(Diagnostic(Code.PACKAGE_NOT_INSTALLED, message, help=help))


def _drawn(rows: Sequence[Sequence[HeatMap]], scale: Scale, form: str) -> bytes:
    import matplotlib
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    columns = max(map(len, rows))
    with matplotlib.rc_context(  # pyright: ignore[reportUnknownMemberType]
        {"pdf.fonttype": 42, "svg.fonttype": "none", "svg.hashsalt": "sparx_dsl", "font.size": 7, "text.usetex": False}
    ):
        size = (columns * (SIDE + ROOM) + 0.7, len(rows) * (SIDE + ROOM))
        engine = ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.06)
        figure = Figure(figsize=size, dpi=RESOLUTION, facecolor="white", layout=engine)
        grid = figure.subplots(len(rows), columns, squeeze=False)  # pyright: ignore[reportUnknownMemberType]
        normal = Normalize(scale.low, scale.high)
        for place, axes in enumerate(grid.flat):
            row, column = divmod(place, columns)
            if column >= len(rows[row]):
                axes.set_axis_off()
                continue
            one = rows[row][column]
            axes.imshow(
                one.values, cmap=scale.colours, norm=normal, interpolation="nearest",
                origin="lower" if scale.upwards else "upper", aspect="equal",
            )  # fmt: skip
            axes.set_title(visible(one.title), fontsize=7, pad=3)
            for set_ticks, ticks in ((axes.set_xticks, one.columns), (axes.set_yticks, one.rows)):
                set_ticks([at for at, _ in ticks], [visible(text) for _, text in ticks], fontsize=6)
            axes.tick_params(length=2, width=0.5, pad=1.5)
        bar = figure.colorbar(  # pyright: ignore[reportUnknownMemberType]
            ScalarMappable(normal, scale.colours), ax=grid, fraction=0.04, pad=0.02, shrink=0.9
        )
        bar.set_label(scale.label)  # pyright: ignore[reportUnknownMemberType]
        written = io.BytesIO()
        about = {
            "svg": {"Date": None}, "png": {"Software": None},
            "pdf": {"Creator": "sparx_dsl", "Producer": None, "CreationDate": None},
        }  # fmt: skip
        figure.savefig(written, format=form, metadata=about[form])  # pyright: ignore[reportUnknownMemberType]
    return written.getvalue()
