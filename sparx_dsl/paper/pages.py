"""A paper's figures beside our counts, as Markdown: of backbones, of heads, and at several image sizes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from sparx_dsl.language.zoo import zoo_folder
from sparx_dsl.paper.backbone_figures import FUSION_TOLERANCE, TOLERANCE, Comparison, compare
from sparx_dsl.paper.dense_figures import DENSE_TOLERANCE, DenseComparison, compare_dense
from sparx_dsl.paper.figures_file import top_level_keys
from sparx_dsl.paper.resolution_figures import ResolutionComparison, compare_resolutions
from sparx_dsl.paper.throughput_figures import REFERENCES, Throughput, read_throughput

COLUMNS = (
    "model", "table", "params, printed", "params, ours", "difference",
    "MACs, printed", "MACs, ours", "difference", "MACs, fvcore", "to the digit", "matches",
)  # fmt: skip
RESOLUTION_COLUMNS = ("model", "image", "window", "MACs, printed", "MACs, fvcore", "MACs, ours", "to the digit")
THROUGHPUT_COLUMNS = ("model", "table", "image", "batch", "images/s", "over swin_t", "over vmamba_t", "memory, MB")
PARAMS_COLUMNS = ("model", "params, printed", "params, ours", "difference")
TEXT_COLUMNS = frozenset({"model", "table", "to the digit", "matches"})


PAPER = ("figures.yaml", "dense_prediction.yaml", "detection.yaml", "resolutions.yaml")
"""The files of the zoo's folder ``paper``, in the order in which they are shown."""


def paper_page(path: str | os.PathLike[str] | None = None) -> str:
    """Printed figures, as in the files of ``specs/paper``, beside our counts; raises ``SparxError``.

    The file's keys say which figures it has: ``heads`` for dense prediction, ``resolutions``, ``throughput``, or
    ``backbones``. Without a path, all the figures that come with the package and have counts.
    """
    if path is None:
        return "\n".join(paper_page(zoo_folder() / "paper" / name) for name in PAPER)
    file = Path(path)
    keys = top_level_keys(file)
    if "throughput" in keys:
        return throughput_page(read_throughput(file))
    if "heads" in keys:
        return dense_page(compare_dense(file))
    return resolutions_page(compare_resolutions(file)) if "resolutions" in keys else backbones_page(*compare(file))


def backbones_page(
    backbones: Sequence[Comparison], ablations: Sequence[Comparison], fusion_ablations: Sequence[Comparison]
) -> str:
    """The tables of backbones and ablations, and a paragraph for each row that does not match."""
    rows = (*backbones, *ablations, *fusion_ablations)
    matching, exact = sum(map(_matches, rows)), sum(bool(row.rounding) for row in rows)
    parts = [
        f"{matching} of {len(rows)} rows match: parameters within {TOLERANCE.params:.0%} and MACs within "
        f"{TOLERANCE.macs:.0%} of the printed figure ({FUSION_TOLERANCE.params:.0%} and {FUSION_TOLERANCE.macs:.0%} "
        "for the fusion ablations, of which the paper leaves widths open), or rounding to it. The MACs of "
        f"{exact} rows round to the printed figure in one of the two counts.",
        "## Backbones", _table(COLUMNS, _rows(backbones, 3)),
        "## Connection ablations (variants of sparx_mamba_t)", _table(COLUMNS, _rows(ablations, 3)),
        "## Fusion ablations (variants of sparx_mamba_t)", _table(COLUMNS, _rows(fusion_ablations, 3)),
        "## Rows from other papers", *_sources(rows),
        "## Rows that do not match, or round to the printed figure in neither count",
        *(_reason(row) for row in rows if not (_matches(row) and row.rounding)),
    ]  # fmt: skip
    return _page(parts)


def dense_page(groups: Sequence[DenseComparison]) -> str:
    """A table for each head, one for its ablations, and a paragraph for each row that does not match."""
    rows = [(group.head, row) for group in groups for row in group.rows]
    off = [(head, row) for head, row in rows if not _matches(row)]
    parts = [
        f"{len(rows) - len(off)} of {len(rows)} rows match: parameters within {DENSE_TOLERANCE.params:.0%} and MACs "
        f"within {DENSE_TOLERANCE.macs:.0%} of the printed figure, or rounding to it."
    ]
    for group in groups:
        what = " with ablations (variants of sparx_mamba_t)" if group.ablations else ""
        heading = f"## {group.head}{what}, {group.size[0]} × {group.size[1]}"
        parts += [heading, _table(COLUMNS, _rows(group.rows, 1))]
    parts += ["## Rows from other papers", *_sources([row for _, row in rows])]
    near = [(head, row) for head, row in rows if _matches(row) and not row.rounding]
    parts += ["## Rows that match, and round to the printed figure in neither count"]
    parts += [f"**{row.name}** with {head}: {_off_the_digit(row)}." for head, row in near] or ["None."]
    reasons = [f"**{row.name}** with {head}: {row.reason}." for head, row in off]
    return _page([*parts, "## Rows that do not match", *(reasons or ["None."])])


