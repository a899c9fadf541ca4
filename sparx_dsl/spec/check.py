"""The rules that tie several keys of a spec together; what concerns connections as such is checked by the graph."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator

from sparx_dsl.errors import Diagnostic, Related
from sparx_dsl.spec.limits import Limits
from sparx_dsl.spec.models import Spec, Stage
from sparx_dsl.spec.options.base import KindOptions, Problem, Site
from sparx_dsl.spec.resolve import Chosen, Path, choices

RESERVED_NAMES = frozenset({
    "add_module", "apply", "bfloat16", "buffers", "call_super_init", "children", "code", "compile", "cpu", "cuda",
    "delete_all_unused_submodules", "delete_submodule", "double", "dump_patches", "eval", "extra_repr", "float",
    "forward", "get_buffer", "get_extra_state", "get_parameter", "get_submodule", "graph", "half", "head", "images",
    "input", "ipu", "load_state_dict", "meta", "modules", "mtia", "named_buffers", "named_children", "named_modules",
    "named_parameters", "parameters", "print_readable", "recompile", "register_backward_hook", "register_buffer",
    "register_forward_hook", "register_forward_pre_hook", "register_full_backward_hook",
    "register_full_backward_pre_hook", "register_load_state_dict_post_hook", "register_load_state_dict_pre_hook",
    "register_module", "register_parameter", "register_state_dict_post_hook", "register_state_dict_pre_hook",
    "requires_grad_", "set_extra_state", "set_submodule", "share_memory", "state_dict", "stem", "to", "to_empty",
    "to_folder", "train", "training", "type", "xpu", "zero_grad", "add_submodule",
    "feature_info", "plan", "spec", "schedule",
})  # fmt: skip
"""Names that a stage cannot have: the compiled module's own attributes, and the other nodes of a backbone."""


def stage_name(spec: Spec, index: int) -> str:
    """The name of the stage at that 0-based index."""
    return spec.stages[index].name or f"stage{index + 1}"


def check_spec(spec: Spec, limits: Limits) -> Iterator[Diagnostic]:
    """Yield every cross-field mistake of a spec, each at its line."""
    yield from _stage_names(spec)
    total = sum(stage.depth for stage in spec.stages)
    if total > limits.layers_in_total:
        yield Diagnostic("SPX401", f"{total} layers are more than the limit of {limits.layers_in_total}", spec.where("stages", key=True))
    for index, stage in enumerate(spec.stages):
        yield from _placement(spec, index, stage)
        yield from _layer_numbers(spec, index, stage)
        yield from _options(spec, index, stage)
    yield from _ends(spec)


def _stage_names(spec: Spec) -> Iterator[Diagnostic]:
    seen: dict[str, int] = {}
    for index, stage in enumerate(spec.stages):
        name, where = stage_name(spec, index), spec.where("stages", index, "name")
        number = re.fullmatch(r"stage(\d+)", name)
        if name in RESERVED_NAMES or keyword.iskeyword(name):
            yield Diagnostic("SPX201", f"{name!r} cannot name a stage: the compiled module needs that name itself", where,
                             help=f"write for example {name + '_stage'!r}")
        elif stage.name and number and int(number[1]) != index + 1:
            yield Diagnostic("SPX202", f"stage {index + 1} is named {name!r}, the name of another position", where,
                             help="leave the name out, or write one that is not of the form stage<number>")
        elif name in seen:
            first = Related(spec.where("stages", seen[name], "name"), "the first of that name")
            yield Diagnostic("SPX203", f"two stages are named {name!r}", where, related=(first,))
        seen.setdefault(name, index)


