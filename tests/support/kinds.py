"""Kinds that are registered for the length of a test."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from sparx_dsl.kind import Kind
from sparx_dsl.registry import default_registry


@contextmanager
def registered(*kinds: Kind) -> Generator[None]:
    """Within the block these kinds are known as if installed packages offered them."""
    with kinds_restored():
        for kind in kinds:
            default_registry().add(kind)
        yield


@contextmanager
def kinds_restored() -> Generator[None]:
    """After the block the kinds are those that were registered before, in the same order."""
    registry = default_registry()
    before = list(registry)
    try:
        yield
    finally:
        if list(registry) != before:
            for kind in list(registry):
                registry.remove(kind)
            for kind in before:  # in their order, which the schema has too
                registry.add(kind)
