"""The calls that show backbones and errors: pictures, tables, differences; without torch.

What draws and prints is imported when a call is first made, never before.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Literal

from sparx_dsl import errors, pricing
from sparx_dsl.api import Source, connect, plan
from sparx_dsl.errors import Diagnostic
from sparx_dsl.pricing import Cost
from sparx_dsl.schedule import Schedule


def draw(source: Source, path: str | os.PathLike[str], *, fold: bool = True) -> None:
    """Draw the connections to a .dot, .svg, .png or .pdf file; raises ``SparxError`` where that cannot be done."""
    from sparx_dsl import render

    render.draw(connect(source), path, fold=fold)


def dot(source: Source, *, fold: bool = True) -> str:
    """The connections as Graphviz text; raises ``SparxError``."""
    from sparx_dsl import render

    return render.dot(connect(source), fold=fold)


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
