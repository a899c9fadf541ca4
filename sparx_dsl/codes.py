"""What the codes of diagnostics mean: those of the catalogue, and those of the options of kinds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import cast

from sparx_dsl.errors import Code, CodeEntry, Diagnostic, SparxError, did_you_mean, quoted
from sparx_dsl.errors.catalogue import ENTRIES, catalogue_of
from sparx_dsl.errors.catalogue.entry import entry_text
from sparx_dsl.kind import Kind
from sparx_dsl.language.kind_options import load_facet
from sparx_dsl.registry import builtin_kinds, default_registry


def builtin_codes() -> Mapping[str, CodeEntry]:
    """Every code of this package with its entry, ordered by code."""
    # Kinds that share an option share its code.
    own = (entry for kind in builtin_kinds() for entry in _codes_of(kind))
    return catalogue_of(dict.fromkeys((*ENTRIES, *own)))


def explain_code(code: str) -> str:
    """What a code means, with a wrong and a right snippet where it is about a spec; raises ``SparxError`` (SPX530).

    The codes of kinds of other packages are known too.
    """
    codes, notes = dict(builtin_codes()), [str(package) for package in default_registry().broken]
    for kind in (kind for kind in default_registry() if not kind.builtin):
        try:
            for entry in _codes_of(kind):
                codes.setdefault(entry.code.upper(), entry)
        except SparxError as error:
            notes += [diagnostic.message for diagnostic in error.diagnostics]
    entry = codes.get(code.upper())
    if entry is None:
        advice = did_you_mean(code.upper(), codes) or "the codes are those that the messages show in brackets"
        raise SparxError(Diagnostic(Code.UNKNOWN_CODE, f"unknown code {quoted(code)}", notes=tuple(notes), help=advice))
    return entry_text(entry)


def _codes_of(kind: Kind) -> Iterator[CodeEntry]:
    entries = cast("Iterable[object]", load_facet(kind, kind.codes, "codes", tuple) or ())
    return (entry for entry in entries if isinstance(entry, CodeEntry))
