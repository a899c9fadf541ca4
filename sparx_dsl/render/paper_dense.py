"""A paper's figures for dense prediction, and at several image sizes, beside our counts, as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from sparx_dsl.pricing.published import Comparison
from sparx_dsl.pricing.published_dense import DENSE_TOLERANCE, DenseComparison
from sparx_dsl.pricing.published_resolutions import RESOLUTION_TOLERANCE, ResolutionComparison

DENSE_COLUMNS = (
    "model", "table", "params, printed", "params, ours", "difference",
    "MACs, printed", "MACs, ours", "difference", "lands",
)  # fmt: skip
RESOLUTION_COLUMNS = ("model", "image", "window", "MACs, printed", "MACs, ours", "difference", "lands")
TEXT_COLUMNS = frozenset({"model", "table", "lands"})


def dense_page(groups: Sequence[DenseComparison]) -> str:
    """A table for each head, one for its ablations, and a paragraph for each row that does not land."""
    rows = [(group.head, row) for group in groups for row in group.rows]
    off = [(head, row) for head, row in rows if not (row.params_land and row.macs_land)]
    parts = [
        f"{len(rows) - len(off)} of {len(rows)} rows land: parameters within {DENSE_TOLERANCE.params:.0%} and MACs "
        f"within {DENSE_TOLERANCE.macs:.0%} of the printed figure, or rounding to it."
    ]
    for group in groups:
        what = " with ablations (variants of sparx_mamba_t)" if group.ablations else ""
        heading = f"## {group.head}{what}, {group.size[0]} × {group.size[1]}"
        parts += [heading, _table(DENSE_COLUMNS, _dense(group.rows))]
    reasons = [f"**{row.name}** with {head}: {row.row.note or 'no reason is known'}." for head, row in off]
    return _page([*parts, "## Rows that do not land", *(reasons or ["None."])])


def resolutions_page(rows: Sequence[ResolutionComparison]) -> str:
    """A table of all backbones at all sizes, and a paragraph for each figure that does not land."""
    off = [row for row in rows if not row.lands]
    heading = (
        f"{len(rows) - len(off)} of {len(rows)} figures land: MACs within {RESOLUTION_TOLERANCE:.0%} of the printed "
        "figure, or rounding to it."
    )
    reasons = [f"**{row.name}** at {row.side} × {row.side}: {row.note or 'no reason is known'}." for row in off]
    table = _table(RESOLUTION_COLUMNS, _resolutions(rows))
    return _page([heading, table, "## Figures that do not land", *(reasons or ["None."])])


def _dense(rows: Iterable[Comparison]) -> Iterator[Sequence[str]]:
    for row in rows:
        lands = "yes" if row.params_land and row.macs_land else "no"
        yield (
            row.name, row.row.table,
            f"{row.row.params} M", f"{row.params / 1e6:.2f} M", f"{row.params_difference:+.2%}",
            f"{row.row.macs} G", f"{row.macs / 1e9:.1f} G", f"{row.macs_difference:+.2%}", lands,
        )  # fmt: skip


def _resolutions(rows: Iterable[ResolutionComparison]) -> Iterator[Sequence[str]]:
    for row in rows:
        window = "" if row.window is None else str(row.window)
        yield (
            row.name, f"{row.side} × {row.side}", window, f"{row.printed} G", f"{row.macs / 1e9:.2f} G",
            f"{row.difference:+.2%}", "yes" if row.lands else "no",
        )  # fmt: skip


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    alignment = ["---" if column in TEXT_COLUMNS else "---:" for column in columns]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (columns, alignment, *rows))


def _page(parts: Sequence[str]) -> str:
    return "\n\n".join(parts) + "\n"
