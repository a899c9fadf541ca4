"""Every code that a diagnostic can carry, by family: one file each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from sparx_dsl.errors.catalogue import graph, limits, rules, schema, search, text, tools, weights
from sparx_dsl.errors.catalogue.entry import CodeEntry


def catalogue_of(entries: Iterable[CodeEntry]) -> Mapping[str, CodeEntry]:
    """An immutable mapping from code to entry, ordered by code; raises ``ValueError`` for a code given twice."""
    codes: dict[str, CodeEntry] = {}
    for entry in sorted(entries, key=lambda entry: entry.code):
        if entry.code in codes:
            raise ValueError(f"{entry.code} is in the catalogue twice")
        codes[entry.code] = entry
    return MappingProxyType(codes)


CODES: Final[Mapping[str, CodeEntry]] = catalogue_of(
    (
        *text.ENTRIES,
        *schema.ENTRIES,
        *rules.ENTRIES,
        *graph.ENTRIES,
        *limits.ENTRIES,
        *tools.ENTRIES,
        *weights.ENTRIES,
        *search.ENTRIES,
    )
)
"""The catalogue; ``CODES["SPX009"]`` explains that code."""
