"""How values show themselves in notebooks: by functions of later rooms, which are imported when a notebook asks."""

from __future__ import annotations

from sparx_dsl.kind import load


def shown(function: str, value: object) -> str:
    """The HTML or SVG that a function, named as ``module:name``, makes of a value.

    Raises ``ImportError`` or ``AttributeError`` where there is no such function.
    """
    return load(function)(value)
