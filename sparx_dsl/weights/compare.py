"""Comparing a checkpoint with a model, tensor by tensor, before anything is copied."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from sparx_dsl.errors import Code, Diagnostic, SparxError, Where
from sparx_dsl.graph import ConnectionGraph
from sparx_dsl.kinds.checkpoint import Shape
from sparx_dsl.weights.backbone_summary import BackboneSummary, stage_names, summarize
from sparx_dsl.weights.formats import Format
from sparx_dsl.weights.kind_modules import KindModules
from sparx_dsl.weights.released_buffers import computed_names, other_buffers
from sparx_dsl.weights.released_names import ReleasedTensor, released_tensors
from sparx_dsl.weights.report import Resized, shape_text
from sparx_dsl.weights.tensor_lists import listed, listed_missing, listed_unused

STRICT_OPTION = "pass strict=False"
"""How the caller of ``load_checkpoint`` accepts less; other functions name their own way."""


@dataclass(frozen=True)
class ComparedTensors:
    """The tensors, of any shape, that are compared with each other."""

    model: Mapping[str, Tensor]
    state: Mapping[str, Tensor]
    """The checkpoint's, by its own names."""
    whole: Mapping[str, Tensor]
    """Those of the whole backbone; more than the model's where it was built for features, without its last parts."""
    graph: ConnectionGraph


@dataclass(frozen=True)
class Comparison:
    """What each tensor of the model would be given, and all that is wrong with that; nothing is copied yet."""

    format: Format
    values: Mapping[str, Tensor]
    """The model's name → the file's values, in the model's shape and dtype."""
    resized: tuple[Resized, ...] = ()
    missing: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    computed: tuple[str, ...] = ()
    unbuilt: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    errors: tuple[Diagnostic, ...] = ()
    """What is wrong however lenient the caller is."""


@dataclass
class _Findings:
    """What is gathered while the tensors are gone through."""

    kinds: KindModules
    values: dict[str, Tensor] = field(default_factory=dict[str, Tensor])
    resized: list[Resized] = field(default_factory=list[Resized])
    missing: list[str] = field(default_factory=list[str])
    wrong_shape: list[str] = field(default_factory=list[str])
    wrong_dtype: list[str] = field(default_factory=list[str])
    rounded: list[str] = field(default_factory=list[str])


def compare(tensors: ComparedTensors, format: Format, where: Where) -> Comparison:
    """Compare a checkpoint in that format with a model; touches neither.

    Raises ``SparxError`` (SPX622) where the two have other depths or widths, so that a list of names would say little.
    """
    state = tensors.state
    expected = expected_tensors(tensors.whole, format, tensors.graph)
    _refuse_other_stages(expected, state, where)
    findings = _Findings(KindModules.of(tensors.graph))
    for name, target in tensors.model.items():
        theirs = expected[name]
        found = None if theirs is None else state.get(theirs.name)
        if theirs is None or found is None:
            findings.missing.append(name)
        else:
            _assign(findings, name, target, theirs, found)
    names = {theirs.name: name for name, theirs in expected.items() if theirs is not None}
    unbuilt = tuple(name for name in state if name in names and names[name] not in tensors.model)
    computed = computed_names(format, state)
    unused = tuple(name for name in state if name not in names and name not in computed)
    buffers = other_buffers(format, state, computed, where)
    errors = (*_misfits(findings, where), *_not_finite(findings, expected, where), *buffers)
    notes = (f"values of {len(findings.rounded)} tensors were rounded to a smaller dtype",) if findings.rounded else ()
    resized, missing = tuple(findings.resized), tuple(findings.missing)
    return Comparison(format, findings.values, resized, missing, unused, computed, unbuilt, notes, errors)


def expected_tensors(
    model: Mapping[str, Tensor], format: Format, graph: ConnectionGraph
) -> dict[str, ReleasedTensor | None]:
    """What each tensor of a backbone is called in that format, and its shape there; None where it has no name."""
    shapes: dict[str, Shape] = {name: tuple(value.shape) for name, value in model.items()}
    if format == "sparx_dsl":
        return {name: ReleasedTensor(name, shape) for name, shape in shapes.items()}
    return released_tensors(format, graph, shapes)


