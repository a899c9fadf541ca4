"""The registry of kinds: for each role and name, its options, the builder of its torch module and its price rule.

Builders and price rules are named, not imported: a spec is read and priced without torch. The names come from this
file and from installed packages, never from a spec.
"""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args

from sparx_dsl.errors import Diagnostic, SparxError
from sparx_dsl.spec.options import downsamples, ffns, fusions, heads, mixers, stems
from sparx_dsl.spec.options.base import KindOptions

Role = Literal["stem", "downsample", "mixer", "fusion", "ffn", "head"]
ROLES: tuple[Role, ...] = get_args(Role)

ENTRY_POINT_GROUP = "sparx_dsl.kinds"
"""An installed package adds kinds by an entry point of this group that names a ``Kind`` or a function giving some."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind: what a user can set, and where its module and its price are made."""

    role: Role
    options: type[KindOptions]
    builder: str | None
    """``module:function``, called as ``function(options, site, device=…, dtype=…)``; gives a ``torch.nn.Module``.

    None for the kinds that stand for "nothing here": no step runs for them, and nothing is built or priced.
    """
    price: str | None
    """``module:function``, called as ``function(options, site, height, width)``; gives a ``pricing.Price``."""
    owner: str = "sparx_dsl"
    saved: str | None = None
    """``module:function``, called as ``function(options, site, tape, *inputs)``; tells what autograd saves.

    Without it a backbone of this kind has a price all the same, but no figure for the bytes saved for backward.
    """

    @property
    def name(self) -> str:
        """What a spec writes as ``kind``."""
        return str(self.options.model_fields["kind"].default)

    @property
    def runs(self) -> bool:
        """Whether there is anything to run: false for the kinds named ``none``."""
        return self.builder is not None

    def load_builder(self) -> Any:
        """Import and return the builder (this imports torch)."""
        return load_reference(self, self.builder)

    def load_price(self) -> Any:
        """Import and return the price rule; raises ``SparxError`` (SPX406) where the kind has none."""
        if self.price is None:
            message = f"the {self.role} kind {self.name!r} of {self.owner} has no rule for its price"
            raise SparxError(Diagnostic("SPX406", message, help="name one in Kind(price='module:function')"))
        return load_reference(self, self.price)

    def load_saved(self) -> Any:
        """Import and return the rule for what is saved; raises ``SparxError`` (SPX407) where the kind has none."""
        if self.saved is None:
            message = f"the {self.role} kind {self.name!r} of {self.owner} has no rule for the bytes that it saves"
            raise SparxError(Diagnostic("SPX407", message, help="name one in Kind(saved='module:function')"))
        return load_reference(self, self.saved)


def load_reference(kind: Kind, reference: str | None) -> Any:
    """Import what a registered ``module:function`` names; raises ``LookupError`` where the kind names nothing."""
    if reference is None:
        raise LookupError(f"the {kind.role} kind {kind.name!r} of {kind.owner} has nothing to build or price")
    module, _, name = reference.partition(":")
    return getattr(importlib.import_module(module), name)


class KindRegistry:
    """A fixed set of kinds; raises ``ValueError`` when two have the same role and name."""

    def __init__(self, kinds: Iterable[Kind]) -> None:
        self._kinds: dict[tuple[Role, str], Kind] = {}
        for kind in kinds:
            taken = self._kinds.setdefault((kind.role, kind.name), kind)
            if taken is not kind:
                raise ValueError(
                    f"the {kind.role} kind {kind.name!r} is defined twice, by {taken.owner} and by {kind.owner}"
                )

    def __iter__(self) -> Iterator[Kind]:
        return iter(self._kinds.values())

    def find(self, role: Role, name: str) -> Kind | None:
        """The kind of that role and name, or None."""
        return self._kinds.get((role, name))

    def of(self, role: Role, options: KindOptions) -> Kind:
        """The kind to which these options belong; raises ``KeyError`` for options of no registered kind."""
        return self._kinds[role, options.kind]

    def names(self, role: Role) -> tuple[str, ...]:
        """The names of that role's kinds, in order of registration."""
        return tuple(name for (kind_role, name) in self._kinds if kind_role == role)


def builtin_kinds() -> tuple[Kind, ...]:
    """The kinds that the paper's models need."""
    return (
        _own("stem", stems.ConvStem, "nn.stem:build_conv", "ends:conv_stem"),
        _own("stem", stems.PatchStem, "nn.stem:build_patch", "ends:patch_stem"),
        _own("downsample", downsamples.ConvDownsample, "nn.downsample:build_conv", "ends:conv_downsample"),
        _own("downsample", downsamples.MergeDownsample, "nn.downsample:build_merge", "ends:merge_downsample"),
        _own("mixer", mixers.SS2D, "mixers.ss2d:build", "mixers:ss2d"),
        _own("mixer", mixers.SSM, "mixers.ssm:build", "mixers:ssm"),
        _own("mixer", mixers.BiSSM, "mixers.bi_ssm:build", "mixers:bi_ssm"),
        _own("mixer", mixers.WindowAttention, "mixers.window_attention:build", "mixers:window_attention"),
        _own("fusion", fusions.DMCA, "nn.dmca:build", "fusions:dmca"),
        _own("fusion", fusions.ConcatFusion, "nn.concat:build", "fusions:concat"),
        _own("fusion", fusions.NoGcca, "nn.no_gcca:build", "fusions:no_gcca"),
        _own("fusion", fusions.SCA, "nn.sca:build", "fusions:sca"),
        _own("fusion", fusions.SRA, "nn.sra:build", "fusions:sra"),
        _own("ffn", ffns.Mlp, "nn.ffn:build_mlp", "ffns:mlp"),
        _own("ffn", ffns.ConvFfn, "nn.ffn:build_conv", "ffns:conv"),
        Kind("ffn", ffns.NoFfn, None, None),
        _own("head", heads.LinearHead, "nn.head:build_linear", "ends:linear_head"),
        _own("head", heads.SemanticFpn, "nn.semantic_fpn:build", "heads:semantic_fpn"),
        _own("head", heads.UPerNet, "nn.upernet:build", "heads:upernet"),
        Kind("head", heads.NoHead, None, None),
    )


def _own(role: Role, options: type[KindOptions], builder: str, rules: str) -> Kind:
    """A kind of this package; ``rules`` names its rules in ``pricing``, behind ``price_`` and ``save_``."""
    module, _, name = rules.partition(":")
    price, saved = (f"sparx_dsl.pricing.{module}:{rule}_{name}" for rule in ("price", "save"))
    return Kind(role, options, f"sparx_dsl.{builder}", price, saved=saved)


def installed_kinds() -> Iterator[Kind]:
    """The kinds that other installed packages offer through the entry point group."""
    for entry in importlib.metadata.entry_points(group=ENTRY_POINT_GROUP):
        offered = entry.load()
        yield from [offered] if isinstance(offered, Kind) else offered()


@functools.cache
def default_registry() -> KindRegistry:
    """The built-in kinds and those of installed packages; looked for once, at the first use."""
    return KindRegistry([*builtin_kinds(), *installed_kinds()])
