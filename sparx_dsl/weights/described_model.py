"""Whether a model is the one that its spec describes, so that a file of its weights rebuilds what it computes.

A checkpoint holds a spec and tensors. Whatever else was done to a model would be lost in it: another module, a pruned
weight, another epsilon. So each is looked for, by comparing the model with one that is built from its spec, on the
device ``meta``. Hooks are not looked for: they belong to the process that has set them.
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final, cast

import torch
from torch import Tensor, nn

from sparx_dsl.errors import Code, Diagnostic, SparxError, Where
from sparx_dsl.inference.deploy import DeployedBackbone
from sparx_dsl.lowering import Backbone, lower
from sparx_dsl.lowering.build import TORCH_DTYPES
from sparx_dsl.lowering.memory import memory_of
from sparx_dsl.nn.init import WEIGHT_STD_ATTRIBUTE
from sparx_dsl.weights.read import is_plain
from sparx_dsl.weights.report import shape_text
from sparx_dsl.weights.tensor_lists import listed, notes_of

TRAINING_SETTINGS: Final = frozenset({"training", "p", "rate", "momentum", WEIGHT_STD_ATTRIBUTE})
"""Attributes that change nothing in evaluation: mode, rates of dropout, the momentum of BatchNorm, initial values."""
SAME_IN_EVALUATION: Final[Mapping[type[nn.Module], type[nn.Module]]] = {nn.SyncBatchNorm: nn.BatchNorm2d}
"""Modules that training puts in the place of others, and that compute the same as those in evaluation."""
COMPUTED: Final = ("_orig", "_mask", "weight_g", "weight_v", "weight_u")
"""How names of tensors end from which pruning, or a norm of weights, computes a weight in each call."""

EDIT: Final = (
    "make the change in the spec (spec.edit), build that, and load_checkpoint(new, model.state_dict()); "
    "what no spec can express, torch.save(model.state_dict(), path) keeps"
)
MAKE_PARAMETERS: Final = "make them parameters: torch.nn.utils.parametrize.remove_parametrizations, or prune.remove"


def described_tensors(model: nn.Module, where: Where) -> dict[str, Tensor]:
    """The tensors of a backbone, by name, on the CPU, contiguous, none in the memory of another.

    They have the shapes of the tensors that the spec describes. Raises ``SparxError`` where the backbone that the spec
    describes would compute something else with them, or nothing: SPX324 for an edited graph, SPX628 for infinities and
    NaN, SPX630 on the device ``meta``, SPX643 for all else.
    """
    backbone = _plain_backbone(model, where)
    tensors = _plain_tensors(backbone, where)
    if any(value.is_meta for value in tensors.values()):
        raise SparxError(
            Diagnostic(Code.MODEL_ON_META, "the model was built on the device meta, so it has no weights to write")
        )
    described = lower(backbone.schedule, device="meta", dtype=_only_dtype(tensors, where))
    other = list(_other_tensors(tensors, described.state_dict()))
    if other:
        computed = any(name.endswith(COMPUTED) or ".parametrizations." in name for name in tensors)
        message = "the model has other tensors than its spec describes"
        raise _undescribed(message, other, where, MAKE_PARAMETERS if computed else EDIT)
    other = list(_other_modules(backbone, described))
    if other:
        raise _undescribed("the model has other modules than its spec describes", other, where, EDIT)
    odd = [name for name, value in tensors.items() if not bool(torch.isfinite(value).all())]
    if odd:
        advice = "its outputs would be NaN; go back to weights from before"
        raise SparxError(listed(Code.NON_FINITE_WEIGHTS, "hold infinities or NaN", odd, where, advice))
    return _separate(tensors)


def _undescribed(message: str, lines: list[str], where: Where, help: str) -> SparxError:
    return SparxError(Diagnostic(Code.MODEL_DIFFERS_FROM_SPEC, message, where, notes=notes_of(lines), help=help))


def _plain_backbone(model: nn.Module, where: Where) -> Backbone:
    """The model, if it is a backbone as ``build`` makes them."""
    if isinstance(model, DeployedBackbone):
        message = "the model is deployed: its norms and residuals are folded into its weights"
        advice = "save the backbone that it was made from; build(path, deploy=True) deploys it"
        raise _undescribed(message, [], where, advice)
    if type(model) is not Backbone:
        message = f"the model is a {type(model).__name__}, not a backbone as build() makes them"
        advice = "load its state dict into what build() makes of its spec, and save that"
        raise _undescribed(message, [], where, advice)
    return model


def _plain_tensors(backbone: Backbone, where: Where) -> dict[str, Tensor]:
    state = cast(Mapping[str, object], backbone.state_dict())
    odd = [f"{name}: {type(value).__name__}" for name, value in state.items() if not is_plain(value)]
    if odd:
        advice = "gather the shards of distributed tensors, and take back what quantization or other tools have changed"
        raise _undescribed("the model has weights that are not plain dense tensors", odd, where, advice)
    return {name: value for name, value in state.items() if isinstance(value, Tensor)}


def _only_dtype(tensors: Mapping[str, Tensor], where: Where) -> torch.dtype:
    """The dtype of all floating point tensors: that in which ``build`` makes the backbone again."""
    found = {value.dtype: name for name, value in tensors.items() if value.is_floating_point()}
    if len(found) == 1 and set(found) <= set(TORCH_DTYPES.values()):
        return next(iter(found))
    lines = [f"{name}: {_plain_name(dtype)}" for dtype, name in found.items()]
    advice = f"make them one with model.to(…): {', '.join(TORCH_DTYPES)}"
    raise _undescribed("the model has weights in dtypes that backbones do not support", lines, where, advice)


def _other_tensors(tensors: Mapping[str, Tensor], described: Mapping[str, Tensor]) -> Iterator[str]:
    """A line for each tensor that only one of the two has, or that has another shape or dtype there."""
    for name, expected in described.items():
        value = tensors.get(name)
        if value is None:
            yield f"{name}: missing"
        elif value.shape != expected.shape:
            yield f"{name}: {shape_text(tuple(value.shape))} where the spec has {shape_text(tuple(expected.shape))}"
        elif value.dtype != expected.dtype:
            yield f"{name}: {_plain_name(value.dtype)} where the spec has {_plain_name(expected.dtype)}"
    yield from (f"{name}: not in the spec" for name in tensors if name not in described)


def _plain_name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _other_modules(backbone: Backbone, described: Backbone) -> Iterator[str]:
    """A line for each module that only one of the two has, that computes otherwise, or that is set otherwise."""
    modules, expected = _modules(backbone), _modules(described)
    yield from (f"{path}: missing" for path in expected if path not in modules)
    yield from (f"{path}: not in the spec" for path in modules if path not in expected)
    for path, module in modules.items():
        reference = expected.get(path)
        if reference is not None:
            yield from (f"{path or 'the model'}: {line}" for line in _differences(module, reference))


def _differences(module: nn.Module, reference: nn.Module) -> Iterator[str]:
    """A line for another class, for each plain attribute of another value, and for each attribute over a method."""
    kind = SAME_IN_EVALUATION.get(type(module), type(module))
    settings, expected = vars(module), vars(reference)
    # Each backbone has a class of its own, for its generated code; that and its schedule were compared before.
    if not isinstance(reference, Backbone):
        if kind is not type(reference) and _methods(kind) != _methods(type(reference)):
            yield f"{_class_name(kind)} where the spec has {_class_name(type(reference))}"
            return
        for name, value in expected.items():
            if _is_setting(name, value) and settings.get(name) != value:
                yield f"{name} is {settings.get(name)!r} where the spec has {value!r}"
    for name in settings.keys() - expected.keys():
        if callable(inspect.getattr_static(kind, name, None)):
            yield f"{name} is not the method of {_class_name(kind)}"


def _methods(kind: type[nn.Module]) -> dict[str, object]:
    """What a module of a class computes with; how its values are first drawn is not among it."""
    names = [name for name in dir(kind) if not name.startswith("__") and name != "reset_parameters"]
    found = {name: inspect.getattr_static(kind, name) for name in names}
    return {name: value for name, value in found.items() if callable(value) or isinstance(value, property)}


def _class_name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _modules(root: nn.Module) -> dict[str, nn.Module]:
    return dict(cast(Iterator[tuple[str, nn.Module]], root.named_modules(remove_duplicate=False)))


def _is_setting(name: str, value: object) -> bool:
    return not name.startswith("_") and name not in TRAINING_SETTINGS \
        and isinstance(value, bool | int | float | str | tuple | None)  # fmt: skip


def _separate(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors on the CPU, contiguous, each alone in its memory: neither tied to another nor a part of something."""
    moved = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    users = Counter(memory_of(value) for value in moved.values())
    for name, value in moved.items():
        if users[memory_of(value)] > 1 or value.untyped_storage().nbytes() > value.nbytes:
            moved[name] = value.clone()
    return moved
