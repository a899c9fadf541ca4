"""What notebooks show of a space."""

from __future__ import annotations

import json

from sparx_dsl.render.notebook import html_table, safe
from sparx_dsl.search.space_model import SpaceModel


def space_html(space: SpaceModel) -> str:
    """The choices with their values, and the bounds."""
    rows = [(choice.name, ", ".join(json.dumps(value) for value in choice.values)) for choice in space.choices]
    bounds = "".join(f"<li>{safe(str(bound))}</li>" for bound in space.bounds)
    heading = f"<p><b>{safe(space.name)}</b>, from {safe(space.base.name)}</p>"
    return f"{heading}{html_table(('Choice', 'Values'), rows)}{f'<ul>{bounds}</ul>' if bounds else ''}"