def _off_the_digit(row: Comparison) -> str:
    """Where the printed MACs lie beside both counts, and why, as far as that is known."""
    low, high = sorted((row.macs / 1e9, row.fvcore_macs / 1e9))
    printed = float(row.row.macs)
    beside = "between the two counts"
    if printed > high:
        beside = f"{printed / high - 1:.1%} above the larger count"
    elif printed < low:
        beside = f"{1 - printed / low:.1%} below the smaller count"
    said = f"the printed {row.row.macs} G lies {beside}"
    return said if row.row.note is None else f"{said}; {row.row.note}"


def resolutions_page(rows: Sequence[ResolutionComparison]) -> str:
    """A table of all backbones at all sizes, and a paragraph for each figure that is not met to the printed digit."""
    off = [row for row in rows if not row.matches]
    heading = f"{len(rows) - len(off)} of {len(rows)} figures come out to the printed digit in fvcore's count."
    reasons = [f"**{row.name}** at {row.side} × {row.side}: {row.note or 'no reason is known'}." for row in off]
    table = _table(RESOLUTION_COLUMNS, _resolutions(rows))
    params = {row.name: row for row in rows}.values()
    taken = [f"{row.source}: {row.name}." for row in params if row.source is not None]
    return _page([
        heading, table, "## Parameters", _table(PARAMS_COLUMNS, map(_params, params)),
        "## Figures from other papers", *(taken or ["None."]),
        "## Figures that do not come out", *(reasons or ["None."]),
    ])  # fmt: skip


def throughput_page(figures: Throughput) -> str:
    """Printed images a second and their ratios to reference backbones; ``paper_throughput`` measures beside them."""
    rows = [
        (name, one.table, f"{one.size} × {one.size}", str(one.batch), str(speed.images),
         *(_ratio(speed.images, figures.printed(reference, one.size)) for reference in REFERENCES),
         "" if speed.memory is None else str(speed.memory))
        for one in figures.measurements for name, speed in one.models.items()
    ]  # fmt: skip
    heading = "Images a second as printed, and their ratios; `sparx paper --measure throughput` measures them here."
    return _page([heading, _table(THROUGHPUT_COLUMNS, rows)])


def _ratio(images: int, reference: int | None) -> str:
    return "" if reference is None else f"{images / reference:.2f}"


def _rows(rows: Iterable[Comparison], decimals: int) -> Iterator[Sequence[str]]:
    """The cells of each row, billions of MACs with so many decimals."""
    for row in rows:
        digit, matches = ", ".join(row.rounding) or "no", "yes" if _matches(row) else "no"
        yield (
            row.name, row.row.table,
            f"{row.row.params} M", f"{row.params / 1e6:.2f} M", f"{row.params_difference:+.2%}",
            f"{row.row.macs} G", f"{row.macs / 1e9:.{decimals}f} G", f"{row.macs_difference:+.2%}",
            f"{row.fvcore_macs / 1e9:.{decimals}f} G", digit, matches,
        )  # fmt: skip


def _resolutions(rows: Iterable[ResolutionComparison]) -> Iterator[Sequence[str]]:
    for row in rows:
        window = "" if row.window is None else str(row.window)
        yield (
            row.name, f"{row.side} × {row.side}", window, f"{row.printed} G", f"{row.fvcore_macs / 1e9:.2f} G",
            f"{row.macs / 1e9:.2f} G", "yes" if row.matches else "no",
        )  # fmt: skip


def _params(row: ResolutionComparison) -> Sequence[str]:
    difference = row.params / (float(row.printed_params) * 1e6) - 1
    return row.name, f"{row.printed_params} M", f"{row.params / 1e6:.2f} M", f"{difference:+.2%}"


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    alignment = ["---" if column in TEXT_COLUMNS else "---:" for column in columns]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (columns, alignment, *rows))


def _page(parts: Sequence[str]) -> str:
    return "\n\n".join(parts) + "\n"


def _matches(row: Comparison) -> bool:
    return row.params_match and row.macs_match


def _sources(rows: Iterable[Comparison]) -> Iterator[str]:
    """For each source the rows that the paper took from there."""
    taken = [row for row in rows if row.row.source is not None]
    for source in dict.fromkeys(row.row.source for row in taken):
        names = dict.fromkeys(row.name for row in taken if row.row.source == source)
        yield f"{source}: {', '.join(names)}."


def _reason(row: Comparison) -> str:
    what = " and ".join(["params"] * (not row.params_match) + ["MACs"] * (not (row.macs_match and row.rounding)))
    return f"**{row.name}** ({what}): {row.reason}."
