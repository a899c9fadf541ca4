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
    """After the block the kinds are those that were registered before."""
    registry = default_registry()
    before = list(registry)
    try:
        yield
    finally:
        taken = {(kind.role, kind.name) for kind in before}
        for kind in list(registry):
            if (kind.role, kind.name) not in taken:
                registry.remove(kind)
        for kind in before:
            if registry.find(kind.role, kind.name) is not kind:
                registry.add(kind, replace=True)
