"""The kinds that other installed packages offer, and what is wrong with those that fail to.

A package is imported when the registry is made. Whatever it raises then, and whatever its kinds are, takes nothing from
specs that do without it.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final, cast, get_args

from sparx_dsl.errors import exception_text
from sparx_dsl.kind import PACKAGE, Kind
from sparx_dsl.language.base import KindOptions
from sparx_dsl.language.roles import ROLE_OPTIONS, Role

ENTRY_POINT_GROUP: Final = "sparx_dsl.kinds"
"""An installed package adds kinds by an entry point of this group that names a ``Kind`` or a function giving some."""

Mark = tuple[Role, str]
"""The role and the name of a kind."""


@dataclass(frozen=True, slots=True)
class BrokenPackage:
    """An installed package of which a kind, or every kind, cannot be loaded, and why."""

    name: str
    reason: str
    mark: Mark | None = None
    """The one kind that it is about; None where the package could not be asked for its kinds."""

    def may_have(self, role: Role, name: str) -> bool:
        """Whether it would have the kind of that role and name, as far as is known."""
        return self.mark is None or self.mark == (role, name)

    def __str__(self) -> str:
        kinds = "kinds" if self.mark is None else f"a {self.mark[0]} kind {self.mark[1]!r}"
        return f"the package {self.name} has {kinds}, which cannot be used: {self.reason}"


def installed_kinds(own: Collection[Mark]) -> tuple[list[Kind], list[BrokenPackage]]:
    """The kinds of other installed packages, and the packages that fail to give theirs.

    ``own`` are the kinds of this package, whose names are taken. A name that two packages take is neither's.
    """
    offered, broken = list[Kind](), list[BrokenPackage]()
    for entry in importlib.metadata.entry_points(group=ENTRY_POINT_GROUP):
        package = (entry.dist and entry.dist.name) or entry.module
        try:
            given = (_owned(kind, package) for kind in _kinds_of(entry))
            offered += [kind for kind in given if kind not in offered]
        except (Exception, SystemExit) as error:  # a foreign package must not remove the other kinds
            broken.append(BrokenPackage(package, exception_text(error)))
    kinds: list[Kind] = []
    owners = _owners(offered)
    for kind in offered:
        fault = _fault(kind, own, owners)
        if fault is None:
            kinds.append(kind)
        else:
            broken.append(BrokenPackage(kind.owner, fault, (kind.role, kind.name)))
    return kinds, broken


def refuse_options(kind: Kind) -> None:
    """Raise ``TypeError`` for options that specs cannot be read with, and whatever their import raises."""
    options, base = cast("object", kind.load_options()), ROLE_OPTIONS[kind.role]
    if not (isinstance(options, type) and issubclass(options, KindOptions)):
        raise TypeError(f"the options of {kind} are not a class; derive one from {base.__name__}")
    if not issubclass(options, base):
        raise TypeError(f"the options of {kind}, {options.__name__}, do not derive from {base.__name__}")
    if not options.model_config.get("frozen"):
        raise TypeError(f"the options of {kind} can be changed; write class {options.__name__}(…, frozen=True)")
    if get_args(options.model_fields["kind"].annotation) != (kind.name,):
        raise TypeError(f'the options of {kind} do not fix its name; write kind: Literal["{kind.name}"]')
    # Every message about a spec describes what the language takes.
    options.model_json_schema()


def _kinds_of(entry: importlib.metadata.EntryPoint) -> list[Kind]:
    offered: object = entry.load()
    if isinstance(offered, Kind):
        return [offered]
    if not callable(offered):
        raise TypeError(f"{entry.value} is neither a Kind nor a function that returns some")
    given = list(cast("Iterable[object]", offered()))
    kinds = [kind for kind in given if isinstance(kind, Kind)]
    if len(kinds) < len(given):
        raise TypeError(f"{entry.value} does not return a Kind")
    return kinds


def _owned(kind: Kind, package: str) -> Kind:
    return replace(kind, owner=package) if kind.owner in ("", PACKAGE) else kind


def _owners(kinds: Iterable[Kind]) -> Mapping[Mark, list[str]]:
    """The packages that offer a kind of each role and name."""
    owners: dict[Mark, list[str]] = {}
    for kind in kinds:
        owners.setdefault((kind.role, kind.name), []).append(kind.owner)
    return owners


def _fault(kind: Kind, own: Collection[Mark], owners: Mapping[Mark, list[str]]) -> str | None:
    """Why a kind cannot be loaded, or None."""
    mark = kind.role, kind.name
    if mark in own:
        return f"{PACKAGE} itself has one of that name; rename it"
    others = [owner for owner in owners[mark] if owner != kind.owner]
    if len(owners[mark]) > 1:
        return f"{' and '.join(others) or 'it'} defines it too; uninstall one, or rename its kind"
    try:
        refuse_options(kind)
    except (Exception, SystemExit) as error:
        return exception_text(error)
    return None
