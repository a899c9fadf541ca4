"""Models within the wrappers of PyTorch: what each is called, and the backbone inside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, cast

from torch import nn

from sparx_dsl.errors import Code, Diagnostic, SparxError
from sparx_dsl.lowering.backbone import Backbone

WRAPPERS: Final[Mapping[str, str]] = {
    "DistributedDataParallel": "module",
    "DataParallel": "module",
    "OptimizedModule": "_orig_mod",
    "AveragedModel": "module",
    "CheckpointWrapper": "_checkpoint_wrapped_module",
}
"""The wrappers of PyTorch in which a model computes as it does without, and what each calls the model within."""
SHARDED: Final = ("FullyShardedDataParallel", "FSDPModule")
"""What modules are whose parameters are in parts on several processes: FSDP, and FSDP2, which adds a base class."""
FLAT_PARAMETER: Final = "_flat_param"
"""In what FSDP puts all parameters of a module one behind the other, unless ``use_orig_params`` keeps them."""


def unwrapped(model: nn.Module, wanted: str) -> nn.Module:
    """The model within wrappers of PyTorch, itself where there are none; ``wanted`` completes "cannot be …".

    It is the same object, so that what is done to it is done to the wrapped model. Raises ``SparxError`` (SPX328) for a
    sharded model: its weights are not whole here.
    """
    for path, module in _modules(model):
        if (kind := _sharding(module)) is not None:
            where = f"its module {path} is" if path else "it is"
            message = f"a sharded model cannot be {wanted}: {where} a {kind}, of whose weights only parts are here"
            help = "do it before sharding, or with a whole state: torch.distributed.checkpoint.state_dict"
            raise SparxError(Diagnostic(Code.NOT_A_BACKBONE, message, help=help))
    while (inner := _inner(model)) is not None:
        model = inner
    return model


def backbone_within(model: nn.Module, wanted: str) -> Backbone:
    """The backbone that a model is, perhaps within wrappers of PyTorch; as ``unwrapped`` has it.

    Raises ``SparxError`` (SPX328) for a model that is no backbone, with the path of the one inside, if there is one.
    """
    found = unwrapped(model, wanted)
    if isinstance(found, Backbone):
        return found
    message = f"the model is a {type(found).__name__}, not a backbone made by build(), so it cannot be {wanted}"
    raise _not_a_backbone(message, model)


def refuse_wrapped(model: nn.Module, wanted: str) -> Backbone:
    """The backbone that a model is; raises ``SparxError`` (SPX328) for one within a wrapper, which would be lost."""
    if isinstance(model, Backbone):
        unwrapped(model, wanted)
        return model
    backbone_within(model, wanted)
    message = f"a backbone within a {type(model).__name__} cannot be {wanted}: its result would be without that"
    raise _not_a_backbone(message, model)


def refuse_flat_parameters(model: nn.Module) -> None:
    """Raise ``SparxError`` (SPX328) where FSDP has made one parameter of many, which no longer have names."""
    flat = [name for name, _ in model.named_parameters() if name.rpartition(".")[2] == FLAT_PARAMETER]
    if flat:
        message = f"{flat[0]} holds many parameters in one, so their groups are unknown"
        help = "make the groups before FSDP flattens parameters, or give it use_orig_params=True"
        raise SparxError(Diagnostic(Code.NOT_A_BACKBONE, message, help=help))


def _inner(module: nn.Module) -> nn.Module | None:
    """What is within a wrapper of PyTorch; None where the module is no such wrapper."""
    name = WRAPPERS.get(type(module).__name__)
    return vars(module)["_modules"].get(name) if name is not None and _is_torch(type(module)) else None


def _sharding(module: nn.Module) -> str | None:
    """By which class of PyTorch a module is sharded; None where it is not."""
    return next((each.__name__ for each in type(module).__mro__ if each.__name__ in SHARDED and _is_torch(each)), None)


def _modules(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    return cast("Iterator[tuple[str, nn.Module]]", model.named_modules())


def _is_torch(kind: type) -> bool:
    return kind.__module__.partition(".")[0] == "torch"


def _not_a_backbone(message: str, model: nn.Module) -> SparxError:
    inside = [path for path, module in _modules(model) if isinstance(module, Backbone)]
    help = f"pass the backbone itself: model.{inside[0]}" if inside else "pass what build() has returned"
    return SparxError(Diagnostic(Code.NOT_A_BACKBONE, message, help=help))
