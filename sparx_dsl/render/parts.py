"""The parts of a layer, one below the other, as a flow."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from sparx_dsl.graph import ConnectionGraph, Node
from sparx_dsl.language.flow import Flow, Operation, OperationRole, Wire
from sparx_dsl.registry import default_registry

PITCH = 0.68
"""Rows of a flow from part to part."""
BESIDE = 0.56
"""Columns from the middle to where residuals run."""
MOST_NAMES = 6
"""Of more features than these, the first ones are named, and the others counted."""

Part = tuple[str, str, OperationRole]
"""A part's name, its text and its role."""


def parts_of(node: Node, fed: str, features: str, gives: str) -> Flow:
    """What a layer is made of, from what it is fed to what it gives, called by these texts."""
    parts = list(_parts(node, fed, gives))
    operations = [Operation(name, text, 0, row * PITCH, role) for row, (name, text, role) in enumerate(parts)]
    wires = [Wire(before.name, after.name) for before, after in itertools.pairwise(operations)]
    sums = [operation.name for operation in operations if operation.role == "sum"]
    wires += [Wire(before, after, -BESIDE) for before, after in itertools.pairwise(["x", *sums])]
    if node.ganglion:
        row = next(operation.row for operation in operations if operation.name == "fusion")
        operations.append(Operation("features", features, 1.15, row, "map"))
        wires.append(Wire("features", "fusion", BESIDE))
    return Flow(tuple(operations), tuple(wires))


def parts_in(graph: ConnectionGraph, node: Node) -> Flow:
    """The parts of a layer where it stands: its neighbours and the features that it reads by name."""
    fed = next(edge.source for edge in graph.edges if edge.target == node.name and edge.kind == "feed")
    return parts_of(node, f"from {fed}", _features(graph, node), node.name)


def _parts(node: Node, fed: str, gives: str) -> Iterator[Part]:
    of, settings = default_registry().of, node.layer_settings
    yield "x", fed, "map"
    if settings.dpe:
        yield "dpe", "DPE: depthwise 3×3", "operation"
        yield "dpe_sum", "+", "sum"
    norm, place = f"{settings.norm} norm", settings.norm_place
    if place == "pre":
        yield "norm", norm, "operation"
    if node.ganglion:
        yield "fusion", of("fusion", settings.fusion).title, "product"
    yield "mixer", of("mixer", settings.mixer).title, "operation"
    if place == "post":
        yield "norm", norm, "operation"
    yield "mixer_sum", "+", "sum"
    if settings.ffn.kind != "none":
        if place == "pre":
            yield "ffn_norm", norm, "operation"
        yield "ffn", f"{of('ffn', settings.ffn).title} FFN", "operation"
        if place == "post":
            yield "ffn_norm", norm, "operation"
        yield "ffn_sum", "+", "sum"
    if settings.end_norm:
        yield "end_norm", f"{settings.norm} norm", "operation"
    yield "result", gives, "map"


def _features(graph: ConnectionGraph, node: Node) -> str:
    """The features that a ganglion layer reads, in the order of their slots."""
    read = sorted(graph.features(node.name), key=lambda edge: edge.slot or 0)
    named = [f"{edge.source} ({edge.kind.replace('_', '-')})" for edge in read[:MOST_NAMES]]
    return "\n".join([*named, f"and {len(read) - MOST_NAMES} more"] if len(read) > MOST_NAMES else named)
