"""Names of tensors without what wrappers of a model have put before and into them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from torch import Tensor

from sparx_dsl.errors import Code, Diagnostic, SparxError, Where, counted, did_you_mean, quoted
from sparx_dsl.nn.wrappers import INNER_WRAPPERS
from sparx_dsl.weights.report import shortened

PREFIXES: Final = ("module.", "_orig_mod.", "model.", "net.", "backbone.")
"""What is seen through, in any nesting, where every name begins with it: DDP, ``torch.compile``, and what trainers and
detectors call the model within."""
COUNTER: Final = "n_averaged"
"""What ``torch.optim.swa_utils.AveragedModel`` keeps beside the averaged weights."""


@dataclass(frozen=True, slots=True)
class BareTensors:
    """Tensors of any shape by their names within the backbone, and what a report should say of others."""

    tensors: Mapping[str, Tensor]
    notes: tuple[str, ...] = ()


def bare_tensors(tensors: Mapping[str, Tensor], prefix: str | None, where: Where) -> BareTensors:
    """The tensors, of any shape, by their names without wrappers; with a ``prefix`` only those that begin with it.

    The prefix is looked for among the names as they are, then within the wrappers that all of them share. Raises
    ``SparxError`` where no name has it (SPX615), and where two tensors come to have one name (SPX606).
    """
    notes: tuple[str, ...] = ()
    if prefix is not None:
        tensors, left_out = _beginning_with(tensors, f"{prefix.removesuffix('.')}.", where)
        if left_out:
            notes = (f"{counted(left_out, 'tensor')} outside of {quoted(prefix)} left out",)
    bare: dict[str, Tensor] = {}
    for name, value in _without_prefixes(tensors).items():
        inner = ".".join(part for part in name.split(".") if part not in INNER_WRAPPERS)
        if inner in bare:
            message = f"two tensors are called {quoted(inner)} without what wrappers add to their names"
            raise SparxError(Diagnostic(Code.DUPLICATE_NAME, message, where, help="name one of them with prefix=…"))
        bare[inner] = value
    return BareTensors(bare, notes)


def _without_prefixes(tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """The tensors without the prefixes that all names share, one after the other, and without their counters."""
    while True:
        named = {name: value for name, value in tensors.items() if name != COUNTER or value.ndim}
        shared = next((each for each in PREFIXES if named and all(name.startswith(each) for name in named)), None)
        if shared is None:
            return tensors
        tensors = {name.removeprefix(shared): value for name, value in named.items()}


def _beginning_with(tensors: Mapping[str, Tensor], prefix: str, where: Where) -> tuple[Mapping[str, Tensor], int]:
    """The tensors whose names begin with the prefix, without it, and how many others there are."""
    for named in (tensors, _without_prefixes(tensors)):
        found = {name.removeprefix(prefix): value for name, value in named.items() if name.startswith(prefix)}
        if found:
            return found, len(named) - len(found)
    there = first_parts(tensors)
    advice = did_you_mean(prefix, there) or f"they begin with {', '.join(map(quoted, shortened(there)))}"
    message = f"no name in the checkpoint begins with {quoted(prefix)}"
    raise SparxError(Diagnostic(Code.UNKNOWN_PREFIX, message, where, help=advice))


def first_parts(names: Iterable[str]) -> list[str]:
    """What the names begin with, to their first dots, each once."""
    return list(dict.fromkeys(f"{name.partition('.')[0]}." for name in names))
