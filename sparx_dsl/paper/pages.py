"""A paper's figures beside our counts: of backbones, of heads, and at several image sizes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sparx_dsl.language.zoo import zoo_folder
from sparx_dsl.paper.backbone_figures import FUSION_TOLERANCE, TOLERANCE, Comparison, compare
from sparx_dsl.paper.dense_figures import DENSE_TOLERANCE, DenseComparison, compare_dense
from sparx_dsl.paper.figure_tables import (
    Group,
    models_table,
    resolutions_table,
    shown_models,
    shown_params,
    shown_resolutions,
    throughput_table,
)
from sparx_dsl.paper.figures_file import top_level_keys
from sparx_dsl.paper.resolution_figures import ResolutionComparison, compare_resolutions
from sparx_dsl.paper.throughput_figures import Throughput, read_throughput
from sparx_dsl.render.listing import Line, Listing, Table

PAPER = ("figures.yaml", "dense_prediction.yaml", "detection.yaml", "resolutions.yaml")
"""The files of the zoo's folder ``paper``, in the order in which they are shown."""
IMAGE = (224, 224)
"""Height and width of the images that the classification tables are for."""


@dataclass(frozen=True, slots=True)
class Page:
    """The figures of one file: models by group, rows at several sizes, and how people read them."""

    shown: tuple[Table | Line, ...]
    groups: tuple[Group, ...] = ()
    resolutions: tuple[ResolutionComparison, ...] = ()
    throughput: tuple[Throughput, ...] = ()


def paper_listing(paths: Sequence[str | os.PathLike[str]] = ()) -> Listing:
    """Printed figures, as in the files of ``specs/paper``, beside our counts; raises ``SparxError``.

    A file's keys say which figures it has: ``heads`` for dense prediction, ``resolutions``, ``throughput``, or
    ``backbones``. Without paths, all the figures that come with the package and have counts.
    """
    pages = [_page(Path(path)) for path in paths or [zoo_folder() / "paper" / name for name in PAPER]]
    models = models_table(group for page in pages for group in page.groups)
    sized = resolutions_table(row for page in pages for row in page.resolutions)
    speeds = throughput_table(figures for page in pages for figures in page.throughput)
    tables = sorted((models, sized, speeds), key=lambda table: not table.rows)
    return Listing("sparx.paper", {}, tuple(tables), tuple(part for page in pages for part in page.shown))


def paper_page(path: str | os.PathLike[str] | None = None) -> str:
    """The Markdown of ``paper_listing`` for one file, or for all of the package; raises what that raises."""
    return paper_listing(() if path is None else (path,)).as_markdown() + "\n"


def _page(file: Path) -> Page:
    keys = top_level_keys(file)
    if "throughput" in keys:
        return throughput_page(read_throughput(file))
    if "heads" in keys:
        return dense_page(compare_dense(file))
    return resolutions_page(compare_resolutions(file)) if "resolutions" in keys else backbones_page(*compare(file))


def backbones_page(
    backbones: Sequence[Comparison], ablations: Sequence[Comparison], fusion_ablations: Sequence[Comparison]
) -> Page:
    """The tables of backbones and ablations, and a paragraph for each row that does not match."""
    rows = (*backbones, *ablations, *fusion_ablations)
    matching, exact = sum(map(_matches, rows)), sum(bool(row.rounding) for row in rows)
    params = sum(row.params_round for row in rows)
    first = (
        f"{matching} of {len(rows)} rows match: parameters within {TOLERANCE.params:.0%} and MACs within "
        f"{TOLERANCE.macs:.0%} of the printed figure ({FUSION_TOLERANCE.params:.0%} and {FUSION_TOLERANCE.macs:.0%} "
        "for the fusion ablations, of which the paper leaves widths open), or rounding to it. The MACs of "
        f"{exact} rows round to the printed figure in one of the two counts, and the parameters of {params} rows."
    )
    groups = (
        Group("backbones", IMAGE, 3, tuple(backbones)), Group("ablations", IMAGE, 3, tuple(ablations)),
        Group("fusion_ablations", IMAGE, 3, tuple(fusion_ablations)),
    )  # fmt: skip
    titles = ("Backbones", "Connection ablations (variants of sparx_mamba_t)",
              "Fusion ablations (variants of sparx_mamba_t)")  # fmt: skip
    tables = [
        part for title, group in zip(titles, groups, strict=True) for part in (_title(title), shown_models(group))
    ]
    return Page((
        _prose(first), *tables, _title("Rows from other papers"), *_sources(rows),
        _title("Rows that do not match, or do not round to the printed figures"),
        *(_reason(row) for row in rows if not row.to_the_digit),
    ), groups)  # fmt: skip


