"""The points and backbones of a space for users' own property-based tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sparx_dsl.errors import Code, Diagnostic, SparxError
from sparx_dsl.language.spec import Spec
from sparx_dsl.search.search_space import Space

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy


def strategy(space: Space) -> SearchStrategy[Spec]:
    """A hypothesis strategy of the space's backbones that satisfy its bounds; it shrinks towards the first point.

    Raises ``SparxError`` (SPX740) where hypothesis is not installed.
    """
    try:
        from hypothesis import strategies
    except ImportError:
        message = "strategies for property-based tests need the package hypothesis"
        raise SparxError(Diagnostic(Code.HYPOTHESIS_NOT_INSTALLED, message, help="pip install hypothesis")) from None
    points = strategies.integers(0, space.count - 1).map(space.point)
    return (points.filter(space.keeps) if space.bounds or not space.exact else points).map(space.spec)
