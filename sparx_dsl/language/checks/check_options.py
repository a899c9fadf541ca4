"""Options of kinds of other packages that break what every role promises; they are asked before anything else asks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sparx_dsl.errors import Code, Diagnostic
from sparx_dsl.language.base import KindOptions, Site
from sparx_dsl.language.kind_options import fault_of, options_fault
from sparx_dsl.language.models import SpecModel
from sparx_dsl.language.resolve import Chosen, Path, opening_site, stage_name
from sparx_dsl.language.roles import Role
from sparx_dsl.language.strides import downsampling, opening_strides, stage_reduction
from sparx_dsl.registry import default_registry


@dataclass(frozen=True, slots=True)
class _Placed:
    """The options of a kind, the node where they stand, and the key path of the value."""

    role: Role
    options: KindOptions
    site: Site
    node: str
    path: Path


def check_options(spec: SpecModel, chosen: Mapping[int, Sequence[Chosen]]) -> Iterator[Diagnostic]:
    """Yield one error for each value in the spec whose kind fails; nothing where all kinds are built in."""
    if all(kind.builtin for kind in default_registry()):
        return
    failing = list(_faults(spec, _ends(spec)))
    # The sites of layers follow from what the stem and the downsamplings declare.
    yield from failing or _faults(spec, _layers(spec, chosen))


def _faults(spec: SpecModel, placed: Iterator[_Placed]) -> Iterator[Diagnostic]:
    met: set[Path] = set()
    for one in placed:
        fault = None if one.path in met else options_fault(one.role, one.options, one.site)
        if fault is not None:
            met.add(one.path)
            help = fault_of(default_registry().of(one.role, one.options))
            yield Diagnostic(Code.INVALID_KIND_OPTIONS, f"{fault}, at {one.node}", spec.where(*one.path), help=help)


def _ends(spec: SpecModel) -> Iterator[_Placed]:
    yield _Placed("stem", spec.stem, opening_site(spec, 0), "stem", ("stem",))
    for index, stage in enumerate(spec.stages[1:], start=1):
        path = ("downsample",) if stage.downsample is None else ("stages", index, "downsample")
        options, node = downsampling(spec, index), f"{stage_name(spec, index)}.downsample"
        yield _Placed("downsample", options, opening_site(spec, index), node, path)
    # Whether it reads all stages is for the head to declare, which may fail.
    channels = spec.stages[-1].channels
    yield _Placed("head", spec.head, Site(channels, channels), "head", ("head",))


def _layers(spec: SpecModel, chosen: Mapping[int, Sequence[Chosen]]) -> Iterator[_Placed]:
    openings = opening_strides(spec)
    for index, layers in chosen.items():
        stage, asked = spec.stages[index], set[int]()
        reduction = stage_reduction(openings, index)
        for number, layer in enumerate(layers, start=1):
            if id(layer) in asked:
                continue
            asked.add(id(layer))
            site = Site(stage.channels, stage.channels, number=number, reduction=reduction)
            for slot in ("mixer", "fusion", "ffn"):
                options = layer.kind_options(slot)
                if options is not None:
                    path = layer.paths.get(slot) or ("stages", index, "channels")
                    yield _Placed(slot, options, site, f"{stage_name(spec, index)}.layer{number}", path)
