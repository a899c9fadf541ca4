"""SPX5xx: files and outside tools."""

from __future__ import annotations

from typing import Final

from sparx_dsl.errors.catalogue.entry import CodeEntry

ENTRIES: Final[tuple[CodeEntry, ...]] = ()
