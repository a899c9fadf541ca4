"""The legend below the picture: the shapes and connections that occur in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sparx_dsl.graph.nodes import Node
from sparx_dsl.registry import default_registry
from sparx_dsl.render.fold import Sketch
from sparx_dsl.render.labels import Label
from sparx_dsl.render.style import LINES, SHAPES, SMALL_SIZE, Line, Shape, ShapeName, text_width

SAMPLE = 28
"""Width of a sample, in points."""
LINE_HEIGHT = 22
SPACE = 14
"""Between entries."""

Group = list[tuple[Shape | Line, str]]
"""Samples that stand on a line of their own, with their texts."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A sample of a shape or of a line, where its left end is (in points), and what it stands for."""

    sample: Shape | Line
    text: str
    x: float
    y: float


def legend(picture: Sketch, labels: tuple[Label, ...], width: float, top: float) -> tuple[Entry, ...]:
    """The entries, set into lines of at most ``width`` points below ``top``: shapes first, then connections."""
    used = {label.name for label in labels}
    kinds = {arc.kind for arc in picture.arcs}
    shapes: Group = [(SHAPES[name], _shape_text(picture, name)) for name in SHAPE_TEXTS if name in used]
    lines: Group = [(line, line.name) for kind, line in LINES.items() if kind in kinds]
    entries: list[Entry] = []
    y = top
    for group in (shapes, lines):
        if group:
            y -= LINE_HEIGHT
            placed = _set(group, width, y)
            entries += placed
            y = placed[-1].y
    return tuple(entries)


SHAPE_TEXTS: Mapping[ShapeName, str] = {
    "downsample": "downsampling",
    "normal": "normal layer",
    "ganglion": "ganglion layer",
    "run": "equal normal layers",
    "repeats": "repeats of layers drawn before",
}
"""What stands for itself (stem, head) has no entry."""


def sample_size(shape: Shape) -> tuple[float, float]:
    """Width and height of a shape's sample, without its second outline."""
    scale = min((SAMPLE - 2 * shape.extra) / shape.width, (16 - 2 * shape.extra) / shape.height)
    return SAMPLE - 2 * shape.extra if shape.extra else shape.width * scale, shape.height * scale


def extent(entry: Entry) -> float:
    """Where the entry ends on the right."""
    return entry.x + SAMPLE + 6 + text_width(entry.text, SMALL_SIZE)


def _set(items: Group, width: float, y: float) -> list[Entry]:
    entries: list[Entry] = []
    x = 0.0
    for sample, text in items:
        entry = Entry(sample, text, x, y)
        if entries and extent(entry) > width:
            y -= LINE_HEIGHT
            entry = Entry(sample, text, 0.0, y)
        entries.append(entry)
        x = extent(entry) + SPACE
    return entries


def _shape_text(picture: Sketch, name: ShapeName) -> str:
    """The shape's meaning; for layers with what they are made of, where all layers of that shape are made alike."""
    if name not in ("normal", "ganglion"):
        return SHAPE_TEXTS[name]
    layers = [node for box in picture.boxes for node in box.nodes if node.role == "layer"]
    alike = {parts(node) for node in layers if node.ganglion == (name == "ganglion")}
    return f"{SHAPE_TEXTS[name]}: {alike.pop()}" if len(alike) == 1 else SHAPE_TEXTS[name]


def parts(layer: Node) -> str:
    """What a layer is made of, in order: ``DPE → fusion → mixer → FFN``."""
    settings = layer.layer_settings
    names = ["DPE"] if settings.dpe else []
    of = default_registry().of
    names += [of("fusion", settings.fusion).title] if layer.ganglion else []
    names += [of("mixer", settings.mixer).title]
    names += ["FFN"] if settings.ffn.kind != "none" else []
    names += ["norm"] if settings.end_norm else []
    return " → ".join(names)
