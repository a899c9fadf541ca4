"""Loading a checkpoint into a model, and building the model that a checkpoint of ours describes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from sparx_dsl.errors import Code, Diagnostic, SourceText, SparxError, Where
from sparx_dsl.graph import connect
from sparx_dsl.language.spec import Spec, parse_spec
from sparx_dsl.lowering import Backbone, build_backbone, lower
from sparx_dsl.lowering.wrapped import backbone_within
from sparx_dsl.reader.limits import DEFAULT_LIMITS, Limits
from sparx_dsl.schedule import Features, Output, plan
from sparx_dsl.weights.compare import ComparedTensors, Comparison, compare, strict_errors
from sparx_dsl.weights.detect_format import detect_format
from sparx_dsl.weights.formats import named_format
from sparx_dsl.weights.limits import DEFAULT_CHECKPOINT_LIMITS, CheckpointLimits
from sparx_dsl.weights.read import PICKLE_EXTENSIONS, Checkpoint, Source, read_checkpoint
from sparx_dsl.weights.released_names import other_settings
from sparx_dsl.weights.report import LoadReport, shortened

SPEC_KEY, LANGUAGE_KEY, FEATURES_KEY = "spec", "sparx", "features"
"""The metadata of our files: the spec's YAML text, the version of its language, the maps that are given."""
LENIENT_CALL = "build the backbone from its spec, and load_checkpoint(model, path, strict=False)"
"""How a caller of ``load_model``, which is always strict, accepts less."""


def load_checkpoint(
    model: nn.Module,
    source: Source,
    *,
    format: str | None = None,
    strict: bool = True,
    section: str | None = None,
    prefix: str | None = None,
    limits: CheckpointLimits = DEFAULT_CHECKPOINT_LIMITS,
) -> LoadReport:
    """Load a file (.safetensors, or of ``torch.save``) or a state dict into a backbone of the same stages.

    ``format`` is ``sparx_dsl``, ``sparx_mamba``, ``vmamba`` or ``swin``; by default the names show it. ``section`` is
    the key under which a file of several keeps the weights. What wrappers and trainers put before all names is seen
    through; ``prefix`` names the part of a larger model to load, as ``backbone`` of a detector. With ``strict``, every
    tensor of the model gets exactly the file's values and every value of the file is used. Else missing and unused
    tensors are reported, a relative position bias is interpolated to the model's window, the first convolution is
    adapted to images of other channels, and a classifier of other classes is left as it was. The model may be within
    wrappers of PyTorch. Raises ``SparxError`` (SPX328, SPX501, SPX6xx); the model is then as it was before.
    """
    model = backbone_within(model, "loaded into")
    checkpoint = read_checkpoint(source, section, limits, prefix)
    where = checkpoint.where
    chosen = detect_format(checkpoint.tensors, where) if format is None else named_format(format, where)
    targets = model_tensors(model)
    tensors = ComparedTensors(targets, checkpoint.tensors, _whole(model, targets), model.schedule.graph)
    found = compare(tensors, chosen, where)
    errors = [*_without_storage(targets, where), *found.errors]
    if strict:
        errors += strict_errors(found, tensors, where)
    if errors:
        raise SparxError(errors)
    notes = (*checkpoint.notes, *found.notes, *_warnings(model, found, checkpoint))
    kept = {each.name for each in found.resized}
    copy_values(targets, found.values)
    matched = tuple(name for name in found.values if name not in kept)
    return LoadReport(
        chosen, matched, found.resized, found.missing, found.unused, found.computed, found.unbuilt, notes=notes
    )


def load_model(
    path: str | os.PathLike[str],
    *,
    device: torch.device | str | None = None,
    dtype: torch.dtype | str | None = None,
    features: Features | None = None,
    limits: Limits = DEFAULT_LIMITS,
    checkpoint_limits: CheckpointLimits = DEFAULT_CHECKPOINT_LIMITS,
) -> Backbone:
    """Build the backbone that a file of ``save_checkpoint`` describes, with its weights, in the dtype they have there.

    The file's tensors are held against the spec before anything of the spec's size is allocated. Raises
    ``SparxError`` (SPX501, SPX6xx, and all that a spec can do wrong).
    """
    if Path(path).name.endswith(PICKLE_EXTENSIONS):
        raise _without_spec(Where(source=SourceText(os.fspath(path), "")))
    checkpoint = read_checkpoint(Path(path), None, checkpoint_limits)
    graph = connect(written_spec(checkpoint, limits))
    chosen = _common_dtype(checkpoint.tensors) if dtype is None else dtype
    outputs = _written_features(checkpoint) if features is None else features
    sketch = build_backbone(graph, device="meta", dtype=chosen, features=outputs)
    targets = model_tensors(sketch)
    tensors = ComparedTensors(targets, checkpoint.tensors, _whole(sketch, targets), graph)
    found = compare(tensors, "sparx_dsl", checkpoint.where)
    errors = [*found.errors, *strict_errors(found, tensors, checkpoint.where, LENIENT_CALL)]
    if errors:
        raise SparxError(errors)
    model = build_backbone(graph, device=device, dtype=chosen, features=outputs)
    targets = model_tensors(model)
    errors = [*_without_storage(targets, checkpoint.where)]
    if errors:
        raise SparxError(errors)
    copy_values(targets, found.values)
    return model


