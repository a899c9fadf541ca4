"""The registry of kinds: those of this package, those of installed packages, and those that were registered."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace as changed
from typing import Final

from sparx_dsl.errors import Code, Diagnostic, SparxError
from sparx_dsl.installed import BrokenPackage, installed_kinds, refuse_options
from sparx_dsl.kind import PACKAGE, Kind, load
from sparx_dsl.language.base import KindOptions
from sparx_dsl.language.roles import Role

ATTENTIONS: Final = ("attention", "spatial_reduction_attention")
"""The mixers that attend to all of a map."""
SCANS: Final = ("local_ss2d", "atrous_ss2d", "continuous_ss2d", "inverted_residual", "ssd")
"""The mixers of baselines that scan in other ways, and the convolution that stands beside one of them."""
BUILTIN: Final[Mapping[Role, tuple[str, ...]]] = {
    "stem": ("conv", "patch", "overlapping"),
    "downsample": ("conv", "merge", "none"),
    "mixer": ("ss2d", "ssm", "bi_ssm", "window_attention", "depthwise", "inception", *ATTENTIONS, *SCANS),
    "fusion": ("dmca", "concat", "no_gcca", "sca", "sra"),
    "ffn": ("mlp", "conv", "depthwise_mlp", "none"),
    "head": ("linear", "mlp_classifier", "semantic_fpn", "upernet", "none"),
}
"""The kinds of this package: each is the folder of that name in the folder of its role, which defines ``KIND``."""


class KindRegistry:
    """A set of kinds, at most one of each role and name."""

    def __init__(self, kinds: Iterable[Kind], broken: Iterable[BrokenPackage] = ()) -> None:
        self._kinds: dict[tuple[Role, str], Kind] = {}
        self._of: dict[tuple[Role, type[KindOptions]], Kind] = {}
        self.broken = tuple(broken)
        self.revision = 0
        """How often the kinds changed since the registry was made: what is derived from them follows this number."""
        for kind in kinds:
            self._add(kind)

    def __iter__(self) -> Iterator[Kind]:
        return iter(self._kinds.values())

    def add(self, kind: Kind, *, replace: bool = False) -> None:
        """Add a kind; raises ``ValueError`` for one whose role and name are taken, unless it may ``replace`` that."""
        if replace:
            self._kinds[kind.role, kind.name] = kind
        else:
            self._add(kind)
        self._changed()

    def remove(self, kind: Kind) -> None:
        """Take a kind out again; raises ``KeyError`` for one that is not there."""
        if self._kinds.get((kind.role, kind.name)) is not kind:
            raise KeyError(f"{kind} is not registered")
        del self._kinds[kind.role, kind.name]
        self._changed()

    def find(self, role: Role, name: str) -> Kind | None:
        """The kind of that role and name, or None."""
        return self._kinds.get((role, name))

    def of(self, role: Role, options: KindOptions) -> Kind:
        """The kind to which these options belong; raises ``SparxError`` (SPX412) where it is not registered."""
        kind = self._of.get((role, type(options)))
        if kind is None:
            kind = self._of[role, type(options)] = self._owner(role, options)
        return kind

    def names(self, role: Role) -> tuple[str, ...]:
        """The names of that role's kinds, in order of registration."""
        return tuple(name for (kind_role, name) in self._kinds if kind_role == role)

    def _add(self, kind: Kind) -> None:
        taken = self._kinds.setdefault((kind.role, kind.name), kind)
        if taken is not kind:
            advice = "give this one another name, or write register(kind, replace=True)"
            raise ValueError(f"{taken} is registered already; {advice}")

    def _changed(self) -> None:
        self._of.clear()
        self.revision += 1

    def _owner(self, role: Role, options: KindOptions) -> Kind:
        kind = self.find(role, options.kind)
        if kind is None:
            message = f"the {role} kind {options.kind!r} of this spec is not registered"
            raise SparxError(Diagnostic(Code.UNREGISTERED_KIND, message, help="register it, or install its package"))
        if not isinstance(options, kind.load_options()):
            message = f"{kind} was registered again after the spec was read"
            raise SparxError(Diagnostic(Code.UNREGISTERED_KIND, message, help="read the spec again"))
        return kind


def builtin_kinds() -> Iterator[Kind]:
    """The kinds of this package."""
    for role, names in BUILTIN.items():
        for name in names:
            kind: Kind = load(f"sparx_dsl.kinds.{role}s.{name}:KIND")
            yield changed(kind, owner=PACKAGE)


@functools.cache
def default_registry() -> KindRegistry:
    """The one registry that specs are read with; made at the first use."""
    own = list(builtin_kinds())
    kinds, broken = installed_kinds({(kind.role, kind.name) for kind in own})
    return KindRegistry([*own, *kinds], broken)


def register(kind: Kind, *, replace: bool = False) -> None:
    """Add a kind for this process, as an installed package would.

    With ``replace`` it takes the place of the one that is there: a cell of a notebook can then be run again. Specs that
    were read before have to be read again. Raises ``ValueError`` for one that is there already, ``TypeError`` for
    options that specs cannot be read with.
    """
    refuse_options(kind)
    default_registry().add(changed(kind, owner="") if kind.builtin else kind, replace=replace)