def strict_errors(
    found: Comparison, tensors: ComparedTensors, where: Where, option: str = STRICT_OPTION
) -> Iterator[Diagnostic]:
    """What a strict caller does not accept: anything missing, unused, or not exactly the file's values.

    ``option`` says how the caller could accept it.
    """
    expected = expected_tensors(tensors.whole, found.format, tensors.graph)
    ours, file = _summaries(expected, tensors.state)
    if ours.ganglion != file.ganglion and found.missing and found.unused:
        yield _another_backbone(ours, file, where)
        return
    if found.missing:
        theirs = {name: tensor.name for name, tensor in expected.items() if tensor is not None}
        yield listed_missing(found.missing, theirs, found.unused, where, f"{option} to leave them as they are")
    if found.unused:
        names = [tensor.name for tensor in expected.values() if tensor is not None]
        absent = [name for name in names if name not in tensors.state]
        yield listed_unused(found.unused, absent, where, f"{option} to leave them out")
    if found.resized:
        lines = [str(each) for each in found.resized]
        advice = f"{option} to accept what the notes say"
        yield listed(Code.INEXACT_CONVERSION, "would not hold exactly the file's values", lines, where, advice)


def _summaries(
    expected: Mapping[str, ReleasedTensor | None], state: Mapping[str, Tensor]
) -> tuple[BackboneSummary, BackboneSummary]:
    """The model as its names in the file's format show it, and what the file's own names show."""
    order = stage_names(expected)
    ours = summarize({theirs.name: theirs.shape for theirs in expected.values() if theirs is not None}, order)
    return ours, summarize({name: tuple(value.shape) for name, value in state.items()}, order)


def _refuse_other_stages(
    expected: Mapping[str, ReleasedTensor | None], state: Mapping[str, Tensor], where: Where
) -> None:
    ours, file = _summaries(expected, state)
    if (ours.depths, ours.channels) != (file.depths, file.channels) and file.depths and ours.depths:
        raise SparxError(_another_backbone(ours, file, where))


def _another_backbone(ours: BackboneSummary, file: BackboneSummary, where: Where) -> Diagnostic:
    advice = "build the backbone that the file belongs to and load it there; transfer(…) brings its weights elsewhere"
    notes = (f"the file has {file}", f"the model has {ours}")
    return Diagnostic(
        Code.CHECKPOINT_OF_ANOTHER_BACKBONE, "the checkpoint is of another backbone", where, notes=notes, help=advice
    )


def _assign(findings: _Findings, name: str, target: Tensor, theirs: ReleasedTensor, found: Tensor) -> None:
    """Put one tensor of the file where it belongs: among the values, or among what is wrong."""
    shape = tuple(found.shape)
    if found.is_floating_point() != target.is_floating_point():
        findings.wrong_dtype.append(f"{name}: {found.dtype}, expected {target.dtype}".replace("torch.", ""))
    elif _without_unit_dims(shape) == _without_unit_dims(theirs.shape):
        _keep(findings, name, target, found.reshape(target.shape))
    elif (resized := findings.kinds.resized(name, found, target)) is not None:
        value, how = resized
        findings.resized.append(Resized(name, shape, tuple(target.shape), how))
        _keep(findings, name, target, value)
    elif findings.kinds.counts_classes(name) and shape[1:] == theirs.shape[1:]:
        findings.resized.append(Resized(name, shape, tuple(target.shape), "left unchanged: it has other classes"))
    else:
        findings.wrong_shape.append(f"{theirs.name}: {shape_text(shape)}, expected {shape_text(theirs.shape)}")


def _without_unit_dims(shape: Shape) -> Shape:
    """A linear layer and a 1×1 convolution hold the same values in the same order: dimensions of 1 do not count."""
    return tuple(length for length in shape if length != 1)


def _keep(findings: _Findings, name: str, target: Tensor, value: Tensor) -> None:
    if target.is_floating_point() and torch.finfo(value.dtype).bits > torch.finfo(target.dtype).bits:
        findings.rounded.append(name)
    findings.values[name] = value.to(target.dtype)


def _misfits(findings: _Findings, where: Where) -> Iterator[Diagnostic]:
    if findings.wrong_shape:
        yield listed(Code.SHAPE_MISMATCH, "of the file have other shapes than the model's", findings.wrong_shape, where)
    if findings.wrong_dtype:
        yield listed(Code.DTYPE_MISMATCH, "of the file have a dtype of another kind", findings.wrong_dtype, where)


def _not_finite(
    findings: _Findings, expected: Mapping[str, ReleasedTensor | None], where: Where
) -> Iterator[Diagnostic]:
    odd = [name for name, value in findings.values.items() if not bool(torch.isfinite(value).all())]
    if odd:
        names = [theirs.name for name in odd if (theirs := expected[name]) is not None]
        advice = "build the model in a wider dtype" if findings.rounded else "its outputs would be NaN"
        yield listed(Code.NON_FINITE_WEIGHTS, "hold infinities or NaN", names, where, advice)
