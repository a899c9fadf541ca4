"""What a checkpoint looks like from its names alone: which format it has, and which backbone it was."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, get_args

from sparx_dsl.errors import Diagnostic, SparxError, Where, did_you_mean, quoted
from sparx_dsl.weights.names import Format, Shape
from sparx_dsl.weights.report import shortened

FORMATS: Final[tuple[Format, ...]] = get_args(Format)

_OURS = re.compile(r"^(\w+)\.layer(\d{1,6})\.((?:dpe|fusion|mixer|ffn)\..+)$")
_RELEASED = re.compile(r"^layers\.(\d{1,6})\.blocks\.(\d{1,6})\.(.+)$")
_SIGNS: Final[Mapping[Format, re.Pattern[str]]] = {
    "sparx_dsl": _OURS,
    "sparx_mamba": re.compile(r"^layers\.\d+\.blocks\.\d+\.(?:pos_embed|mlp\.dwconv)\."),
    "vmamba": re.compile(r"^classifier\.(?:norm|head)\.|^layers\.\d+\.blocks\.\d+\.op\.(?:A_logs)$"),
    "swin": re.compile(r"^layers\.\d+\.blocks\.\d+\.attn\.relative_position_bias_table$"),
}
"""Names that only this format has; SparX-Mamba has VMamba's, so it is looked for first."""
_INPUT_NORMS = ("mixer.norm.weight", "fusion.norm.weight", "norm.weight", "norm1.weight")
_FUSION_NORMS = ("fusion.norm.weight", "op.d_norm.weight")


@dataclass(frozen=True, slots=True)
class Outline:
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


def named_format(format: str, where: Where) -> Format:
    """The format of that name; raises ``SparxError`` (SPX621)."""
    for known in FORMATS:
        if known == format:
            return known
    advice = did_you_mean(format, FORMATS) or f"one of {', '.join(FORMATS)}"
    raise SparxError(Diagnostic("SPX621", f"there is no checkpoint format {quoted(format)}", where, help=advice))


def recognise(names: Iterable[str], where: Where) -> Format:
    """The format that the names of a checkpoint show; raises ``SparxError`` (SPX620)."""
    listed = list(names)
    for format, sign in _SIGNS.items():
        if any(sign.search(name) for name in listed):
            return format
    first = [quoted(name) for name in shortened(listed)]
    raise SparxError(
        Diagnostic(
            "SPX620",
            "the names in this checkpoint are those of no format known here",
            where,
            notes=(f"it holds {', '.join(first)}",),
            help=f"the formats are {', '.join(FORMATS)}; name one with format=…, or rename the tensors of a state dict",
        )
    )


def outline(shapes: Mapping[str, Shape], order: Sequence[str] = ()) -> Outline:
    """The stages that names and shapes show, in this project's names or in those of any released format.

    Stages stand in the ``order`` of these names, and then by their numbers: files keep names in any order.
    """
    layers: dict[str, dict[int, bool]] = {}
    channels: dict[str, int] = {}
    for name, shape in shapes.items():
        found, shift = (_OURS.match(name), 0) if _OURS.match(name) else (_RELEASED.match(name), 1)
        if found is None:
            continue
        stage, number, rest = found[1], int(found[2]) + shift, found[3]
        reads = layers.setdefault(stage, {}).get(number, False)
        layers[stage][number] = reads or rest in _FUSION_NORMS
        if rest in _INPUT_NORMS and len(shape) == 1:
            channels.setdefault(stage, shape[0])
    places = {name: place for place, name in enumerate(order)}
    stages = sorted(layers, key=lambda name: (places.get(name, len(places)), len(name), name))
    return Outline(
        tuple(len(layers[stage]) for stage in stages),
        tuple(channels.get(stage, 0) for stage in stages),
        tuple(tuple(sorted(number for number, reads in layers[stage].items() if reads)) for stage in stages),
    )
