"""Reads the DOT text of our writer back with a parser of its own, and makes graphs for the drawing tests."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

import sparx_dsl
from sparx_dsl import ConnectionGraph

FIGURE_2 = """
sparx: 1
name: figure2
stem: {kind: conv}
layer: {dpe: true, mixer: {kind: ss2d}, ffn: {kind: conv}}
stages: [{channels: 96, depth: 8, S: 2, M: 2}]
"""
DEEP = """
sparx: 1
name: deep
stem: {kind: patch}
layer: {mixer: {kind: ss2d}}
stages:
  - {channels: 64, depth: 18}
  - {channels: 128, depth: 40, S: 2, M: 2}
  - {channels: 256, depth: 27, S: 6, M: 3}
  - {channels: 512, depth: 6, S: 2, layers: {3: {mixer: {kind: window_attention}}}}
links: {add: [{from: stage1.layer4, to: stage3.layer2}]}
head: {kind: linear}
"""
KIND_OF_COLOUR = {
    "#555555": "feed", "#0072b2": "intra", "#d55e00": "inter", "#007a5a": "cross_stage", "#b0468c": "added",
    "#222222": "tap", "#a0a0a0": "cut",
}  # fmt: skip
STRING = r'"(?:[^"\\]|\\.)*"'
NODE = re.compile(rf"^\t+(n\d+) \[((?:{STRING}|[^\"\]])*)\]$")
EDGE = re.compile(rf"^\t+(n\d+) -> (n\d+) \[((?:{STRING}|[^\"\]])*)\]$")
ATTRIBUTE = re.compile(rf"(\w+)=({STRING}|[^\s,]+)")


@dataclass(frozen=True)
class Drawing:
    """Nodes by id with their attributes; edges with theirs, in order."""

    nodes: dict[str, dict[str, str]]
    edges: list[tuple[str, str, dict[str, str]]]

    def name(self, node: str) -> str:
        """What the picture says that a node stands for."""
        return self.nodes[node]["comment"]


def graph_of(text: str) -> ConnectionGraph:
    """The connection graph of a YAML text."""
    return sparx_dsl.connect(sparx_dsl.parse_spec(text))


def read_dot(text: str) -> Drawing:
    """The nodes and edges of a picture, without lanes, titles and legend."""
    nodes = {match[1]: _attributes(match[2]) for line in text.splitlines() if (match := NODE.match(line))}
    found = [match for line in text.splitlines() if (match := EDGE.match(line))]
    return Drawing(nodes, [(match[1], match[2], _attributes(match[3])) for match in found])


def shown(quoted: str) -> str:
    """What Graphviz shows for a quoted string: its lexer's escape, then a label's escapes, then entities."""
    assert quoted[0] == quoted[-1] == '"'
    lexed = re.sub(r'\\(["\\])', lambda match: '"' if match[1] == '"' else r"\\", quoted[1:-1])
    lines = re.sub(r"\\(.)", lambda match: "\n" if match[1] in "nlr" else match[1], lexed, flags=re.DOTALL)
    return html.unescape(lines)


def _attributes(text: str) -> dict[str, str]:
    pairs = ATTRIBUTE.findall(text)
    return {key: shown(value) if value.startswith('"') else value for key, value in pairs}