def _placement(spec: Spec, index: int, stage: Stage) -> Iterator[Diagnostic]:
    def where(key: str) -> Path:
        return ("stages", index, key)

    title = f"stage {index + 1} has {stage.depth} layer{'s' if stage.depth > 1 else ''}"
    if stage.S is not None and stage.ganglion is not None:
        related = (Related(spec.where(*where("S"), key=True), "S stands here"),)
        yield Diagnostic("SPX204", f"stage {index + 1} places its ganglion layers twice, by S and by name",
                         spec.where(*where("ganglion"), key=True), help="keep one of the two", related=related)
    if stage.S is not None and stage.S > stage.depth:
        yield Diagnostic("SPX205", f"{title}, fewer than the stride S = {stage.S}", spec.where(*where("S")),
                         help=f"write S: {stage.depth} to make only the last layer a ganglion layer")
    if isinstance(stage.M, int) and stage.M > stage.depth:
        yield Diagnostic("SPX206", f"{title}, so a window of M = {stage.M} ganglion layers is never filled",
                         spec.where(*where("M")), help="write M: all for no window")
    if stage.S is None and stage.ganglion is None:
        for key, value in (("M", stage.M), ("cross_stage", stage.cross_stage), ("intra", stage.intra)):
            if value is not None and value != "none":
                yield Diagnostic("SPX207", f"{key} speaks of ganglion layers, and stage {index + 1} has none",
                                 spec.where(*where(key), key=True), help=f"give the stage a stride S, or leave {key} out")


def _layer_numbers(spec: Spec, index: int, stage: Stage) -> Iterator[Diagnostic]:
    have = f"stage {index + 1} has the layers 1 to {stage.depth}"
    last = 0
    for position, number in enumerate(stage.ganglion or ()):
        where = spec.where("stages", index, "ganglion", position)
        if number > stage.depth:
            yield Diagnostic("SPX208", f"there is no layer {number}: {have}", where)
        elif number <= last:
            yield Diagnostic("SPX209", f"ganglion layers are named in rising order, and {number} follows {last}", where,
                             help=f"write {sorted(set(stage.ganglion or ()))}")
        last = max(last, number)
    for number in stage.layers:
        if number > stage.depth:
            yield Diagnostic("SPX208", f"there is no layer {number}: {have}", spec.where("stages", index, "layers", number, key=True))


def _options(spec: Spec, index: int, stage: Stage) -> Iterator[Diagnostic]:
    seen: set[tuple[Path, str, str]] = set()
    for number, chosen in enumerate(choices(spec, index), start=1):
        if chosen.values.get("mixer") is None:
            yield Diagnostic("SPX220", f"no level gives layer {number} of stage {index + 1} a token mixer",
                             spec.where("stages", index), help="write layer: {mixer: {kind: …}} for the backbone or the stage")
            return
        for path, problem in _layer_problems(spec, index, number, stage, chosen):
            mark = (path, problem.field, problem.code)
            if mark not in seen:
                seen.add(mark)
                yield _diagnostic(spec, path, problem, f"in stage {index + 1}, of {stage.channels} channels")


def _layer_problems(spec: Spec, index: int, number: int, stage: Stage, chosen: Chosen) -> Iterator[tuple[Path, Problem]]:
    heard = stage.S is not None or stage.ganglion is not None or bool(spec.links.add)
    site = Site(stage.channels, stage.channels, number=number, reduction=2 ** (len(spec.stages) - 1 - index))
    for slot in ("mixer", "fusion", "ffn"):
        options = chosen.values.get(slot)
        if options is None or (slot == "fusion" and not heard):
            continue
        for problem in options.problems(site):  # pyright: ignore
            yield chosen.paths[slot], problem


def _ends(spec: Spec) -> Iterator[Diagnostic]:
    if spec.stages[0].downsample is not None:
        yield Diagnostic("SPX221", "stage 1 follows the stem, so there is nothing to downsample",
                         spec.where("stages", 0, "downsample", key=True), help="set the stem instead")
    first, last = spec.stages[0], spec.stages[-1]
    ends: list[tuple[Path, KindOptions, Site]] = [
        (("stem",), spec.stem, Site(spec.input.channels, first.channels)),
        (("head",), spec.head, Site(last.channels, last.channels)),
    ]
    for index in range(1, len(spec.stages)):
        before, stage = spec.stages[index - 1 : index + 1]
        path = ("downsample",) if stage.downsample is None else ("stages", index, "downsample")
        ends.append((path, stage.downsample or spec.downsample, Site(before.channels, stage.channels)))
    for path, options, site in ends:
        for problem in options.problems(site):
            yield _diagnostic(spec, path, problem, f"from {site.channels} to {site.out_channels} channels")


def _diagnostic(spec: Spec, path: Path, problem: Problem, note: str) -> Diagnostic:
    where = spec.where(*path, problem.field)
    return Diagnostic(problem.code, problem.message, where, notes=(note,), help=problem.help)
