"""Which backbone a checkpoint is of, as the names and shapes of its tensors show it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sparx_dsl.kinds.checkpoint import Shape
from sparx_dsl.weights.formats import RELEASED_LAYERS
from sparx_dsl.weights.kind_modules import checkpoints

OUR_LAYER: Final = re.compile(r"^(\w+)\.layer(\d{1,6})\.((?:dpe|fusion|mixer|ffn|norm)\..+)$")
"""A tensor of a layer in this project's names: stage, 1-based number, the rest."""
RELEASED_LAYER: Final = re.compile(r"^(?:layers|stages)\.(\d{1,6})\.blocks\.(\d{1,6})\.(.+)$")
"""A tensor of a layer in the names of every released format: stage and number, both 0-based, the rest."""
_INPUT_NORMS: Final = ("mixer.norm", "fusion.norm")


@dataclass(frozen=True, slots=True)
class BackboneSummary:
    """A backbone as the names and shapes of its tensors show it: for each stage depth, channels, ganglion layers."""

    depths: tuple[int, ...]
    channels: tuple[int, ...]
    ganglion: tuple[tuple[int, ...], ...]

    def __str__(self) -> str:
        layers = ", ".join(map(str, self.depths))
        channels = ", ".join(str(number) if number else "?" for number in self.channels)
        ganglion = "; ".join(
            f"{', '.join(map(str, numbers))} of stage {stage}"
            for stage, numbers in enumerate(self.ganglion, start=1)
            if numbers
        )
        return f"stages of {layers} layers and {channels} channels, ganglion layers: {ganglion or 'none'}"


def stage_names(names: Iterable[str]) -> tuple[str, ...]:
    """The stages of a backbone, in order, from the names of its tensors."""
    return tuple(name for name in dict.fromkeys(name.split(".")[0] for name in names) if name not in ("stem", "head"))


def summarize(shapes: Mapping[str, Shape], order: Sequence[str]) -> BackboneSummary:
    """The stages that names and shapes show, in this project's names or in those of any released format.

    Stages stand in the ``order`` of these names, and then by their numbers: files keep names in any order.
    """
    named = [layers.names for layers in RELEASED_LAYERS.values()]
    norms = {*_INPUT_NORMS, *(names[norm] for names in named for norm in _INPUT_NORMS if norm in names)}
    fusions = {"fusion.norm", *_fusion_modules()}
    layers: dict[str, dict[int, bool]] = {}
    channels: dict[str, int] = {}
    for name, shape in shapes.items():
        ours = OUR_LAYER.match(name)
        found, shift = (ours, 0) if ours else (RELEASED_LAYER.match(name), 1)
        if found is None:
            continue
        stage, number, rest = found[1], int(found[2]) + shift, found[3]
        reads = layers.setdefault(stage, {}).get(number, False)
        module, _, leaf = rest.rpartition(".")
        layers[stage][number] = reads or module in fusions
        if module in norms and leaf == "weight" and len(shape) == 1:
            channels.setdefault(stage, shape[0])
    places = {name: place for place, name in enumerate(order)}
    stages = sorted(layers, key=lambda name: (places.get(name, len(places)), len(name), name))
    return BackboneSummary(
        tuple(len(layers[stage]) for stage in stages),
        tuple(channels.get(stage, 0) for stage in stages),
        tuple(tuple(sorted(number for number, reads in layers[stage].items() if reads)) for stage in stages),
    )


def _fusion_modules() -> set[str]:
    """What the fusions of ganglion layers are made of, by the names in the checkpoints of released models."""
    released = [found for checkpoint in checkpoints("fusion") for found in checkpoint.released.values()]
    return {name for found in released for name in found.names.values()}
