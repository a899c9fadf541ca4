"""What the codes of diagnostics mean: those of the catalogue, and those with which the options of kinds complain."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping

from sparx_dsl.errors import CodeEntry, Diagnostic, SparxError, did_you_mean, quoted
from sparx_dsl.errors.catalogue import ENTRIES, catalogue_of
from sparx_dsl.errors.catalogue.page import entry_text
from sparx_dsl.kind import Kind, load
from sparx_dsl.registry import builtin_kinds, default_registry


def builtin_codes() -> Mapping[str, CodeEntry]:
    """Every code of this package with its entry, ordered by code."""
    # Kinds that share an option share its code.
    return catalogue_of(dict.fromkeys((*ENTRIES, *_codes_of(builtin_kinds()))))


def explain_code(code: str) -> str:
    """What a code means, with a wrong and a right snippet where it is about a spec; raises ``SparxError`` (SPX530).

    The codes of registered kinds are known too.
    """
    codes = dict(builtin_codes())
    for entry in _codes_of(default_registry()):
        codes.setdefault(entry.code, entry)
    entry = codes.get(code.upper())
    if entry is None:
        advice = did_you_mean(code.upper(), codes) or "the codes are those that the messages show in brackets"
        raise SparxError(Diagnostic("SPX530", f"there is no code {quoted(code)}", help=advice))
    return entry_text(entry)


def _codes_of(kinds: Iterable[Kind]) -> Iterable[CodeEntry]:
    return itertools.chain.from_iterable(load(kind.codes) for kind in kinds if kind.codes is not None)
