"""What a mixer, fusion, FFN, stem, downsampling or head has to say about the place that a spec gives it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from sparx_dsl.errors import Code, Diagnostic, Related, plural
from sparx_dsl.language.base import KindOptions, Problem
from sparx_dsl.language.kind_options import problems_of
from sparx_dsl.language.models import SpecModel
from sparx_dsl.language.resolve import (
    Chosen,
    KindSlot,
    Path,
    head_site,
    opening_site,
    stage_name,
    stage_rule,
)
from sparx_dsl.language.strides import downsampling, opening_strides, stage_reduction
from sparx_dsl.registry import default_registry

SLOTS: tuple[KindSlot, ...] = get_args(KindSlot)


@dataclass(frozen=True, slots=True)
class _Problem:
    """A problem with the kind that stands at ``path``, at the 0-based stage where it was met."""

    path: Path
    problem: Problem
    stage: int
    given: bool = True
    """False for a kind that the spec does not name: the language's default."""


def check_kinds(spec: SpecModel, chosen: Mapping[int, Sequence[Chosen]]) -> Iterator[Diagnostic]:
    """Yield the errors of the kinds around the layers, and of those chosen for the layers of stages, by index.

    One kind that several stages share is one error.
    """
    yield from _without_mixer(spec, chosen)
    found: dict[tuple[Path, str, str], list[_Problem]] = {}
    for problem in (*_layers(spec, chosen), *_ends(spec)):
        mark = (problem.path, problem.problem.field, problem.problem.code)
        found.setdefault(mark, []).append(problem)
    for problems in found.values():
        yield _diagnostic(spec, problems)


def _without_mixer(spec: SpecModel, chosen: Mapping[int, Sequence[Chosen]]) -> Iterator[Diagnostic]:
    """Layers for which no level names a token mixer: one error for the backbone, or one for each stage."""
    lacking: list[tuple[int, list[int]]] = []
    for index, layers in chosen.items():
        if all(layer.mixer is not None for layer in {id(layer): layer for layer in layers}.values()):
            continue
        numbers = [number for number, layer in enumerate(layers, start=1) if layer.mixer is None]
        lacking.append((index, numbers))
    if len(lacking) == len(spec.stages) and len(lacking) > 1:
        message = "the layers have no token mixer"
        where = spec.where("layer" if "layer" in spec.model_fields_set else "stages", key=True)
        yield Diagnostic(Code.MISSING_MIXER, message, where, help=f"write {_some_mixer()} at the top level")
        return
    for index, numbers in lacking:
        some = len(numbers) < spec.stages[index].depth
        which = f"layer {numbers[0]} of stage {index + 1} has" if some else f"the layers of stage {index + 1} have"
        advice = f"write {_some_mixer()} for the stage or the backbone"
        yield Diagnostic(Code.MISSING_MIXER, f"{which} no token mixer", spec.where("stages", index), help=advice)


def _some_mixer() -> str:
    return f"layer: {{mixer: {{kind: {default_registry().names('mixer')[0]}}}}}"


def _layers(spec: SpecModel, chosen: Mapping[int, Sequence[Chosen]]) -> Iterator[_Problem]:
    """The problems of mixers, fusions and FFNs; of each only the first layer in a stage that meets one."""
    targets = {link.target for link in spec.links.add}
    for index, layers in chosen.items():
        own = {id(layer): layer for layer in layers}
        conditional = {mark: list(_conditional(layer)) for mark, layer in own.items()}
        if not any(conditional.values()):
            continue
        name, placed = stage_name(spec, index), stage_rule(spec.stages[index]).ganglion
        met, asked = set[Path](), set[tuple[KindSlot, int, int]]()
        for number, layer in enumerate(layers, start=1):
            reads = number in placed or f"{name}.layer{number}" in targets
            for slot, options, numbered in conditional[id(layer)]:
                mark = slot, id(options), id(layer.mixer)
                if mark in asked or (slot == "fusion" and not reads):
                    continue
                if not numbered:
                    asked.add(mark)
                yield from _problems(spec, index, number, layer, slot, options, met)


def _conditional(layer: Chosen) -> Iterator[tuple[KindSlot, KindOptions, bool]]:
    """The kinds of a layer with conditions on their place, and whether those look at its number; most have none."""
    for slot in SLOTS:
        options = layer.kind_options(slot)
        if options is not None and options.has_conditions():
            yield slot, options, default_registry().of(slot, options).numbered


def _problems(
    spec: SpecModel, index: int, number: int, layer: Chosen, slot: KindSlot, options: KindOptions, met: set[Path]
) -> Iterator[_Problem]:
    """The problems of one kind in one layer, unless its place is in ``met``, where it then is."""
    path, channels = layer.paths.get(slot) or ("stages", index, "channels"), spec.stages[index].channels
    if path in met:
        return
    site = layer.site(slot, channels, number, stage_reduction(opening_strides(spec), index))
    for problem in problems_of(slot, options, site):
        met.add(path)
        yield _Problem(path, problem, index, given=slot in layer.paths)


def _ends(spec: SpecModel) -> Iterator[_Problem]:
    """The problems of the stem, the downsamplings and the head."""
    for problem in problems_of("stem", spec.stem, opening_site(spec, 0)):
        yield _Problem(("stem",), problem, 0)
    for index, stage in enumerate(spec.stages[1:], start=1):
        path = ("downsample",) if stage.downsample is None else ("stages", index, "downsample")
        for problem in problems_of("downsample", downsampling(spec, index), opening_site(spec, index)):
            yield _Problem(path, problem, index)
    for problem in problems_of("head", spec.head, head_site(spec)):
        yield _Problem(("head",), problem, len(spec.stages) - 1)


def _diagnostic(spec: SpecModel, problems: list[_Problem]) -> Diagnostic:
    """One diagnostic for the same problem in one or several stages, with the widths that it refers to."""
    first = problems[0]
    problem = first.problem
    where = spec.where(*first.path, problem.field)
    related: list[Related] = []
    if str(spec.stages[first.stage].channels) in problem.message:
        for index in dict.fromkeys(problem.stage for problem in problems):
            width, channels = spec.where("stages", index, "channels"), spec.stages[index].channels
            if width != where:
                text = f"stage {index + 1} has {channels} {plural(channels, 'channel')}"
                related.append(Related(width, text))
    notes = () if first.given else ("this kind is the language's default; no level of the spec names another",)
    return Diagnostic(problem.code, problem.message, where, notes=notes, help=problem.help, related=tuple(related))
