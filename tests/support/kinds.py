"""Kinds that are registered for the length of a test."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from sparx_dsl.kind import Kind
from sparx_dsl.registry import default_registry


@contextmanager
def registered(*kinds: Kind) -> Generator[None]:
    """Within the block these kinds are known as if installed packages offered them."""
    registry = default_registry()
    for kind in kinds:
        registry.add(kind)
    try:
        yield
    finally:
        for kind in kinds:
            registry.remove(kind)
