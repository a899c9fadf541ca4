"""What a layer is inside, as Figure 3 of SparX shows it, and a backbone with the insides of its layers, as Figure 2."""

from __future__ import annotations

from dataclasses import replace

from sparx_dsl.errors import Code, Diagnostic, SparxError, did_you_mean, exception_text
from sparx_dsl.graph import ConnectionGraph, Node
from sparx_dsl.kind import Kind, load
from sparx_dsl.language.flow import Flow
from sparx_dsl.language.kind_options import fault_of
from sparx_dsl.registry import default_registry
from sparx_dsl.render.drawing import Drawing
from sparx_dsl.render.figure import figure
from sparx_dsl.render.labels import NAME_END
from sparx_dsl.render.look import Look, refuse
from sparx_dsl.render.marks import bottom_of, drawing, left_of
from sparx_dsl.render.panels import GAP, PAD, Panel, drawing_of, panel_marks
from sparx_dsl.render.parts import parts_in, parts_of
from sparx_dsl.render.style import SMALL_SIZE


def layer_drawing(graph: ConnectionGraph, name: str, look: Look) -> Drawing:
    """The marks of a layer's inside: its parts, and what its fusion is inside.

    Raises ``SparxError``: SPX514 where the backbone has no layer of that name, SPX413 where the diagram of another
    package's fusion fails.
    """
    names = [layer.name for layer in graph.layers()]
    if name not in names:
        advice = did_you_mean(name, names) or f"name one such as {names[-1]}"
        refuse(f"{graph.spec.name} has no layer {name!r} to look into", advice)
    node = graph.node(name)
    shape = _shape(graph, node)
    title, stage = f"{name}: {_kind(node)} layer", name.rpartition(".")[0]
    own = Panel(title, shape, parts_in(graph, node), end=len(title) - len(stage) + NAME_END)
    panels = [own, *_fusion_panel(node, shape)]
    return drawing_of(panel_marks(panels, _width(look)), f"{graph.spec.name} {name}", look)


def overview(graph: ConnectionGraph, look: Look) -> Drawing:
    """The lanes of the stages, and below them what a normal layer and a ganglion layer are made of.

    Of several that differ, the last of each is shown. Raises ``SparxError`` as ``layer_drawing`` does.
    """
    lanes = drawing(figure(graph, bare := replace(look, title=None)), bare)
    shown = [layer for stage in look.shown(graph) for layer in graph.layers(stage)]
    panels: list[Panel] = []
    for ganglion in (False, True):
        if own := [layer for layer in shown if layer.ganglion == ganglion]:
            flow = parts_of(own[-1], "the layer before", "earlier layers", "the layer after")
            number = len(own[-1].name.rpartition(".")[2]) + 1
            title, details = f"{_kind(own[-1]).capitalize()} layer", f"as {own[-1].name}"
            panels.append(Panel(title, details, flow, end=number + NAME_END))
    top = min(map(bottom_of, lanes.marks)) - GAP
    below = panel_marks(panels, _width(look), min(map(left_of, lanes.marks)), top)
    return drawing_of((*lanes.marks, *below), lanes.name, look)


def _fusion_panel(node: Node, shape: str) -> list[Panel]:
    kind = default_registry().of("fusion", node.layer_settings.fusion)
    flow = _inside(kind, node) if node.ganglion else None
    count = f"{node.site.features} feature{'s' if node.site.features > 1 else ''}"
    return [] if flow is None else [Panel(kind.title, f"{shape}, {count}", flow)]


def _inside(kind: Kind, node: Node) -> Flow | None:
    """What a fusion says that it is inside; None where it says nothing."""
    if kind.diagram is None:
        return None
    try:
        found: object = load(kind.diagram)(node.layer_settings.fusion, node.site)
        fault = None if isinstance(found, Flow) else "gives no Flow"
    except Exception as error:
        if kind.builtin:
            raise
        found, fault = None, f"fails: {exception_text(error)}"
    if isinstance(found, Flow):
        return found
    raise SparxError(Diagnostic(Code.INVALID_KIND_FACET, f"the diagram of {kind} {fault}", help=fault_of(kind)))


def _kind(node: Node) -> str:
    return "ganglion" if node.ganglion else "normal"


def _shape(graph: ConnectionGraph, node: Node) -> str:
    height, width = node.map_size(graph.spec.input.size)
    return f"C = {node.channels}, N = {height}×{width}"


def _width(look: Look) -> float | None:
    points = look.points(SMALL_SIZE)
    return None if points is None else points - 2 * PAD