def dense_page(heads: Sequence[DenseComparison]) -> Page:
    """A table for each head, one for its ablations, and a paragraph for each row that does not match."""
    rows = [(head.head, row) for head in heads for row in head.rows]
    off = [(head, row) for head, row in rows if not _matches(row)]
    first = (
        f"{len(rows) - len(off)} of {len(rows)} rows match: parameters within {DENSE_TOLERANCE.params:.0%} and MACs "
        f"within {DENSE_TOLERANCE.macs:.0%} of the printed figure, or rounding to it."
    )
    shown: list[Table | Line] = [_prose(first)]
    groups: list[Group] = []
    for head in heads:
        what = " with ablations (variants of sparx_mamba_t)" if head.ablations else ""
        groups.append(Group(head.head, head.size, 1, head.rows))
        shown += [_title(f"{head.head}{what}, {head.size[0]} × {head.size[1]}"), shown_models(groups[-1])]
    shown += [_title("Rows from other papers"), *_sources([row for _, row in rows])]
    reasons = [_prose(f"{row.name} with {head}: {row.reason}.") for head, row in off]
    near = [(head, row) for head, row in rows if _matches(row) and not row.to_the_digit]
    shown += [_title("Rows that match, and do not round to the printed figures")]
    shown += [_prose(f"{row.name} with {head}: {_off_the_digit(row)}.") for head, row in near] or [_prose("None.")]
    return Page((*shown, _title("Rows that do not match"), *(reasons or [_prose("None.")])), tuple(groups))


def resolutions_page(rows: Sequence[ResolutionComparison]) -> Page:
    """A table of all backbones at all sizes, and a paragraph for each figure that is not met to the printed digit."""
    off = [row for row in rows if not row.matches]
    first = f"{len(rows) - len(off)} of {len(rows)} figures come out to the printed digit in fvcore's count."
    reasons = [_prose(f"{row.name} at {row.side} × {row.side}: {row.note or 'no reason is known'}.") for row in off]
    table = resolutions_table(rows)
    taken = [f"{row.source}: {row.name}." for row in rows if row.source is not None]
    return Page((
        _prose(first), shown_resolutions(table), _title("Parameters"), shown_params(table),
        _title("Figures from other papers"), *map(_prose, dict.fromkeys(taken) or ["None."]),
        _title("Figures that do not come out"), *(reasons or [_prose("None.")]),
    ), resolutions=tuple(rows))  # fmt: skip


def throughput_page(figures: Throughput) -> Page:
    """Printed images a second and their ratios to reference backbones; ``paper_throughput`` measures beside them."""
    first = "Images a second as printed, and their ratios; `sparx paper --measure throughput` measures them here."
    return Page((_prose(first), throughput_table([figures])), throughput=(figures,))


def _off_the_digit(row: Comparison) -> str:
    """Where the printed figures lie beside ours, those that do not round to them, and why, as far as that is known."""
    said = "; ".join([*([] if row.params_round else [_params_off(row)]), *([] if row.rounding else [_macs_off(row)])])
    return said if row.row.note is None else f"{said}; {row.row.note}"


def _params_off(row: Comparison) -> str:
    """Where the printed parameters lie beside ours."""
    ours, printed = row.params / 1e6, float(row.row.params)
    decimals = 10 ** len(row.row.params.partition(".")[2])
    side = "above" if printed > ours else "below"
    said = f"the printed {row.row.params} M lies {abs(printed / ours - 1):.1%} {side} ours"
    return f"{said}, which is that without what follows" if int(ours * decimals) == round(printed * decimals) else said


def _macs_off(row: Comparison) -> str:
    """Where the printed MACs lie beside both counts."""
    low, high = sorted((row.macs / 1e9, row.fvcore_macs / 1e9))
    printed = float(row.row.macs)
    beside = "between the two counts"
    if printed > high:
        beside = f"{printed / high - 1:.1%} above the larger count"
    elif printed < low:
        beside = f"{1 - printed / low:.1%} below the smaller count"
    return f"the printed {row.row.macs} G lies {beside}"


def _title(text: str) -> Line:
    return Line(text, "heading")


def _prose(text: str) -> Line:
    return Line(text, "prose")


def _matches(row: Comparison) -> bool:
    return row.params_match and row.macs_match


def _sources(rows: Iterable[Comparison]) -> Iterator[Line]:
    """For each source the rows that the paper took from there."""
    taken = [row for row in rows if row.row.source is not None]
    for source in dict.fromkeys(row.row.source for row in taken):
        names = dict.fromkeys(row.name for row in taken if row.row.source == source)
        yield _prose(f"{source}: {', '.join(names)}.")


def _reason(row: Comparison) -> Line:
    what = " and ".join(["params"] * (not row.params_round) + ["MACs"] * (not row.rounding))
    return _prose(f"{row.name} ({what}): {row.reason}.")
