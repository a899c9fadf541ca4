"""The calls that show backbones and errors: pictures, tables, differences; without torch.

What draws and prints is imported when a call is first made, never before.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from sparx_dsl import errors, pricing
from sparx_dsl.api import Source, connect, plan
from sparx_dsl.errors import Diagnostic
from sparx_dsl.pricing import Cost
from sparx_dsl.schedule import Schedule

if TYPE_CHECKING:
    from sparx_dsl.render import Picture, PictureStyle


def draw(
    source: Source,
    path: str | os.PathLike[str] | None = None,
    *,
    fold: bool = True,
    width: float | None = None,
    font: str | None = None,
    title: str | None = None,
    legend: bool = True,
    stages: Sequence[int | str] | int | str | None = None,
    style: PictureStyle = "lanes",
    layer: str | None = None,
) -> Picture:
    """Draw the connections, or what a layer is inside, to a .svg, .pdf, .png or .dot file where one is named.

    The picture shows itself in notebooks. ``width`` is the page's in mm: what is wider is wrapped, and the smallest
    type is 7 points. ``font`` is a family of type. With ``fold``, repeats are drawn once. ``stages`` are those that are
    shown, by number or name, or as a text such as ``2-4``. Raises ``SparxError`` where that cannot be done.
    """
    from sparx_dsl import render

    shown = render.stage_names(stages)
    look = render.Look(fold=fold, width=width, font=font, title=title, legend=legend, stages=shown, style=style)
    drawn = render.make_picture(connect(source), look, layer)
    if path is not None:
        drawn.save(path)
    return drawn


def dot(source: Source, *, fold: bool = True) -> str:
    """The connections as Graphviz text; raises ``SparxError``."""
    from sparx_dsl import render

    return render.dot(connect(source), render.Look(fold=fold))


def summary(source: Source | Schedule | Cost, seconds: Mapping[str, float] | None = None) -> str:
    """A table of stages, ganglion layers, links, prices and memory; ``seconds`` says what took how long."""
    from sparx_dsl import render

    if not isinstance(source, Cost):
        source = pricing.price_schedule(source if isinstance(source, Schedule) else plan(source))
    return render.summary(source.schedule.graph, source.schedule, source, seconds)


def render_diagnostics(diagnostics: Sequence[Diagnostic], style: Literal["full", "concise", "json"] = "full") -> str:
    """Errors as text: with the lines and carets, in one line each, or as JSON."""
    return errors.render(diagnostics, style)


def difference(before: Source, after: Source) -> str:
    """What differs between two backbones: layers, connections, settings; raises ``SparxError``."""
    from sparx_dsl import render

    return render.difference(connect(before), connect(after))
