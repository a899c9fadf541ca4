"""The calls that show backbones and errors: pictures, tables, differences; without torch.

What draws and prints is imported when a call is first made, never before.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from sparx_dsl import errors, pricing
from sparx_dsl.api import Source, connect, plan
from sparx_dsl.errors import Diagnostic, SparxError
from sparx_dsl.language.spec import load_spec
from sparx_dsl.pricing import Cost
from sparx_dsl.schedule import DType, Schedule

if TYPE_CHECKING:
    from sparx_dsl.render import Listing, Picture, PictureStyle
    from sparx_dsl.render import compare as comparing
    from sparx_dsl.search import StudyResult


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
    return str(summary_listing(source, seconds))


def summary_listing(
    source: Source | Schedule | Cost, seconds: Mapping[str, float] | None = None, lines: Sequence[str] = ()
) -> Listing:
    """What ``summary`` says, as values; ``lines`` are sentences to end with. Raises ``SparxError``."""
    from sparx_dsl import render

    if not isinstance(source, Cost):
        source = pricing.price_schedule(source if isinstance(source, Schedule) else plan(source))
    return render.summary_listing(source.schedule.graph, source.schedule, source, seconds, lines)


def write_report(
    source: Source | Schedule | Cost,
    path: str | os.PathLike[str],
    against: Source | Schedule | Cost | None = None,
    *,
    size: tuple[int, int] | None = None,
    batch: int = 1,
    dtype: DType = "float32",
) -> None:
    """Write a page (.html) that explains a backbone: its diagram, costs, memory, training and spec; all in one file.

    With ``against`` it also says what differs from that backbone. ``size`` (height, width) in pixels, ``batch`` and
    ``dtype`` are for what is not planned yet. The file appears complete or not at all. Raises ``SparxError``: SPX580
    for another extension, SPX502 where the file cannot be written.
    """
    from sparx_dsl import html_report

    def priced(given: Source | Schedule | Cost) -> Cost:
        if isinstance(given, Cost):
            return given
        return pricing.price_schedule(given if isinstance(given, Schedule) else plan(given, size, batch, dtype))

    html_report.write_report(priced(source), path, None if against is None else priced(against))


def write_study_report(result: StudyResult, path: str | os.PathLike[str]) -> None:
    """Write a page (.html) about a study: front, history, importances, winners with their diagrams, every trial.

    The file appears complete or not at all. Raises ``SparxError``: SPX580 for another extension, SPX502 where the file
    cannot be written.
    """
    from sparx_dsl.html_report.study_report import write_study_report

    write_study_report(result, path)


def render_diagnostics(
    diagnostics: Sequence[Diagnostic], style: errors.Style = "full", width: int | None = None
) -> str:
    """Errors as text: with the lines and carets, in one line each, as JSON, SARIF, or GitHub's workflow commands.

    With the lines, texts are wrapped at ``width`` characters, where one is given.
    """
    return errors.render(diagnostics, style, width)


def difference(before: Source, after: Source) -> str:
    """What differs between two backbones: layers, connections, settings, prices; raises ``SparxError``."""
    return str(difference_listing(before, after))


def difference_listing(before: Source, after: Source) -> Listing:
    """What ``difference`` says, as values; raises ``SparxError``."""
    from sparx_dsl import render

    return render.difference_listing(connect(before), connect(after))


def compare(
    sources: Sequence[Source],
    size: tuple[int, int] | None = None,
    batch: int = 1,
    dtype: DType = "float32",
    *,
    sort: str | None = None,
    where: Sequence[str] = (),
    root: str | os.PathLike[str] | None = None,
) -> Listing:
    """Backbones side by side: prices, layers and links, with the difference to the first; prints itself as tables.

    ``size`` (height, width) is by default each spec's own. ``sort`` names an amount such as ``macs``, least first, or
    ``-macs``; ``where`` are conditions such as ``macs<5G`` that a backbone must satisfy. What files extend
    may stand anywhere below ``root``. Raises ``SparxError``.
    """
    from sparx_dsl.render import compare as comparing

    conditions = [comparing.read_condition(text) for text in where]
    return comparing.compare_listing(_measured(sources, size, batch, dtype, root), sort, conditions)


def front_picture(
    sources: Sequence[Source],
    axes: tuple[str, str] = ("macs", "params"),
    size: tuple[int, int] | None = None,
    batch: int = 1,
    dtype: DType = "float32",
) -> str:
    """An SVG text: two amounts of each backbone, and the Pareto front among them; raises ``SparxError``."""
    from sparx_dsl.render import compare as comparing

    return comparing.front_picture(_measured(sources, size, batch, dtype), *axes)


def _measured(
    sources: Sequence[Source],
    size: tuple[int, int] | None,
    batch: int,
    dtype: DType,
    root: str | os.PathLike[str] | None = None,
) -> list[comparing.Backbone]:
    """The amounts of each source, with its path where it is one; raises ``SparxError``, with the errors of all."""
    from sparx_dsl.render.compare import measured

    found: list[comparing.Backbone] = []
    wrong: list[Diagnostic] = []
    for source in sources:
        path = os.fspath(source) if isinstance(source, os.PathLike) else None
        try:
            graph = connect(source if path is None else load_spec(path, root=root))
            found.append(measured(graph, path, size, batch, dtype))
        except SparxError as error:
            wrong += error.diagnostics
    if wrong:
        raise SparxError(wrong)
    return found
