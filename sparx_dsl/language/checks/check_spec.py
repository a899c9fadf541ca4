"""The rules that tie several keys of a spec together; what concerns connections as such is checked by the graph."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator, Mapping, Sequence

from sparx_dsl.errors import Code, Diagnostic, Related, Where, plural, quoted
from sparx_dsl.language.checks.check_kinds import check_kinds
from sparx_dsl.language.checks.check_options import check_options
from sparx_dsl.language.models import SpecModel, Stage
from sparx_dsl.language.resolve import Chosen, stage_name
from sparx_dsl.reader.limits import Limits

RESERVED_NAMES = frozenset({
    "add_module", "apply", "bfloat16", "buffers", "call_super_init", "children", "code", "compile", "cpu", "cuda",
    "delete_all_unused_submodules", "delete_submodule", "double", "dump_patches", "eval", "extra_repr", "float",
    "forward", "get_buffer", "get_extra_state", "get_parameter", "get_submodule", "graph", "half", "head", "images",
    "input", "ipu", "load_state_dict", "meta", "modules", "mtia", "named_buffers", "named_children", "named_modules",
    "named_parameters", "parameters", "print_readable", "recompile", "register_backward_hook", "register_buffer",
    "register_forward_hook", "register_forward_pre_hook", "register_full_backward_hook",
    "register_full_backward_pre_hook", "register_load_state_dict_post_hook", "register_load_state_dict_pre_hook",
    "register_module", "register_parameter", "register_state_dict_post_hook", "register_state_dict_pre_hook",
    "requires_grad_", "set_extra_state", "set_submodule", "shape_env", "share_memory", "state_dict", "stem", "to",
    "to_empty", "to_folder", "train", "training", "type", "xpu", "zero_grad", "add_submodule",
    "feature_info", "group_matcher", "no_weight_decay", "plan", "recomputed", "schedule", "set_drop_path",
    "shard_units", "smart_apply", "spec", "stage_maps",
})  # fmt: skip
"""Names that a stage cannot have: the compiled module's own attributes, and the other nodes of a backbone."""


def check_spec(spec: SpecModel, limits: Limits, chosen: Mapping[int, Sequence[Chosen]]) -> Iterator[Diagnostic]:
    """Yield every cross-field error of a spec, each at its place.

    ``chosen`` has what was chosen for the layers of each stage that is to be checked, by its 0-based index; the others
    were checked before.
    """
    yield from _stage_names(spec)
    total = sum(stage.depth for stage in spec.stages)
    if total > limits.layers_in_total:
        message = f"{total} layers are more than the limit of {limits.layers_in_total}"
        advice = "give the stages fewer layers, or raise Limits(layers_in_total=…) in the call"
        yield Diagnostic(Code.TOO_MANY_LAYERS, message, spec.where("stages", key=True), help=advice)
    for index in chosen:
        yield from check_stage(spec, index)
    if spec.stages[0].downsample is not None:
        message = "stage 1 follows the stem, so it has no downsampling"
        where = spec.where("stages", 0, "downsample", key=True)
        yield Diagnostic(Code.DOWNSAMPLE_IN_FIRST_STAGE, message, where, help="remove downsample, and set the stem")
    failing = list(check_options(spec, chosen))
    yield from failing or check_kinds(spec, chosen)


def check_stage(spec: SpecModel, index: int) -> Iterator[Diagnostic]:
    """Yield the errors within the stage at a 0-based index: of its ganglion layers and of the layers it names."""
    stage = spec.stages[index]
    yield from _placement(spec, index, stage)
    yield from _ganglion_list(spec, index, stage)
    yield from _overrides(spec, index, stage)


