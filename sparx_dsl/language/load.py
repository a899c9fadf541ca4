"""From a tree to a checked spec, and from a spec to text."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any, TypeVar, cast

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from sparx_dsl.errors import Diagnostic, SourceText, SparxError
from sparx_dsl.language.checks.check_spec import check_spec
from sparx_dsl.language.checks.schema_errors import schema_diagnostics
from sparx_dsl.language.models import SpecModel
from sparx_dsl.language.resolve import backbone_choices, carried_over, choices, resolve_stage
from sparx_dsl.reader.compose import compose
from sparx_dsl.reader.limits import Limits
from sparx_dsl.reader.scalars import resolve_scalar
from sparx_dsl.reader.tree import MappingNode, Node, SequenceNode, plain
from sparx_dsl.reader.tree_size import is_short
from sparx_dsl.registry import default_registry

SpecT = TypeVar("SpecT", bound=SpecModel)


def checked_spec(model: type[SpecT], tree: MappingNode, limits: Limits, before: SpecT | None = None) -> SpecT:
    """The spec that a composed and extended tree describes; raises ``SparxError`` with every error.

    ``before`` is a spec within the same limits over whose ``tree`` this one was laid: what both share is neither read
    nor checked again.
    """
    if before is not None and before.origin is not None and before.origin.revision != default_registry().revision:
        before = None  # other kinds may be registered now
    given, findings, spec = _given(tree, before), list[ErrorDetails](), None
    try:
        spec = model.model_validate(given).with_origin(tree, limits)
    except ValidationError as error:
        findings = error.errors(include_url=False, include_input=False)
    valid = spec is not None and type(given["sparx"]) is int and not _holds_null(given)
    errors = [] if valid else schema_diagnostics(findings, tree, limits.errors)
    if spec is not None and not errors:
        known = carried_over(before, spec)
        widest = backbone_choices(spec)
        chosen = {index: choices(spec, index, widest) for index, stage in enumerate(known) if stage is None}
        errors = list(itertools.islice(check_spec(spec, limits, chosen), limits.errors))
        if not errors and spec.origin is not None:
            spec.origin.stages = tuple(
                stage or resolve_stage(spec, index, chosen[index]) for index, stage in enumerate(known)
            )
    if spec is None or errors:
        raise SparxError(in_order(errors, tree.source))
    return spec


def _given(tree: MappingNode, before: SpecModel | None) -> dict[str, Any]:
    """The tree as plain data, with the values of ``before`` in place of what is the same there."""
    if before is None:
        return plain(tree)
    old, values = before.tree, vars(before)
    given: dict[str, Any] = {}
    for entry in tree.entries:
        key, was = str(entry.key.value), old.entry(entry.key.value)
        if was is None or key not in values:
            given[key] = plain(entry.value)
        elif was.value is entry.value:
            given[key] = values[key]
        elif key == "stages" and isinstance(was.value, SequenceNode) and isinstance(entry.value, SequenceNode):
            given[key] = _given_items(entry.value.items, was.value.items, values[key])
        else:
            given[key] = plain(entry.value)
    return given


def _given_items(items: Iterable[Node], old: Iterable[Node], values: Iterable[object]) -> list[Any]:
    known = {id(node): value for node, value in zip(old, values, strict=False)}
    return [known[id(item)] if id(item) in known else plain(item) for item in items]


def _holds_null(data: object) -> bool:
    """Whether an empty value stands anywhere in plain data; values that were checked before hold none."""
    if isinstance(data, dict):
        return any(map(_holds_null, cast("dict[object, object]", data).values()))
    return any(map(_holds_null, cast("list[object]", data))) if isinstance(data, list) else data is None


def dump_spec(spec: SpecModel) -> str:
    """The YAML text of a spec; raises ``SparxError`` for a text that cannot be read within the spec's limits."""
    text: str = yaml.dump(  # pyright: ignore[reportUnknownMemberType]
        spec.written(), Dumper=_Dumper, sort_keys=False, default_flow_style=None, width=110
    )
    # Read at once, so that no file is written which cannot be read again.
    compose(text, "<spec to write>", spec.limits)
    return text


def refuse_unwritable(spec: SpecModel) -> None:
    """Raise ``SparxError`` for a spec that ``dump_spec`` refuses for its size; makes no text where none can be long."""
    if not is_short(spec.tree if spec.origin is None else spec.origin.root, spec.limits):
        dump_spec(spec)


class _Dumper(yaml.SafeDumper):
    """Quotes every text that would be read as something else (PyYAML writes the name ``n`` plain), and no aliases."""

    def ignore_aliases(self, data: object) -> bool:
        """Equal values are written out."""
        return True

    def represent_scalar(self, tag: str, value: str, style: str | None = None) -> yaml.ScalarNode:
        """A scalar, in quotes where it needs them."""
        quote = tag == "tag:yaml.org,2002:str" and not reads_as_itself(value)
        return super().represent_scalar(tag, value, "'" if quote else style)  # pyright: ignore[reportUnknownMemberType]


def reads_as_itself(text: str) -> bool:
    """Whether a text without quotes is read as that text."""
    try:
        return resolve_scalar(text, plain=True) == text
    except SparxError:
        return False


def in_order(errors: Iterable[Diagnostic], source: SourceText | None) -> list[Diagnostic]:
    """The diagnostics in the order of the text: those in ``source`` first, then those in what it extends."""

    def place(diagnostic: Diagnostic) -> tuple[bool, str, int, int]:
        found, span = diagnostic.where.source, diagnostic.where.span
        line, column = (0, 0) if span is None else (span.line, span.column)
        return found != source, "" if found is None else found.name, line, column

    return sorted(errors, key=place)
