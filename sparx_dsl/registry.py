"""The registry of kinds: those of this package, those of installed packages, and those that were registered."""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, cast

from sparx_dsl.kind import Kind, load
from sparx_dsl.language.base import KindOptions
from sparx_dsl.language.roles import Role

ENTRY_POINT_GROUP = "sparx_dsl.kinds"
"""An installed package adds kinds by an entry point of this group that names a ``Kind`` or a function giving some."""

BUILTIN: Final[Mapping[Role, tuple[str, ...]]] = {
    "stem": ("conv", "patch"),
    "downsample": ("conv", "merge"),
    "mixer": ("ss2d", "ssm", "bi_ssm", "window_attention"),
    "fusion": ("dmca", "concat", "no_gcca", "sca", "sra"),
    "ffn": ("mlp", "conv", "none"),
    "head": ("linear", "semantic_fpn", "upernet", "none"),
}
"""The kinds of this package: each is the folder of that name in the folder of its role, which defines ``KIND``."""


@dataclass(frozen=True, slots=True)
class BrokenPackage:
    """An installed package whose kinds cannot be had, and why."""

    name: str
    reason: str


class KindRegistry:
    """A set of kinds, at most one of each role and name."""

    def __init__(self, kinds: Iterable[Kind], broken: Iterable[BrokenPackage] = ()) -> None:
        self._kinds: dict[tuple[Role, str], Kind] = {}
        self.broken = tuple(broken)
        self.revision = 0
        """How many kinds were added since the registry was made: what is derived from it follows this number."""
        for kind in kinds:
            self._add(kind)

    def __iter__(self) -> Iterator[Kind]:
        return iter(self._kinds.values())

    def add(self, kind: Kind, *, replace: bool = False) -> None:
        """Add a kind; raises ``ValueError`` for one whose role and name are taken, unless it may ``replace`` that."""
        if replace:
            self._kinds.pop((kind.role, kind.name), None)
        self._add(kind)
        self.revision += 1

    def remove(self, kind: Kind) -> None:
        """Take a kind out again; raises ``KeyError`` for one that is not there."""
        if self._kinds.get((kind.role, kind.name)) is not kind:
            raise KeyError(f"{kind} is not registered")
        del self._kinds[kind.role, kind.name]
        self.revision += 1

    def find(self, role: Role, name: str) -> Kind | None:
        """The kind of that role and name, or None."""
        return self._kinds.get((role, name))

    def of(self, role: Role, options: KindOptions) -> Kind:
        """The kind to which these options belong; raises ``KeyError`` for options of no registered kind."""
        return self._kinds[role, options.kind]

    def names(self, role: Role) -> tuple[str, ...]:
        """The names of that role's kinds, in order of registration."""
        return tuple(name for (kind_role, name) in self._kinds if kind_role == role)

    def _add(self, kind: Kind) -> None:
        taken = self._kinds.setdefault((kind.role, kind.name), kind)
        if taken is not kind:
            owners = f"by {taken.owner} and by {kind.owner}"
            raise ValueError(f"the {kind.role} kind {kind.name!r} is defined twice, {owners}")


def builtin_kinds() -> Iterator[Kind]:
    """The kinds of this package."""
    for role, names in BUILTIN.items():
        for name in names:
            yield cast("Kind", load(f"sparx_dsl.kinds.{role}s.{name}:KIND"))


def installed_kinds() -> tuple[list[Kind], list[BrokenPackage]]:
    """The kinds that other installed packages offer through the entry point group, and the packages that fail to."""
    kinds: list[Kind] = []
    broken: list[BrokenPackage] = []
    for entry in importlib.metadata.entry_points(group=ENTRY_POINT_GROUP):
        package = entry.dist.name if entry.dist is not None else entry.module
        try:
            offered = entry.load()
            kinds += [offered] if isinstance(offered, Kind) else list(offered())
        except Exception as error:  # whatever a foreign package raises must not take the built-in kinds away
            broken.append(BrokenPackage(package, f"{type(error).__name__}: {error}"))
    return kinds, broken


@functools.cache
def default_registry() -> KindRegistry:
    """The one registry that specs are read with; made at the first use."""
    kinds, broken = installed_kinds()
    return KindRegistry([*builtin_kinds(), *kinds], broken)


def register(kind: Kind, *, replace: bool = False) -> None:
    """Add a kind for this process, as an installed package would; raises ``ValueError`` for one that is there already.

    With ``replace`` it takes the place of the one that is there: a cell of a notebook can then be run again.
    """
    default_registry().add(kind, replace=replace)
