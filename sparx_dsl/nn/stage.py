"""Layers and stages: modules that are called with feature maps and run their parts in the order of the schedule."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.modules import module as all_modules

from sparx_dsl.nn.feature_maps import FeatureMaps, Map, gathered, taken
from sparx_dsl.nn.recompute import read_again, recomputed_part, regathered_part

Running = TypeVar("Running", bound="Composite")


class Composite(nn.Module):
    """A module that runs parts; backward computes the inner tensors of some of them again instead of keeping them."""

    def __init__(self, children: Mapping[str, nn.Module]) -> None:
        super().__init__()
        self.recomputed: frozenset[str] = frozenset()
        """The paths of the parts that are recomputed, and ``gather`` in a layer whose features are gathered again."""
        for name, child in children.items():
            self.add_module(name, child)

    def _part(self, path: str) -> Callable[..., Any]:
        """The module at that path within this one, as it is to be called."""
        # get_submodule takes longer than calling the part does.
        part = self._modules.get(path)
        if part is None:
            part = self.get_submodule(path)
        return partial(recomputed_part, part) if path in self.recomputed else part


def recomputing(module: Running, paths: frozenset[str]) -> Running:
    """The same module, of the same parts, parameters and hooks, that recomputes the parts at those paths alone."""
    copied = copy.copy(module)
    vars(copied)["_modules"] = dict(vars(module)["_modules"])
    copied.recomputed = paths
    # By its table: named_children leaves out what has two names.
    for name, child in dict(vars(module)["_modules"]).items():
        if isinstance(child, Composite):
            prefix = f"{name}."
            inner = frozenset(path.removeprefix(prefix) for path in paths if path.startswith(prefix))
            copied.register_module(name, recomputing(child, inner))
    return copied


class Layer(Composite):
    """x ← DPE(x), then x ← x + mixer(x), then x ← x + FFN(x); a ganglion layer's mixer is fed by its fusion.

    The last layer of a stage may end with a norm.

    Called as ``layer(x, *features)`` with maps (batch, channels, height, width), it gives a map of x's shape. A normal
    layer reads no features; those of a ganglion layer are named by ``reads``, in their order.
    """

    def __init__(self, children: Mapping[str, nn.Module], reads: tuple[str, ...]) -> None:
        super().__init__(children)
        self.reads = reads

    def forward(self, x: Map, *features: Map) -> Tensor:
        """Run the parts; raises ``TypeError`` for another number of features than the layer reads."""
        check_features("layer", self.reads, features)
        again = "gather" in self.recomputed and torch.is_grad_enabled()
        # First of all, since features that are freed here then are not held beside the position encoding's result.
        read = None if again or not features else gathered(features)
        held = read_again([taken(feature) for feature in features]) if again else ()
        y = self._part("dpe")(taken(x)) if "dpe" in self._modules else taken(x)
        if not features:
            y = self._part("mixer")(y)
        else:
            if read is None:
                fused = regathered_part(self.get_submodule("fusion"), y, held)
            else:
                fused = self._part("fusion")(y, read)
            del read
            y = self._part("mixer")(y, fused)
            del fused
        if "ffn" in self._modules:
            y = self._part("ffn")(y)
        return self._part("norm")(y) if "norm" in self._modules else y

    def extra_repr(self) -> str:
        """What ``repr`` says of it."""
        return f"reads {', '.join(self.reads)}" if self.reads else ""


@dataclass(frozen=True, slots=True)
class LayerCall:
    """How a stage calls one of its layers."""

    layer: str
    reads: tuple[str, ...]
    """The buffers that it is called with, x first."""
    frees: frozenset[str]
    """Those that nothing after it reads: they are freed in the call."""
    output: str
    adapters: int
    """How many added links to later stages start at its result."""


class Stage(Composite):
    """The downsampling, if there is one, then the layers, each called with the features that it reads.

    Called as ``stage(x)`` with the map (batch, channels, height, width) of the stage before, it gives its last layer's.
    Where added links lead from earlier stages to it, it is called as ``stage(x, *links)`` with their maps, adapted
    where they do not fit, which ``links`` names in order. It gives a tuple where more is asked for: its map, then those
    that ``layers`` names of earlier layers (``layer2``) or of its input (``downsample``), then what each of the
    ``adapters``, of the added links that start in it, makes of the map at which its link starts.
    """

    def __init__(
        self,
        children: Mapping[str, nn.Module],
        entry: str,
        links: tuple[str, ...],
        calls: tuple[LayerCall, ...],
        entry_adapters: int,
    ) -> None:
        super().__init__(children)
        self.entry = entry
        self.links = links
        self.calls = calls
        self.entry_adapters = entry_adapters

    def forward(
        self,
        x: Map,
        *links: Map,
        layers: Sequence[str] = (),
        adapters: Sequence[Callable[[Tensor], Tensor]] = (),
    ) -> Tensor | tuple[Tensor, ...]:
        """Run the layers; raises ``TypeError`` for another number of links than lead to the stage, and other layers."""
        check_features("stage", self.links, links)
        if unknown := set(layers) - {"downsample", *(call.layer for call in self.calls)}:
            raise TypeError(f"this stage has no {', '.join(sorted(unknown))}")
        held = FeatureMaps((name, taken(link)) for name, link in zip(self.links, links, strict=True))
        held[self.entry] = self._part("downsample")(taken(x)) if "downsample" in self._modules else taken(x)
        kept: dict[str, Tensor] = {}
        if "downsample" in layers:
            kept["downsample"] = held[self.entry]
        waiting = iter(adapters)
        # Adapted at once: later stages have smaller maps, so that is cheaper to hold.
        adapted = run_all(islice(waiting, self.entry_adapters), held[self.entry])
        result = self.entry
        for call in self.calls:
            result = call.output
            layer = self._part(call.layer)
            held[result] = layer(*held.arguments(call.reads, call.frees, donates=takes_donations(layer)))
            adapted += run_all(islice(waiting, call.adapters), held[result])
            if call.layer in layers:
                kept[call.layer] = held[result]
        more = (*(kept[name] for name in layers), *adapted)
        return (held[result], *more) if more else held[result]


def takes_donations(module: object) -> bool:
    """Whether a module is a layer or a stage as it was built, with nothing that would see what it is called with."""
    if type(module) not in (Layer, Stage):
        return False
    state = vars(module)
    return not (state["_forward_pre_hooks"] or state["_forward_hooks"] or "forward" in state or has_global_hooks())


def has_global_hooks() -> bool:
    """Whether hooks are registered on all modules."""
    state = vars(all_modules)
    return bool(state["_global_forward_pre_hooks"] or state["_global_forward_hooks"])


def run_all(adapters: Iterator[Callable[[Tensor], Tensor]], source: Tensor) -> list[Tensor]:
    """What each adapter makes of a map (batch, channels, height, width)."""
    return [adapter(source) for adapter in adapters]


def check_features(whose: str, names: tuple[str, ...], given: Sequence[Map]) -> None:
    """Raise ``TypeError`` unless there is a map, of any shape, for each name."""
    if len(given) != len(names):
        listed = f": {', '.join(names)}" if names else ""
        raise TypeError(f"this {whose} reads x and {len(names)} features{listed}, got x and {len(given)}")
