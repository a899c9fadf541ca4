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
        Kind("stem", stems.ConvStem, "sparx_dsl.nn.stem:build_conv", "sparx_dsl.pricing.ends:price_conv_stem"),
        Kind("stem", stems.PatchStem, "sparx_dsl.nn.stem:build_patch", "sparx_dsl.pricing.ends:price_patch_stem"),
        Kind(
            "downsample",
            downsamples.ConvDownsample,
            "sparx_dsl.nn.downsample:build_conv",
            "sparx_dsl.pricing.ends:price_conv_downsample",
        ),
        Kind(
            "downsample",
            downsamples.MergeDownsample,
            "sparx_dsl.nn.downsample:build_merge",
            "sparx_dsl.pricing.ends:price_merge_downsample",
        ),
        Kind("mixer", mixers.SS2D, "sparx_dsl.mixers.ss2d:build", "sparx_dsl.pricing.mixers:price_ss2d"),
        Kind("mixer", mixers.SSM, "sparx_dsl.mixers.ssm:build", "sparx_dsl.pricing.mixers:price_ssm"),
        Kind("mixer", mixers.BiSSM, "sparx_dsl.mixers.bi_ssm:build", "sparx_dsl.pricing.mixers:price_bi_ssm"),
        Kind(
            "mixer",
            mixers.WindowAttention,
            "sparx_dsl.mixers.window_attention:build",
            "sparx_dsl.pricing.mixers:price_window_attention",
        ),
        Kind("fusion", fusions.DMCA, "sparx_dsl.nn.dmca:build", "sparx_dsl.pricing.fusions:price_dmca"),
        Kind("fusion", fusions.ConcatFusion, "sparx_dsl.nn.concat:build", "sparx_dsl.pricing.fusions:price_concat"),
        Kind("fusion", fusions.NoGcca, "sparx_dsl.nn.no_gcca:build", "sparx_dsl.pricing.fusions:price_no_gcca"),
        Kind("fusion", fusions.SCA, "sparx_dsl.nn.sca:build", "sparx_dsl.pricing.fusions:price_sca"),
        Kind("fusion", fusions.SRA, "sparx_dsl.nn.sra:build", "sparx_dsl.pricing.fusions:price_sra"),
        Kind("ffn", ffns.Mlp, "sparx_dsl.nn.ffn:build_mlp", "sparx_dsl.pricing.ffns:price_mlp"),
        Kind("ffn", ffns.ConvFfn, "sparx_dsl.nn.ffn:build_conv", "sparx_dsl.pricing.ffns:price_conv"),
        Kind("ffn", ffns.NoFfn, None, None),
        Kind("head", heads.LinearHead, "sparx_dsl.nn.head:build_linear", "sparx_dsl.pricing.ends:price_linear_head"),
        Kind(
            "head",
            heads.SemanticFpn,
            "sparx_dsl.nn.semantic_fpn:build",
            "sparx_dsl.pricing.heads:price_semantic_fpn",
        ),
        Kind("head", heads.UPerNet, "sparx_dsl.nn.upernet:build", "sparx_dsl.pricing.heads:price_upernet"),
        Kind("head", heads.NoHead, None, None),
    )


def installed_kinds() -> Iterator[Kind]:
    """The kinds that other installed packages offer through the entry point group."""
    for entry in importlib.metadata.entry_points(group=ENTRY_POINT_GROUP):
        offered = entry.load()
        yield from [offered] if isinstance(offered, Kind) else offered()


@functools.cache
def default_registry() -> KindRegistry:
    """The built-in kinds and those of installed packages; looked for once, at the first use."""
    return KindRegistry([*builtin_kinds(), *installed_kinds()])
