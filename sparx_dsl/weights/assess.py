"""Holding a checkpoint against a model, tensor by tensor, before anything is copied."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from sparx_dsl.errors import Diagnostic, SparxError, Where
from sparx_dsl.weights.mistakes import listed, listed_missing, listed_unused
from sparx_dsl.weights.names import Format, ReleasedTensor, Shape, released_tensors, stage_names
from sparx_dsl.weights.recognise import Outline, outline
from sparx_dsl.weights.report import Resized, shape_text
from sparx_dsl.weights.swin import INDEX, is_computed, relative_position_index, resized_bias, window_of

BIAS, CLASSIFIER = "mixer.position_bias", "head.linear"


@dataclass(frozen=True)
class Sides:
    """The tensors that are held against each other."""

    model: Mapping[str, Tensor]
    state: Mapping[str, Tensor]
    """The checkpoint's, by its own names."""
    whole: Mapping[str, Tensor]
    """Those of the whole backbone; more than the model's where it was built for features, without its last parts."""


@dataclass(frozen=True)
class Fit:
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
    mistakes: tuple[Diagnostic, ...] = ()
    """What is wrong however lenient the caller is."""


@dataclass
class _Findings:
    """What is gathered while the tensors are gone through."""

    values: dict[str, Tensor] = field(default_factory=dict[str, Tensor])
    resized: list[Resized] = field(default_factory=list[Resized])
    missing: list[str] = field(default_factory=list[str])
    misshapen: list[str] = field(default_factory=list[str])
    mistyped: list[str] = field(default_factory=list[str])
    rounded: list[str] = field(default_factory=list[str])


def assess(sides: Sides, format: Format, where: Where) -> Fit:
    """Hold a checkpoint in that format against a model; touches neither.

    Raises ``SparxError`` (SPX622) where the two have other depths or widths, so that a list of names would say little.
    """
    state = sides.state
    expected = expected_tensors(sides.whole, format)
    _refuse_other_stages(expected, state, where)
    findings = _Findings()
    for name, target in sides.model.items():
        theirs = expected[name]
        found = None if theirs is None else state.get(theirs.name)
        if theirs is None or found is None:
            findings.missing.append(name)
        else:
            _place(findings, name, target, theirs, found)
    names = {theirs.name: name for name, theirs in expected.items() if theirs is not None}
    unbuilt = tuple(name for name in state if name in names and names[name] not in sides.model)
    computed = tuple(name for name in state if format == "swin" and is_computed(name))
    unused = tuple(name for name in state if name not in names and name not in computed)
    mistakes = (*_broken(findings, where), *_not_finite(findings, expected, where), *_buffers(state, computed, where))
    notes = (f"values of {len(findings.rounded)} tensors were rounded to a smaller dtype",) if findings.rounded else ()
    resized, missing = tuple(findings.resized), tuple(findings.missing)
    return Fit(format, findings.values, resized, missing, unused, computed, unbuilt, notes, mistakes)


def expected_tensors(model: Mapping[str, Tensor], format: Format) -> dict[str, ReleasedTensor | None]:
    """What each tensor of a model is called in that format, and its shape there; None where it has no name."""
    shapes: dict[str, Shape] = {name: tuple(value.shape) for name, value in model.items()}
    if format == "sparx_dsl":
        return {name: ReleasedTensor(name, shape) for name, shape in shapes.items()}
    return released_tensors(format, shapes)


def strict_mistakes(fit: Fit, sides: Sides, where: Where) -> Iterator[Diagnostic]:
    """What a strict caller does not accept: anything missing, unused, or not exactly the file's values."""
    expected = expected_tensors(sides.whole, fit.format)
    ours, file = _outlines(expected, sides.state)
    if ours.ganglion != file.ganglion and fit.missing and fit.unused:
        yield _another_backbone(ours, file, where)
        return
    if fit.missing:
        theirs = {name: found.name for name, found in expected.items() if found is not None}
        yield listed_missing(fit.missing, theirs, fit.unused, where)
    if fit.unused:
        names = [found.name for found in expected.values() if found is not None]
        yield listed_unused(fit.unused, [name for name in names if name not in sides.state], where)
    if fit.resized:
        advice = "pass strict=False to accept what the notes say"
        lines = [str(each) for each in fit.resized]
        yield listed("SPX626", "would not hold exactly the file's values", lines, where, advice)


