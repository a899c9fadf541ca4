"""The two ends of a link: whether they are nodes of the backbone, and can read one another.

Whether a link is there already, or is there to be cut, depends on the connection rule and is checked with the graph.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sparx_dsl.errors import Code, Diagnostic, did_you_mean, quoted
from sparx_dsl.language.models import Link, SpecModel
from sparx_dsl.language.resolve import ResolvedStage
from sparx_dsl.language.roles import NodeRole
from sparx_dsl.registry import default_registry

LinkPath = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class NamedNode:
    """The name of a node, what it is, its stage, and its place in the order in which nodes run."""

    name: str
    role: NodeRole
    stage: int
    place: int


def named_nodes(spec: SpecModel, stages: tuple[ResolvedStage, ...]) -> dict[str, NamedNode]:
    """All nodes of a backbone by name, in the order in which they run."""
    found: dict[str, NamedNode] = {}
    for stage in stages:
        opening = "stem" if stage.position == 1 else "downsample"
        if stage.is_opened:
            found[stage.opening_name] = NamedNode(stage.opening_name, opening, stage.position, len(found))
        for number in range(1, len(stage.layers) + 1):
            name = stage.layer_name(number)
            found[name] = NamedNode(name, "layer", stage.position, len(found))
    if default_registry().of("head", spec.head).runs:
        found["head"] = NamedNode("head", "head", len(stages), len(found))
    return found


def check_link_ends(spec: SpecModel, stages: tuple[ResolvedStage, ...]) -> Iterator[Diagnostic]:
    """What is wrong with the ends of each link of a spec."""
    if not spec.links.cut and not spec.links.add:
        return
    nodes = named_nodes(spec, stages)
    for key, links in (("cut", spec.links.cut), ("add", spec.links.add)):
        for place, link in enumerate(links):
            yield from link_end_errors(spec, link, ("links", key, place), nodes)


def link_end_errors(
    spec: SpecModel, link: Link, path: LinkPath, nodes: Mapping[str, NamedNode]
) -> Iterator[Diagnostic]:
    """What is wrong with the two ends of a link as such."""
    unknown = [(key, name) for key, name in (("from", link.source), ("to", link.target)) if name not in nodes]
    for key, name in unknown:
        message = f"unknown node {quoted(name)}"
        yield Diagnostic(Code.UNKNOWN_LINK_NODE, message, spec.where(*path, key), help=_known(name, nodes))
    if unknown:
        return
    source, target = nodes[link.source], nodes[link.target]
    if target.role != "layer":
        message = f"{link.target} is not a layer, so it cannot be the target of a link"
        advice = "only layers read features: name one, such as stage1.layer1"
        yield Diagnostic(Code.LINK_TO_NON_LAYER, message, spec.where(*path, "to"), help=advice)
    elif source == target:
        message = f"{link.source} cannot read itself"
        yield Diagnostic(Code.LINK_NOT_FORWARD, message, spec.where(*path), help="name an earlier node in from")
    elif source.place > target.place:
        message = f"{link.source} runs after {link.target}, so it cannot be read there"
        advice = "swap from and to, or name a later layer in to"
        yield Diagnostic(Code.LINK_NOT_FORWARD, message, spec.where(*path), help=advice)


def _known(name: str, nodes: Mapping[str, NamedNode]) -> str:
    """Which nodes there are, in view of the name that was written."""
    written = re.fullmatch(r"stage(\d{1,4})(?:\.(.*))?", name)
    stage = int(written[1]) if written else 0
    layers = [node.name for node in nodes.values() if node.role == "layer" and node.stage == stage]
    if written and not layers:
        return f"the backbone has the stages 1 to {max(node.stage for node in nodes.values())}"
    if written and (written[2] or "layer").startswith("layer"):
        last = f" to {layers[-1]}" if len(layers) > 1 else ""
        return f"the layers of stage {stage} are {layers[0]}{last}" if last else f"its only layer is {layers[0]}"
    if written and written[2] == "downsample" and stage > 1:
        return f"stage {stage} has no downsampling: name the last layer of stage {stage - 1}"
    if name == "head":
        return "the backbone's head is of the kind none"
    names = list(nodes)
    return did_you_mean(name, names) or f"nodes are named such as {', '.join(names[:3])}"
