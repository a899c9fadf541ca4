"""A paper's figures beside our counts, as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sparx_dsl.pricing.published import FUSION_TOLERANCE, TOLERANCE, Comparison

COLUMNS = (
    "model", "table", "params, printed", "params, ours", "difference",
    "MACs, printed", "MACs, ours", "difference", "lands",
)  # fmt: skip
ALIGNMENT = ("---", "---", "---:", "---:", "---:", "---:", "---:", "---:", "---")


def paper_page(
    backbones: Sequence[Comparison], ablations: Sequence[Comparison], fusion_ablations: Sequence[Comparison]
) -> str:
    """The tables of backbones and ablations, and a paragraph for each row that does not land."""
    rows = (*backbones, *ablations, *fusion_ablations)
    landed = sum(row.params_land and row.macs_land for row in rows)
    off = [row for row in rows if not (row.params_land and row.macs_land)]
    parts = [
        f"{landed} of {len(rows)} rows land: parameters within {TOLERANCE.params:.0%} and MACs within "
        f"{TOLERANCE.macs:.0%} of the printed figure ({FUSION_TOLERANCE.params:.0%} and {FUSION_TOLERANCE.macs:.0%} "
        "for the fusion ablations, of which the paper leaves widths open), or rounding to it.",
        "## Backbones", _table(backbones),
        "## Connection ablations (variants of sparx_mamba_t)", _table(ablations),
        "## Fusion ablations (variants of sparx_mamba_t)", _table(fusion_ablations),
        "## Rows that do not land", *(_reason(row) for row in off),
    ]  # fmt: skip
    return "\n\n".join(parts) + "\n"


def _table(rows: Sequence[Comparison]) -> str:
    return "\n".join(_line(cells) for cells in (COLUMNS, ALIGNMENT, *_cells(rows)))


def _cells(rows: Sequence[Comparison]) -> Iterator[Sequence[str]]:
    for row in rows:
        lands = "yes" if row.params_land and row.macs_land else "no"
        yield (
            row.name, row.row.table,
            f"{row.row.params} M", f"{row.params / 1e6:.2f} M", f"{row.params_difference:+.2%}",
            f"{row.row.macs} G", f"{row.macs / 1e9:.3f} G", f"{row.macs_difference:+.2%}", lands,
        )  # fmt: skip


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _reason(row: Comparison) -> str:
    what = " and ".join(["params"] * (not row.params_land) + ["MACs"] * (not row.macs_land))
    return f"**{row.name}** ({what}): {row.row.note or 'no reason is known'}."