def _outlines(expected: Mapping[str, ReleasedTensor | None], state: Mapping[str, Tensor]) -> tuple[Outline, Outline]:
    """The model as its names in the file's format show it, and what the file's own names show."""
    order = stage_names(expected)
    ours = outline({theirs.name: theirs.shape for theirs in expected.values() if theirs is not None}, order)
    return ours, outline({name: tuple(value.shape) for name, value in state.items()}, order)


def _refuse_other_stages(
    expected: Mapping[str, ReleasedTensor | None], state: Mapping[str, Tensor], where: Where
) -> None:
    ours, file = _outlines(expected, state)
    if (ours.depths, ours.channels) != (file.depths, file.channels) and file.depths and ours.depths:
        raise SparxError(_another_backbone(ours, file, where))


def _another_backbone(ours: Outline, file: Outline, where: Where) -> Diagnostic:
    advice = "build the backbone that the file belongs to and load it there; transfer(…) brings its weights elsewhere"
    notes = (f"the file has {file}", f"the model has {ours}")
    return Diagnostic("SPX622", "the checkpoint is of another backbone", where, notes=notes, help=advice)


def _place(findings: _Findings, name: str, target: Tensor, theirs: ReleasedTensor, found: Tensor) -> None:
    """Put one tensor of the file where it belongs: among the values, or among what is wrong."""
    shape = tuple(found.shape)
    if found.is_floating_point() != target.is_floating_point():
        findings.mistyped.append(f"{name}: {found.dtype} where {target.dtype} belongs".replace("torch.", ""))
    elif _sides(shape) == _sides(theirs.shape):
        _keep(findings, name, target, found.reshape(target.shape))
    elif name.endswith(BIAS) and len(shape) == 2 and shape[1] == target.shape[1] and window_of(shape[0]):
        findings.resized.append(Resized(name, shape, tuple(target.shape), "by bicubic interpolation"))
        _keep(findings, name, target, resized_bias(found, target.shape[0]))
    elif name.startswith(f"{CLASSIFIER}.") and shape[1:] == theirs.shape[1:]:
        findings.resized.append(Resized(name, shape, tuple(target.shape), "left as it was: the classes are others"))
    else:
        findings.misshapen.append(f"{theirs.name}: {shape_text(shape)} where {shape_text(theirs.shape)} belongs")


def _sides(shape: Shape) -> Shape:
    """A shape without sides of 1: a linear layer and a 1×1 convolution hold the same values in the same order."""
    return tuple(side for side in shape if side != 1)


def _keep(findings: _Findings, name: str, target: Tensor, value: Tensor) -> None:
    if target.is_floating_point() and torch.finfo(value.dtype).bits > torch.finfo(target.dtype).bits:
        findings.rounded.append(name)
    findings.values[name] = value.to(target.dtype)


def _broken(findings: _Findings, where: Where) -> Iterator[Diagnostic]:
    if findings.misshapen:
        yield listed("SPX625", "of the file have other shapes than the model's", findings.misshapen, where)
    if findings.mistyped:
        yield listed("SPX627", "of the file have a dtype of the wrong sort", findings.mistyped, where)


def _not_finite(
    findings: _Findings, expected: Mapping[str, ReleasedTensor | None], where: Where
) -> Iterator[Diagnostic]:
    odd = [name for name, value in findings.values.items() if not bool(torch.isfinite(value).all())]
    if odd:
        names = [theirs.name for name in odd if (theirs := expected[name]) is not None]
        advice = "build the model in a wider dtype" if findings.rounded else "such a model answers nothing but NaN"
        yield listed("SPX628", "hold infinities or NaN", names, where, advice)


def _buffers(state: Mapping[str, Tensor], computed: tuple[str, ...], where: Where) -> Iterator[Diagnostic]:
    """Position indices that are not what this project computes: the biases would be read in another order."""
    odd: list[str] = []
    for name in computed:
        if name.endswith(INDEX):
            side = state[name].shape[0] if state[name].dim() else 0
            window = round(side**0.5)
            expected = relative_position_index(window) if window * window == side and window <= 256 else None
            if expected is None or not torch.equal(state[name].cpu().long(), expected):
                odd.append(name)
    if odd:
        yield listed("SPX629", "are not in the order of Swin's windows", odd, where, "is this a checkpoint of Swin V2?")
