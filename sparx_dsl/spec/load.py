"""From a file, a text or a mapping to a ``Spec``, and back to text."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml
from pydantic import ValidationError

from sparx_dsl.errors import Diagnostic, SparxError, Where
from sparx_dsl.spec.check import check_spec
from sparx_dsl.spec.compose import compose
from sparx_dsl.spec.extends import expand, read_tree
from sparx_dsl.spec.limits import DEFAULT_LIMITS, Limits
from sparx_dsl.spec.models import Spec
from sparx_dsl.spec.nodes import MappingNode, Node, ScalarNode, SequenceNode, locate, node_of, plain
from sparx_dsl.spec.schema_errors import schema_diagnostics


def load_spec(path: str | os.PathLike[str], *, limits: Limits = DEFAULT_LIMITS) -> Spec:
    """Read, extend and check the spec in the YAML file at ``path``; raises ``SparxError`` with every mistake."""
    return spec_of(read_tree(Path(path), limits), limits)


def parse_spec(text: str | bytes | Mapping[str, object], *, name: str = "<text>", limits: Limits = DEFAULT_LIMITS) -> Spec:
    """Check a spec given as YAML text or as a mapping of plain values; raises ``SparxError`` with every mistake."""
    tree = node_of(text) if isinstance(text, Mapping) else compose(text, name, limits)
    assert isinstance(tree, MappingNode)
    return spec_of(expand(tree, None, limits), limits)


def dump_spec(spec: Spec) -> str:
    """The YAML text of a spec; ``parse_spec`` gives an equal one back."""
    return yaml.safe_dump(spec.model_dump(mode="json", by_alias=True, exclude_unset=True), sort_keys=False, default_flow_style=None, width=110)


def spec_of(tree: MappingNode, limits: Limits) -> Spec:
    """The spec that a composed and extended tree describes; raises ``SparxError`` with every mistake."""
    nulls = [Diagnostic("SPX108", "an empty value (null) says nothing here", place, help="write a value, or leave the key out")
             for place in _nulls(tree)]
    if nulls:
        raise SparxError(nulls)
    try:
        spec = Spec.model_validate(plain(tree)).with_origin(tree)
    except ValidationError as error:
        raise SparxError(schema_diagnostics(error, tree, Spec)) from None
    mistakes = tuple(check_spec(spec, limits))
    if mistakes:
        raise SparxError(mistakes)
    return spec


def _nulls(root: Node) -> Iterator[Where]:
    pending: list[tuple[tuple[str | int, ...], Node]] = [((), root)]
    while pending:
        path, node = pending.pop()
        if isinstance(node, ScalarNode) and node.value is None:
            yield locate(root, path)
        elif isinstance(node, SequenceNode):
            pending.extend(((*path, i), item) for i, item in enumerate(node.items))
        elif isinstance(node, MappingNode):
            pending.extend(((*path, str(entry.key.value)), entry.value) for entry in node.entries)
