"""The top level of a space's text: its keys, its base, and its bounds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final

from sparx_dsl.errors import Code, Diagnostic, Related, SparxError, did_you_mean, quoted
from sparx_dsl.language.base_file import names_file
from sparx_dsl.language.checks.hints import shown
from sparx_dsl.language.extends import expand
from sparx_dsl.reader.limits import Limits
from sparx_dsl.reader.quantities import read_quantity
from sparx_dsl.reader.tree import Entry, MappingNode, Node, ScalarNode
from sparx_dsl.search.space.bounds import MEASURES, Bound
from sparx_dsl.search.space.choices import value_of
from sparx_dsl.search.space.parse_values import error_at, place_of

VERSION: Final = 1
SPACE_KEYS: Final = ("space", "name", "base", "spec", "choices", "bounds")


def check_top_level(tree: MappingNode) -> Iterator[Diagnostic]:
    """What is wrong with the keys of a space as such; of a spec, that it is none."""
    for key in ("sparx", "extends"):
        found = tree.entry(key)
        if found is not None and tree.entry("space") is None:
            message, advice = (
                "this is a spec, not a search space",
                "write a space that names it: base: FILE, and choices",
            )
            yield Diagnostic(Code.UNKNOWN_SPACE_KEY, message, place_of(found.key, key), (), advice)
            return
    for entry in tree.entries:
        if str(entry.key.value) not in SPACE_KEYS:
            notes, advice = (f"the keys are {', '.join(SPACE_KEYS)}",), did_you_mean(entry.key.text, SPACE_KEYS)
            message = f"a space has no key {quoted(entry.key.text)}"
            yield Diagnostic(Code.UNKNOWN_SPACE_KEY, message, place_of(entry.key, entry.key.text), notes, advice)
    version = tree.entry("space")
    if version is None:
        yield _missing(tree, "space", "write space: 1, the version of the language of spaces")
    elif not (isinstance(version.value, ScalarNode) and version.value.value is not True and version.value.value == 1):
        message = f"space must be 1, not {shown(value_of(version.value))}"
        yield Diagnostic(Code.INVALID_SPACE_VALUE, message, place_of(version.value, "space"), help="write space: 1")
    base, spec = tree.entry("base"), tree.entry("spec")
    if base is None and spec is None:
        yield _missing(tree, "base", "name the file of a spec, such as base: sparx_mamba_t.yaml, or write one in spec")
    if base is not None and spec is not None:
        related = (Related(place_of(base.key), "the base is here"),)
        message = "the space has two bases, one by name and one written out"
        yield Diagnostic(
            Code.INVALID_SPACE_VALUE, message, place_of(spec.key, "spec"), (), "keep either base or spec", related
        )
    name = tree.entry("name")
    if name is not None and not (isinstance(named := value_of(name.value), str) and named):
        message = f"name must be text, not {shown(value_of(name.value))}"
        yield Diagnostic(
            Code.INVALID_SPACE_VALUE, message, place_of(name.value, "name"), help="write a name such as around_mamba_t"
        )
    for key in ("spec", "choices", "bounds"):
        yield from _check_mapping(tree, key)


def _check_mapping(tree: MappingNode, key: str) -> Iterator[Diagnostic]:
    entry = tree.entry(key)
    if entry is None:
        if key == "choices":
            yield _missing(tree, key, "write choices: {stages.1.channels: [64, 96]}")
        return
    where = place_of(entry.value, key)
    if not isinstance(entry.value, MappingNode):
        message = f"{key} must be a mapping, not {shown(value_of(entry.value))}"
        yield Diagnostic(Code.INVALID_SPACE_VALUE, message, where, help=f"write {key}: {{…: …}}")
    elif key == "choices" and not entry.value.entries:
        yield Diagnostic(Code.EMPTY_CHOICE, "the space has no choices", where, help="write one at least")


def _missing(tree: MappingNode, key: str, advice: str) -> Diagnostic:
    return Diagnostic(Code.MISSING_SPACE_KEY, f"the key {quoted(key)} is missing", place_of(tree), help=advice)


def mapping_under(tree: MappingNode, key: str) -> MappingNode:
    """The mapping of that key; an empty one where the key is absent."""
    entry = tree.entry(key)
    return entry.value if entry is not None and isinstance(entry.value, MappingNode) else MappingNode(())


def parse_base(tree: MappingNode, path: Path | None, limits: Limits, root: Path | None = None) -> MappingNode:
    """The tree of the base spec, read as ``extends`` is, below ``root`` where one is given; raises ``SparxError``."""
    base = tree.entry("base")
    if base is None:
        return expand(mapping_under(tree, "spec"), path, limits, root=root)
    value = base.value.value if isinstance(base.value, ScalarNode) else None
    if not names_file(value) or (root is None and ".." in PurePosixPath(str(value)).parts):
        message = f"base must be the relative path of a YAML file, not {shown(value_of(base.value))}"
        raise error_at(
            base.value, Code.INVALID_BASE, message, "write a path such as sparx_mamba_t.yaml or bases/mine.yaml"
        )
    extends = ScalarNode("extends", "extends", base.key.span, base.key.source)
    return expand(MappingNode((Entry(extends, base.value),), tree.span, tree.source), path, limits, root=root)


def parse_bounds(node: MappingNode) -> tuple[tuple[Bound, ...], list[Diagnostic]]:
    """The bounds, and what is wrong with them."""
    bounds: list[Bound] = []
    errors: list[Diagnostic] = []
    for entry in node.entries:
        try:
            bounds.append(_parse_bound(entry))
        except SparxError as error:
            errors += error.diagnostics
    return tuple(bounds), errors


def _parse_bound(entry: Entry) -> Bound:
    """One bound; raises ``SparxError``."""
    measure, node = str(entry.key.value), entry.value
    if measure not in MEASURES:
        notes, advice = (f"what can be bounded: {', '.join(MEASURES)}",), did_you_mean(measure, MEASURES)
        message = f"unknown bound {quoted(measure)}"
        raise SparxError(Diagnostic(Code.UNKNOWN_SPACE_KEY, message, place_of(entry.key), notes, advice))
    where = place_of(node, f"bounds.{measure}")
    if not isinstance(node, MappingNode):
        return Bound(measure, None, _parse_amount(node, measure), where)
    amounts: dict[str, int] = {}
    for own in node.entries:
        if own.key.value not in ("least", "most"):
            advice = did_you_mean(own.key.text, ("least", "most"))
            message = f"a bound has no key {quoted(own.key.text)}"
            raise SparxError(
                Diagnostic(Code.UNKNOWN_SPACE_KEY, message, place_of(own.key), ("the keys are least, most",), advice)
            )
        amounts[str(own.key.value)] = _parse_amount(own.value, measure)
    if not amounts:
        raise error_at(node, Code.EMPTY_CHOICE, f"the bound on {measure} is empty", "write {most: 30M}")
    least, most = amounts.get("least"), amounts.get("most")
    if least is not None and most is not None and least > most:
        raise error_at(
            node, Code.BOUNDS_REVERSED, f"the bound on {measure} has its least above its most", "swap least and most"
        )
    return Bound(measure, least, most, where)


def _parse_amount(node: Node, measure: str) -> int:
    value = value_of(node)
    amount = read_quantity(value, of_bytes=measure == "peak")
    if amount is None:
        units = "B, KB, MB, GB, KiB, MiB, GiB" if measure == "peak" else "K, M, G, T"
        message = f"{shown(value)} is not an amount of {MEASURES[measure]}"
        raise error_at(node, Code.INVALID_AMOUNT, message, f"write a number, with one of the units {units} or none")
    return amount