def written_spec(checkpoint: Checkpoint, limits: Limits = DEFAULT_LIMITS) -> Spec:
    """The spec that a file of ours carries; raises ``SparxError`` (SPX642, or what the spec does wrong)."""
    text = checkpoint.metadata.get(SPEC_KEY)
    if text is None:
        raise _without_spec(checkpoint.where)
    source = checkpoint.where.source
    return parse_spec(text, name="<spec in the file>" if source is None else f"{source.name}[spec]", limits=limits)


def _without_spec(where: Where) -> SparxError:
    message = "the file carries no spec, so the backbone of its weights is unknown"
    advice = "build the backbone from its spec, and load_checkpoint(model, path)"
    return SparxError(Diagnostic(Code.CHECKPOINT_WITHOUT_SPEC, message, where, help=advice))


def model_tensors(model: nn.Module) -> dict[str, Tensor]:
    """What checkpoints hold of a model, in the model's shapes; writing into it writes into the model."""
    return dict(model.state_dict())


def _whole(model: Backbone, targets: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """The tensors, without values, of the backbone that a model for features was cut from."""
    if model.schedule.features is None:
        return targets
    return model_tensors(lower(plan(model.schedule.graph), device="meta"))


def _written_features(checkpoint: Checkpoint) -> tuple[Output, ...] | None:
    """The stages and other nodes whose maps the saved model gave; the plan refuses what the spec does not have."""
    text = checkpoint.metadata.get(FEATURES_KEY)
    if not text:
        return None
    return tuple(int(each) if each.isdecimal() and len(each) <= 4 else each for each in text.split(","))


def copy_values(targets: Mapping[str, Tensor], values: Mapping[str, Tensor]) -> None:
    """Write every value into the tensor of its name, which has the same shape."""
    with torch.no_grad():
        for name, value in values.items():
            targets[name].copy_(value)


def _common_dtype(tensors: Mapping[str, Tensor]) -> torch.dtype | None:
    """The one dtype of all floating point tensors; None where they differ."""
    found = {value.dtype for value in tensors.values() if value.is_floating_point()}
    return found.pop() if len(found) == 1 else None


def _without_storage(targets: Mapping[str, Tensor], where: Where) -> Iterator[Diagnostic]:
    if any(value.is_meta for value in targets.values()):
        message = "the model was built on the device meta, so it has no storage to load into"
        yield Diagnostic(Code.MODEL_ON_META, message, where, help='build it with device="cpu" or another real device')


def _warnings(model: Backbone, found: Comparison, checkpoint: Checkpoint) -> Iterator[str]:
    """Where the model computes otherwise than the model that the weights come from, though all shapes are the same."""
    if found.format != "sparx_dsl":
        yield from shortened([*other_settings(found.format, model.schedule.graph)])
    elif SPEC_KEY in checkpoint.metadata:
        yield from _other_settings(model.spec, checkpoint)


def _other_settings(spec: Spec, checkpoint: Checkpoint) -> Iterator[str]:
    try:
        theirs, ours = _flat(written_spec(checkpoint)), _flat(spec)
    except SparxError as error:
        codes = ", ".join(dict.fromkeys(each.code for each in error.diagnostics))
        yield f"the spec in the file cannot be read, so it was not compared: {codes}"
        return
    keys = [key for key in dict.fromkeys([*theirs, *ours]) if theirs.get(key) != ours.get(key)]
    if keys:
        yield f"the file was written for a spec that differs in {', '.join(shortened(keys))}"


def _flat(spec: Spec) -> dict[str, object]:
    """What a spec says, its defaults too, by 1-based key path; without what leaves the weights their meaning."""
    return dict(_leaves("", spec.model_dump(mode="json", by_alias=True, exclude={"name", "input", "drop_path"})))


def _leaves(path: str, value: Any) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        for key, inner in cast(dict[str, Any], value).items():
            yield from _leaves(f"{path}.{key}" if path else key, inner)
    elif isinstance(value, list):
        for number, inner in enumerate(cast(list[Any], value), start=1):
            yield from _leaves(f"{path}.{number}", inner)
    else:
        yield path, value
