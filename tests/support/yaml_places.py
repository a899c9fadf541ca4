"""Where the reader finds mistakes in YAML texts, with both of PyYAML's parsers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from sparx_dsl.errors import Diagnostic, SparxError
from sparx_dsl.reader.compose import FAST_LOADER, compose_events
from sparx_dsl.reader.limits import DEFAULT_LIMITS, Limits
from sparx_dsl.reader.tree import MappingNode, plain
from sparx_dsl.reader.yaml_text import read_text

LOADERS = [FAST_LOADER, yaml.SafeLoader]


def mistakes(
    text: str | bytes, limits: Limits = DEFAULT_LIMITS, loader: type[Any] = FAST_LOADER
) -> tuple[Diagnostic, ...]:
    """The mistakes of a text that has some."""
    with pytest.raises(SparxError) as caught:
        compose_events(read_text(text, "t.yaml", limits), limits, loader)
    return caught.value.diagnostics


def places(
    text: str | bytes, limits: Limits = DEFAULT_LIMITS, loader: type[Any] = FAST_LOADER
) -> list[tuple[str, int, int]]:
    """Code, line and column of every mistake."""
    found: list[tuple[str, int, int]] = []
    for mistake in mistakes(text, limits, loader):
        span = mistake.where.span
        found.append((mistake.code, span.line, span.column) if span else (mistake.code, 0, 0))
    return found


def outcome(read: Callable[[], MappingNode]) -> object:
    """The tree, or the codes of the mistakes."""
    try:
        return plain(read())
    except SparxError as error:
        return [diagnostic.code for diagnostic in error.diagnostics]
