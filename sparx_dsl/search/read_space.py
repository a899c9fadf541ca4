"""From a file, a text or plain values to a ``Space``."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from sparx_dsl.errors import Diagnostic, SparxError
from sparx_dsl.language.extends import named_bytes
from sparx_dsl.language.load import in_order
from sparx_dsl.language.spec import Spec, spec_of
from sparx_dsl.language.zoo import space_path
from sparx_dsl.reader.compose import compose
from sparx_dsl.reader.limits import DEFAULT_LIMITS, Limits
from sparx_dsl.reader.tree import MappingNode, node_of
from sparx_dsl.search.check_space import fitting, refused_values, unfitting_values
from sparx_dsl.search.search_space import Space
from sparx_dsl.search.space.bounds import budget_bounds
from sparx_dsl.search.space.choices import value_of
from sparx_dsl.search.space.parse_choices import ChoiceParser
from sparx_dsl.search.space.parse_space import VERSION, check_top_level, mapping_under, parse_base, parse_bounds
from sparx_dsl.search.space.parse_values import place_of


def load_space(
    path: str | os.PathLike[str], *, limits: Limits = DEFAULT_LIMITS, root: str | os.PathLike[str] | None = None
) -> Space:
    """Read and check the space in the YAML file at ``path``, or of that name in the zoo (``wide``).

    ``-`` is standard input. Its base, and what that extends, is looked for as ``load_spec`` does it: with a ``root``
    anywhere below that. Raises ``SparxError`` with every error.
    """
    file = space_path(Path(path))
    name, content = named_bytes(file, limits)
    tree = compose(content, name, limits)
    return space_of(tree, file, limits, None if root is None else Path(root))


def parse_space(
    text: str | bytes | Mapping[str, object], *, name: str = "<text>", limits: Limits = DEFAULT_LIMITS
) -> Space:
    """Check a space given as YAML text or as plain values; raises ``SparxError`` with every error.

    It comes from no folder, so that its ``base`` is one of the zoo's, or it has a whole ``spec``.
    """
    tree = node_of(text, limits=limits) if isinstance(text, Mapping) else compose(text, name, limits)
    assert isinstance(tree, MappingNode), "the top level of a text is a mapping"
    return space_of(tree, None, limits)


def make_space(
    base: Spec, choices: Mapping[str, object], *, name: str = "space", bounds: Mapping[str, object] | None = None
) -> Space:
    """The space that choices make of a spec, within its limits; the values are those that a file would have."""
    given: dict[str, object] = {"space": VERSION, "name": name, "spec": base.written(), "choices": choices}
    return parse_space({**given, "bounds": bounds} if bounds else given, limits=base.limits)


def space_of(tree: MappingNode, path: Path | None, limits: Limits, root: Path | None = None) -> Space:
    """The space that a composed tree, read from ``path``, describes; raises ``SparxError`` with every error.

    Its parts are read one after another, each only once those before it are valid.
    """
    _raise(check_top_level(tree), tree, limits)
    base_tree = parse_base(tree, path, limits, root)
    base = spec_of(base_tree, limits)
    parser = ChoiceParser(base, base_tree)
    choices = parser.parse(mapping_under(tree, "choices"))
    bounds, wrong_bounds = parse_bounds(mapping_under(tree, "bounds"))
    _raise([*parser.errors, *wrong_bounds], tree, limits)
    name, written = tree.entry("name"), tree.entry("choices")
    space = Space(
        base.name if name is None else str(value_of(name.value)), base, choices,
        (*bounds, *budget_bounds(base, bounds)), base_tree, place_of(written.key if written else tree, "choices"),
    )  # fmt: skip
    _raise(refused_values(space), tree, limits)
    space = fitting(space)
    _raise(unfitting_values(space), tree, limits)
    return space


def _raise(errors: Iterable[Diagnostic], tree: MappingNode, limits: Limits) -> None:
    found = in_order(errors, tree.source)
    if found:
        raise SparxError(found[: limits.errors])
