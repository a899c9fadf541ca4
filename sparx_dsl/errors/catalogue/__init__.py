"""Every code that a diagnostic can carry, by family: one file each. Those of one kind alone stand in its folder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from sparx_dsl.errors.catalogue import graph, kinds, limits, rules, schema, search, text, tools, weights
from sparx_dsl.errors.catalogue.entry import CodeEntry


def catalogue_of(entries: Iterable[CodeEntry]) -> Mapping[str, CodeEntry]:
    """An immutable mapping from code to entry, ordered by code; raises ``ValueError`` for a code given twice."""
    codes: dict[str, CodeEntry] = {}
    for entry in sorted(entries, key=lambda entry: entry.code):
        if entry.code in codes:
            raise ValueError(f"{entry.code} is in the catalogue twice")
        codes[entry.code] = entry
    return MappingProxyType(codes)


ENTRIES: Final[tuple[CodeEntry, ...]] = (
    *text.ENTRIES,
    *schema.ENTRIES,
    *rules.ENTRIES,
    *graph.ENTRIES,
    *limits.ENTRIES,
    *kinds.ENTRIES,
    *tools.ENTRIES,
    *weights.ENTRIES,
    *search.ENTRIES,
)
"""All but those of one kind's options; ``sparx_dsl.codes`` has all of them."""
