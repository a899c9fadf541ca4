"""The site of the pages in docs/: ``sphinx-build docs site``. Needs the extra ``docs``."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

from sphinx.application import Sphinx

import sparx_dsl

project, author, version = "sparx_dsl", "the authors of sparx_dsl", sparx_dsl.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["conf.py"]
html_theme, html_title, html_show_copyright = "furo", "sparx_dsl", False
myst_heading_anchors = 4
suppress_warnings = ["myst.xref_missing"]
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
pygments_style, pygments_dark_style = "friendly", "github-dark"

GENERATED = Path(__file__).parent / "_generated"
"""Pages that are made from the package at every build."""


def modules() -> Iterator[tuple[str, list[str]]]:
    """The modules of the public names, in the order of the package, each with its names."""
    for module in dict.fromkeys(sparx_dsl.MODULES.values()):
        yield module, sorted(name for name, owner in sparx_dsl.MODULES.items() if owner == module)


def reference() -> str:
    """The page of the API: every public name with its docstring, by the module that it is imported from."""
    lines = ["Python", "======", "", "All names are imported from ``sparx_dsl``.", ""]
    for module, names in modules():
        title = re.split(r"[:,.]", inspect.getdoc(importlib.import_module(module)) or module)[0].replace("\n", " ")
        lines += [title, "-" * len(title), ""]
        for name in names:
            value = getattr(sparx_dsl, name)
            if inspect.isclass(value):
                lines += [f".. autoclass:: sparx_dsl.{name}", "   :members:", "   :show-inheritance:", ""]
            elif inspect.isfunction(value):
                lines += [f".. autofunction:: sparx_dsl.{name}", ""]
    return "\n".join(lines)


def gallery() -> str:
    """The page of the diagrams of the zoo, which are drawn beside it."""
    lines = ["# The zoo in pictures", "", "Drawn by `sparx draw NAME -o NAME.svg`; `sparx list` has the sizes.", ""]
    for name in sparx_dsl.list_specs():
        picture = GENERATED / f"{name.replace('/', '_')}.svg"
        sparx_dsl.draw(sparx_dsl.load_spec(name), picture)
        lines += [f"## {name}", "", f"![the connections of {name}]({picture.name})", ""]
    return "\n".join(lines)


def generate(app: Sphinx) -> None:
    """Write the generated pages."""
    GENERATED.mkdir(exist_ok=True)
    (GENERATED / "reference.rst").write_text(reference(), encoding="utf-8")
    (GENERATED / "gallery.md").write_text(gallery(), encoding="utf-8")


def setup(app: Sphinx) -> None:
    """Register what is done before the pages are read."""
    app.connect("builder-inited", generate)
