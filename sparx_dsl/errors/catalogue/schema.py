"""SPX1xx: keys and values that the language does not know."""

from __future__ import annotations

from typing import Final

from sparx_dsl.errors.catalogue.entry import CodeEntry

ENTRIES: Final[tuple[CodeEntry, ...]] = ()
