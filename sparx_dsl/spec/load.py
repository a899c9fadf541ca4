"""From a file, a text or a mapping to a ``Spec``, and back to text."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from sparx_dsl.errors import Diagnostic, SourceText, SparxError
from sparx_dsl.spec.check import check_spec
from sparx_dsl.spec.compose import compose
from sparx_dsl.spec.extends import expand, read_tree
from sparx_dsl.spec.limits import DEFAULT_LIMITS, Limits
from sparx_dsl.spec.models import Spec
from sparx_dsl.spec.nodes import MappingNode, node_of, plain
from sparx_dsl.spec.scalars import resolve_scalar
from sparx_dsl.spec.schema_errors import schema_diagnostics


def load_spec(path: str | os.PathLike[str], *, limits: Limits = DEFAULT_LIMITS) -> Spec:
    """Read, extend and check the spec in the YAML file at ``path``; raises ``SparxError`` with every mistake."""
    return spec_of(read_tree(Path(path), limits), limits)


def parse_spec(
    text: str | bytes | Mapping[str, object], *, name: str = "<text>", limits: Limits = DEFAULT_LIMITS
) -> Spec:
    """Check a spec given as YAML text or as a mapping of plain values; raises ``SparxError`` with every mistake."""
    tree = node_of(text) if isinstance(text, Mapping) else compose(text, name, limits)
    assert isinstance(tree, MappingNode)
    return spec_of(expand(tree, None, limits), limits)


def dump_spec(spec: Spec) -> str:
    """The YAML text of a spec; ``parse_spec`` gives an equal one back."""
    return yaml.dump(spec.written(), Dumper=_Dumper, sort_keys=False, default_flow_style=None, width=110)


class _Dumper(yaml.SafeDumper):
    """Quotes every text that would be read as something else (PyYAML writes the name ``n`` plain), and no aliases."""

    def ignore_aliases(self, data: object) -> bool:
        """Equal values are written out."""
        return True

    def represent_scalar(self, tag: str, value: str, style: str | None = None) -> yaml.ScalarNode:
        """A scalar, in quotes where it needs them."""
        quote = tag == "tag:yaml.org,2002:str" and not _reads_as_itself(value)
        return super().represent_scalar(tag, value, "'" if quote else style)  # pyright: ignore[reportUnknownMemberType]


def _reads_as_itself(text: str) -> bool:
    """Whether a text without quotes is read as that text."""
    try:
        return resolve_scalar(text, plain=True) == text
    except SparxError:
        return False


def spec_of(tree: MappingNode, limits: Limits) -> Spec:
    """The spec that a composed and extended tree describes; raises ``SparxError`` with every mistake."""
    findings: list[ErrorDetails] = []
    spec = None
    try:
        spec = Spec.model_validate(plain(tree)).with_origin(tree)
    except ValidationError as error:
        findings = error.errors(include_url=False, include_input=False)
    mistakes = schema_diagnostics(findings, tree, limits.mistakes)
    if spec is not None and not mistakes:
        mistakes = list(itertools.islice(check_spec(spec, limits), limits.mistakes))
    if spec is None or mistakes:
        raise SparxError(in_order(mistakes, tree.source))
    return spec


def in_order(mistakes: Iterable[Diagnostic], source: SourceText | None) -> list[Diagnostic]:
    """The diagnostics in the order of the text: those in ``source`` first, then those in what it extends."""

    def place(mistake: Diagnostic) -> tuple[bool, str, int, int]:
        found, span = mistake.where.source, mistake.where.span
        line, column = (0, 0) if span is None else (span.line, span.column)
        return found != source, "" if found is None else found.name, line, column

    return sorted(mistakes, key=place)
