"""What a mixer, fusion, FFN, stem, downsampling or head has to say about the place that a spec gives it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from sparx_dsl.errors import Diagnostic, Related, plural
from sparx_dsl.spec.models import Spec, Stage
from sparx_dsl.spec.options.base import KindOptions, Problem, Site
from sparx_dsl.spec.options.ffns import Mlp
from sparx_dsl.spec.options.fusions import DMCA
from sparx_dsl.spec.options.mixers import MixerOptions
from sparx_dsl.spec.resolve import Chosen, Path, choices, head_site


@dataclass(frozen=True, slots=True)
class _Complaint:
    """A problem with the kind that stands at ``path``, at the 0-based stage where it was met."""

    path: Path
    problem: Problem
    stage: int
    given: bool = True
    """False for a kind that the spec does not name: the language's default."""


def check_kinds(spec: Spec) -> Iterator[Diagnostic]:
    """Yield the mistakes of all kinds; one kind that several stages share is one mistake."""
    yield from _without_mixer(spec)
    found: dict[tuple[Path, str, str], list[_Complaint]] = {}
    for complaint in (*_layers(spec), *_ends(spec)):
        mark = (complaint.path, complaint.problem.field, complaint.problem.code)
        found.setdefault(mark, []).append(complaint)
    for complaints in found.values():
        yield _diagnostic(spec, complaints)


def _without_mixer(spec: Spec) -> Iterator[Diagnostic]:
    """Layers for which no level names a token mixer: one mistake for the backbone, or one for each stage."""
    lacking: list[tuple[int, list[int]]] = []
    for index in range(len(spec.stages)):
        numbers = [number for number, chosen in enumerate(choices(spec, index), start=1) if _lacks_mixer(chosen)]
        if numbers:
            lacking.append((index, numbers))
    if len(lacking) == len(spec.stages) and len(lacking) > 1:
        message = "the layers have no token mixer"
        where = spec.where("layer" if "layer" in spec.model_fields_set else "stages", key=True)
        yield Diagnostic("SPX220", message, where, help="write layer: {mixer: {kind: ss2d}} at the top level")
        return
    for index, numbers in lacking:
        some = len(numbers) < spec.stages[index].depth
        which = f"layer {numbers[0]} of stage {index + 1} has" if some else f"the layers of stage {index + 1} have"
        advice = "write layer: {mixer: {kind: ss2d}} for the stage or the backbone"
        yield Diagnostic("SPX220", f"{which} no token mixer", spec.where("stages", index), help=advice)


def _lacks_mixer(chosen: Chosen) -> bool:
    """Whether no level names a mixer."""
    return chosen.values.get("mixer") is None


def _layers(spec: Spec) -> Iterator[_Complaint]:
    """The complaints of mixers, fusions and FFNs; of each only the first layer in a stage that meets one."""
    targets = {link.target for link in spec.links.add}
    for index, stage in enumerate(spec.stages):
        name, met = stage.name or f"stage{index + 1}", set[Path]()
        for number, chosen in enumerate(choices(spec, index), start=1):
            reads = _places(stage, number) or f"{name}.layer{number}" in targets
            for complaint in _layer(spec, index, number, chosen, reads=reads, met=met):
                met.add(complaint.path)
                yield complaint


def _layer(spec: Spec, index: int, number: int, chosen: Chosen, *, reads: bool, met: set[Path]) -> Iterator[_Complaint]:
    """The complaints of one layer's kinds, but for those whose place is in ``met``."""
    channels = spec.stages[index].channels
    site = Site(channels, channels, number=number, reduction=2 ** (len(spec.stages) - 1 - index))
    sites = {"mixer": site, "fusion": _fusion_site(site, chosen), "ffn": site}
    defaults: dict[str, KindOptions] = {"fusion": DMCA(), "ffn": Mlp()}
    for slot, own_site in sites.items():
        options = chosen.values.get(slot) or defaults.get(slot)
        path = chosen.paths.get(slot) or ("stages", index, "channels")
        if isinstance(options, KindOptions) and (slot != "fusion" or reads) and path not in met:
            for problem in options.problems(own_site):
                yield _Complaint(path, problem, index, given=slot in chosen.paths)


def _fusion_site(site: Site, chosen: Chosen) -> Site:
    """The site of the layer's fusion, which gives what the mixer's projection would."""
    mixer = chosen.values.get("mixer")
    # Without a mixer that is the mistake, not the width of its projection.
    projected = mixer.projected(site.channels) if isinstance(mixer, MixerOptions) else 3 * site.channels
    return replace(site, out_channels=projected)


def _places(stage: Stage, number: int) -> bool:
    """Whether the stage makes this a ganglion layer."""
    if stage.ganglion is not None:
        return number in stage.ganglion
    return stage.S is not None and (stage.depth - number) % stage.S == 0


def _ends(spec: Spec) -> Iterator[_Complaint]:
    """The complaints of the stem, the downsamplings and the head."""
    last = len(spec.stages) - 1
    for problem in spec.stem.problems(Site(spec.input.channels, spec.stages[0].channels)):
        yield _Complaint(("stem",), problem, 0)
    for index in range(1, last + 1):
        before, stage = spec.stages[index - 1], spec.stages[index]
        path = ("downsample",) if stage.downsample is None else ("stages", index, "downsample")
        for problem in (stage.downsample or spec.downsample).problems(Site(before.channels, stage.channels)):
            yield _Complaint(path, problem, index)
    for problem in spec.head.problems(head_site(spec)):
        yield _Complaint(("head",), problem, last)


def _diagnostic(spec: Spec, complaints: list[_Complaint]) -> Diagnostic:
    """One diagnostic for the same complaint in one or several stages, with the widths that it speaks of."""
    first = complaints[0]
    problem = first.problem
    where = spec.where(*first.path, problem.field)
    related: list[Related] = []
    if str(spec.stages[first.stage].channels) in problem.message:
        for index in dict.fromkeys(complaint.stage for complaint in complaints):
            width, channels = spec.where("stages", index, "channels"), spec.stages[index].channels
            if width != where:
                text = f"stage {index + 1} has {channels} {plural(channels, 'channel')}"
                related.append(Related(width, text))
    notes = () if first.given else ("this kind is the language's default; no level of the spec names another",)
    return Diagnostic(problem.code, problem.message, where, notes=notes, help=problem.help, related=tuple(related))
