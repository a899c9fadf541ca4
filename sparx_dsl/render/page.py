"""A drawing as PDF or PNG by matplotlib: no program of the system is run, fonts are embedded, and text stays text.

matplotlib comes with a font, so the file looks alike where no other is installed. Files hold no date, and are the same
for equal drawings and fonts.
"""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from sparx_dsl.errors import Code, Diagnostic, SparxError, did_you_mean
from sparx_dsl.errors.escape import visible
from sparx_dsl.render.drawing import Anchor, Drawing, Mark, Point, Polygon, Rectangle, Stroke, Text

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.path import Path
    from matplotlib.transforms import Transform

PageFormat = Literal["pdf", "png"]
PNG_RESOLUTION = 300
"""Dots per inch."""
FAMILIES = ("Arial", "Helvetica", "Liberation Sans", "Nimbus Sans", "Arimo")
"""Arial, and the families of its measures that stand in for it, the first that is installed."""
COMPLETE = "DejaVu Sans"
"""The family that matplotlib brings; it has the letters that others lack."""


def page(drawing: Drawing, kind: PageFormat) -> bytes:
    """The drawing as the bytes of a file.

    Raises ``SparxError``: SPX750 without matplotlib, SPX513 for a font that is not installed.
    """
    if importlib.util.find_spec("matplotlib") is None:
        message = f"a {kind.upper()} is drawn by matplotlib, which is not installed"
        advice = 'pip install "sparx_dsl[pictures]", or write an .svg, which needs nothing'
        raise SparxError(Diagnostic(Code.PACKAGE_NOT_INSTALLED, message, help=advice))
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.backends.backend_pdf import FigureCanvasPdf
    from matplotlib.figure import Figure
    from matplotlib.transforms import Affine2D

    families = _families(drawing.font)
    # Type 42 is TrueType, as publishers ask for; matplotlib takes these choices from its settings only.
    with matplotlib.rc_context(  # pyright: ignore[reportUnknownMemberType]
        {"pdf.fonttype": 42, "lines.scale_dashes": False, "text.usetex": False}
    ):
        width, height = (side * drawing.scale / 72 for side in drawing.size)
        figure = Figure(figsize=(width, height), dpi=PNG_RESOLUTION, facecolor="white")
        canvas = FigureCanvasPdf(figure) if kind == "pdf" else FigureCanvasAgg(figure)
        shift = Affine2D().translate(-drawing.left, -drawing.bottom).scale(drawing.scale / 72)
        to_page = shift + figure.dpi_scale_trans
        for mark in drawing.marks:
            figure.add_artist(_artist(mark, drawing.scale, to_page, families))
        written = io.BytesIO()
        about = {"Title": visible(drawing.name), "Creator": "sparx_dsl", "Producer": None, "CreationDate": None}
        known = {"Title": about["Title"], "Software": None}
        canvas.print_figure(  # pyright: ignore[reportUnknownMemberType]
            written, format=kind, dpi=PNG_RESOLUTION, metadata=about if kind == "pdf" else known
        )
    return written.getvalue()


def installed_families() -> frozenset[str]:
    """The families of type that matplotlib finds on this machine."""
    from matplotlib import font_manager

    return frozenset(font.name for font in font_manager.fontManager.ttflist)


def _families(wanted: str | None) -> list[str]:
    """The families to set type in; each letter is taken from the first that has it."""
    known = installed_families()
    if wanted is None:
        return [*[family for family in FAMILIES if family in known][:1], COMPLETE]
    if wanted not in known:
        message = f"the font {wanted!r} is not installed, so it cannot be embedded"
        advice = did_you_mean(wanted, known) or "install it, or leave the font out for Arial or what stands in for it"
        raise SparxError(Diagnostic(Code.UNKNOWN_FONT, message, help=advice))
    return [wanted, COMPLETE]


def _artist(mark: Mark, scale: float, to_page: Transform, families: list[str]) -> Artist:
    """What matplotlib draws for a mark."""
    from matplotlib.patches import PathPatch
    from matplotlib.text import Text as Line

    if isinstance(mark, Text):
        return Line(
            mark.x, mark.y, visible(mark.text), color=mark.colour, fontsize=mark.size * scale, family=families,
            horizontalalignment=ALIGNMENT[mark.anchor], verticalalignment="baseline", parse_math=False,
            transform=to_page,
        )  # fmt: skip
    paint = mark.paint
    dashes = tuple(float(length) * scale for length in paint.dashes.split(",") if length)
    return PathPatch(
        _path(mark), facecolor=paint.fill, edgecolor=paint.stroke or "none", linewidth=float(paint.width) * scale,
        linestyle=(0, dashes) if dashes else "-", capstyle="butt", joinstyle="miter", transform=to_page,
    )  # fmt: skip


ALIGNMENT: Mapping[Anchor, Literal["left", "center", "right"]] = {"start": "left", "middle": "center", "end": "right"}
ROUNDNESS = 0.5523
"""How far along its tangents a cubic piece reaches to make a quarter of a circle of radius 1."""


def _path(mark: Rectangle | Polygon | Stroke) -> Path:
    """A mark's outline as matplotlib has it."""
    from matplotlib.path import Path

    match mark:
        case Rectangle():
            return _rectangle(mark) if mark.radius else _polygon(_corners(mark))
        case Polygon():
            return _polygon(mark.points)
        case _:
            return Path(mark.points, [Path.MOVETO, *[Path.CURVE4] * (len(mark.points) - 1)])


def _polygon(points: Sequence[Point]) -> Path:
    from matplotlib.path import Path

    return Path([*points, points[0]], [Path.MOVETO, *[Path.LINETO] * (len(points) - 1), Path.CLOSEPOLY])


def _corners(mark: Rectangle) -> list[Point]:
    right, top = mark.left + mark.width, mark.bottom + mark.height
    return [(mark.left, mark.bottom), (right, mark.bottom), (right, top), (mark.left, top)]


def _rectangle(mark: Rectangle) -> Path:
    from matplotlib.path import Path

    r, bend = mark.radius, mark.radius * (1 - ROUNDNESS)
    left, bottom, right, top = mark.left, mark.bottom, mark.left + mark.width, mark.bottom + mark.height
    quarters = (
        ((right - r, bottom), (right - bend, bottom), (right, bottom + bend), (right, bottom + r)),
        ((right, top - r), (right, top - bend), (right - bend, top), (right - r, top)),
        ((left + r, top), (left + bend, top), (left, top - bend), (left, top - r)),
        ((left, bottom + r), (left, bottom + bend), (left + bend, bottom), (left + r, bottom)),
    )
    points, codes = [(left + r, bottom)], [Path.MOVETO]
    for quarter in quarters:
        points += quarter
        codes += [Path.LINETO, Path.CURVE4, Path.CURVE4, Path.CURVE4]
    return Path([*points, points[0]], [*codes, Path.CLOSEPOLY])