def _stage_names(spec: SpecModel) -> Iterator[Diagnostic]:
    """Names that are taken, or that mislead."""
    seen: dict[str, int] = {}
    for index, stage in enumerate(spec.stages):
        name, path = stage_name(spec, index), ("stages", index, "name")
        if stage.name is None:
            seen[name] = index
            continue
        number = re.fullmatch(r"stage(\d+)", name)
        if name in RESERVED_NAMES or keyword.iskeyword(name):
            message = f"{quoted(name)} is reserved: Python or the compiled module uses that name"
            yield Diagnostic(Code.RESERVED_NAME, message, spec.where(*path), help=f"write for example {name}_stage")
        elif number and name != f"stage{index + 1}":
            message = f"stage {index + 1} is named {quoted(name)}, the name of another position"
            advice = "leave the name out, or write one that is not stage and a number"
            yield Diagnostic(Code.NAME_OF_ANOTHER_POSITION, message, spec.where(*path), help=advice)
        elif name in seen:
            first = Related(spec.where("stages", seen[name], "name"), "the first of that name")
            message = f"two stages are named {quoted(name)}"
            advice = "give each a name of its own"
            yield Diagnostic(Code.DUPLICATE_STAGE_NAME, message, spec.where(*path), help=advice, related=(first,))
        seen.setdefault(name, index)


def _placement(spec: SpecModel, index: int, stage: Stage) -> Iterator[Diagnostic]:
    """How a stage places its ganglion layers, and the keys that refer to them."""

    def where(name: str, *, key: bool = False) -> Where:
        return spec.where("stages", index, name, key=key)

    if stage.S is not None and stage.ganglion is not None:
        message = f"stage {index + 1} places its ganglion layers twice, by S and by a list"
        related = (Related(where("S", key=True), "S is set here"),)
        place, advice = where("ganglion", key=True), "keep either S or ganglion"
        yield Diagnostic(Code.GANGLION_LAYERS_PLACED_TWICE, message, place, help=advice, related=related)
    if stage.S is not None and stage.depth < stage.S:
        message = f"{_title(index, stage)}, fewer than the stride S = {stage.S}"
        advice = f"write S: {stage.depth} to make only the last layer a ganglion layer"
        yield Diagnostic(Code.STRIDE_EXCEEDS_DEPTH, message, where("S"), help=advice)
    if isinstance(stage.M, int) and stage.depth < stage.M:
        message = f"{_title(index, stage)}, so a window of M = {stage.M} ganglion layers is never filled"
        yield Diagnostic(Code.WINDOW_EXCEEDS_DEPTH, message, where("M"), help="write M: all for no window")
    if stage.S is None and stage.ganglion is None:
        for name, value in (("M", stage.M), ("cross_stage", stage.cross_stage), ("intra", stage.intra)):
            if value is not None and value != "none":
                message = f"{name} has no effect: stage {index + 1} has no ganglion layers"
                advice = f"give the stage a stride, such as S: {min(2, stage.depth)}, or leave {name} out"
                yield Diagnostic(Code.NO_GANGLION_LAYERS, message, where(name, key=True), help=advice)


def _title(index: int, stage: Stage) -> str:
    return f"stage {index + 1} has {stage.depth} {plural(stage.depth, 'layer')}"


def _ganglion_list(spec: SpecModel, index: int, stage: Stage) -> Iterator[Diagnostic]:
    """Ganglion layers that do not exist, and the first that is out of order or named twice."""
    last, ordered = 0, True
    for position, number in enumerate(stage.ganglion or ()):
        path = ("stages", index, "ganglion", position)
        if number > stage.depth:
            yield _no_such_layer(index, stage, number, spec.where(*path))
        elif number <= last and ordered:
            ordered = False
            right = [n for n in sorted(set(stage.ganglion or ())) if n <= stage.depth]
            place = "is listed twice" if number == last else f"follows layer {last}"
            message = f"ganglion must list layers in rising order, but layer {number} {place}"
            yield Diagnostic(Code.GANGLION_LIST_NOT_RISING, message, spec.where(*path), help=f"write {right}")
        last = number if number <= stage.depth else last


def _overrides(spec: SpecModel, index: int, stage: Stage) -> Iterator[Diagnostic]:
    """Settings of layers that do not exist."""
    for number in stage.layers:
        if number > stage.depth:
            yield _no_such_layer(index, stage, number, spec.where("stages", index, "layers", number, key=True))


def _no_such_layer(index: int, stage: Stage, number: int, where: Where) -> Diagnostic:
    """The error of a layer number beyond the stage's depth."""
    have = "only layer 1" if stage.depth == 1 else f"the layers 1 to {stage.depth}"
    message = f"layer {number} is out of range: stage {index + 1} has {have}"
    advice = f"name one of its layers, or write depth: {number}"
    return Diagnostic(Code.LAYER_EXCEEDS_DEPTH, message, where, help=advice)
