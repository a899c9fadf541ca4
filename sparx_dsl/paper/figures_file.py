"""Files of printed figures: YAML as a spec is, checked by a model of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from sparx_dsl.errors import Code, Diagnostic, SparxError
from sparx_dsl.language.base import Options
from sparx_dsl.language.extends import read_bytes
from sparx_dsl.reader.compose import compose
from sparx_dsl.reader.limits import DEFAULT_LIMITS
from sparx_dsl.reader.tree import Node, locate, plain

Figures = TypeVar("Figures", bound=Options)


def top_level_keys(path: Path) -> tuple[str, ...]:
    """The keys that the file's text begins with, in order; raises ``SparxError``."""
    data: Any = plain(_tree(path))
    return tuple(map(str, data)) if isinstance(data, dict) else ()  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]


def read_figures_of(path: Path, model: type[Figures], example: str) -> Figures:
    """The figures in a YAML file, as ``model`` has them; raises ``SparxError`` with ``example`` as what to write."""
    tree = _tree(path)
    try:
        return model.model_validate(plain(tree))
    except ValidationError as error:
        found = error.errors(include_url=False)
        raise SparxError([_error(details["loc"], details["msg"], tree, example) for details in found]) from None


def _tree(path: Path) -> Node:
    return compose(read_bytes(path, str(path), DEFAULT_LIMITS), str(path), DEFAULT_LIMITS)


def _error(path: tuple[str | int, ...], message: str, tree: Node, example: str) -> Diagnostic:
    return Diagnostic(
        Code.INVALID_PRINTED_FIGURE,
        f"invalid printed figure: {message.lower()}",
        locate(tree, path),
        help=f"write {example}",
    )
