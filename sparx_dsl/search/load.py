"""From a file, a text or plain values to a ``Space``."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from sparx_dsl.errors import Diagnostic, Related, SparxError, did_you_mean, quoted
from sparx_dsl.language.checks.hints import shown
from sparx_dsl.language.extends import FILE_PATTERN, expand, read_bytes
from sparx_dsl.language.load import in_order
from sparx_dsl.language.spec import Spec, spec_of
from sparx_dsl.reader.compose import compose
from sparx_dsl.reader.limits import DEFAULT_LIMITS, Limits
from sparx_dsl.reader.quantities import read_quantity
from sparx_dsl.reader.tree import Entry, MappingNode, Node, ScalarNode, node_of
from sparx_dsl.search.bounds import MEASURES, Bound, budget_bounds
from sparx_dsl.search.checks import refused_values, unfitting_values
from sparx_dsl.search.read_choices import ChoiceReader
from sparx_dsl.search.read_values import place_of, refuse
from sparx_dsl.search.space import Space
from sparx_dsl.search.values import value_of

VERSION: Final = 1
SPACE_KEYS: Final = ("space", "name", "base", "spec", "choices", "bounds")


def load_space(path: str | os.PathLike[str], *, limits: Limits = DEFAULT_LIMITS) -> Space:
    """Read and check the space in the YAML file at ``path``; raises ``SparxError`` with every mistake."""
    file = Path(path)
    return _space_of(compose(read_bytes(file, str(file), limits), str(file), limits), file, limits)


def parse_space(
    text: str | bytes | Mapping[str, object], *, name: str = "<text>", limits: Limits = DEFAULT_LIMITS
) -> Space:
    """Check a space given as YAML text or as plain values; raises ``SparxError`` with every mistake.

    It cannot name a ``base``, because it comes from no folder: it has a whole ``spec``.
    """
    tree = node_of(text) if isinstance(text, Mapping) else compose(text, name, limits)
    if not isinstance(tree, MappingNode):
        raise TypeError("the top level of a text is a mapping")
    return _space_of(tree, None, limits)


def make_space(
    base: Spec,
    choices: Mapping[str, object],
    *,
    name: str = "space",
    bounds: Mapping[str, object] | None = None,
) -> Space:
    """The space that choices make of a spec; the values are those that a file would have, as plain Python data."""
    given: dict[str, object] = {"space": VERSION, "name": name, "spec": base.written(), "choices": choices}
    return parse_space({**given, "bounds": bounds} if bounds else given)


def _space_of(tree: MappingNode, path: Path | None, limits: Limits) -> Space:
    """Read the parts one after another; each is only read once those before it are sound."""
    mistakes = list(_top_level(tree))
    _raise(mistakes, tree, limits)
    base_tree = _base(tree, path, limits)
    base = spec_of(base_tree, limits)
    choices_entry = tree.entry("choices")
    assert choices_entry is not None
    assert isinstance(choices_entry.value, MappingNode)
    reader = ChoiceReader(base, base_tree)
    choices = reader.read(choices_entry.value)
    bounds, wrong_bounds = _bounds(tree.entry("bounds"))
    _raise([*reader.mistakes, *wrong_bounds], tree, limits)
    name = tree.entry("name")
    written = str(value_of(name.value)) if name is not None else base.name
    kept = (*bounds, *budget_bounds(base, bounds))
    space = Space(written, base, choices, kept, base_tree, place_of(choices_entry.key, "choices"))
    _raise(refused_values(space), tree, limits)
    _raise(unfitting_values(space), tree, limits)
    return space


def _raise(mistakes: Iterable[Diagnostic], tree: MappingNode, limits: Limits) -> None:
    found = in_order(mistakes, tree.source)
    if found:
        raise SparxError(found[: limits.mistakes])


def _top_level(tree: MappingNode) -> Iterable[Diagnostic]:
    """What is wrong with the keys of a space as such."""
    for entry in tree.entries:
        if str(entry.key.value) not in SPACE_KEYS:
            notes, advice = (f"the keys are {', '.join(SPACE_KEYS)}",), did_you_mean(entry.key.text, SPACE_KEYS)
            message = f"a space has no key {quoted(entry.key.text)}"
            yield Diagnostic("SPX701", message, place_of(entry.key, entry.key.text), notes, advice)
    version = tree.entry("space")
    if version is None:
        yield _missing(tree, "space", "write space: 1, the version of the language of spaces")
    elif not (isinstance(version.value, ScalarNode) and version.value.value is not True and version.value.value == 1):
        message = f"space must be 1, not {shown(value_of(version.value))}"
        yield Diagnostic("SPX703", message, place_of(version.value, "space"), help="write space: 1")
    base, spec = tree.entry("base"), tree.entry("spec")
    if base is None and spec is None:
        yield _missing(tree, "base", "name the file of a spec, such as base: sparx_mamba_t.yaml, or write one in spec")
    if base is not None and spec is not None:
        related = (Related(place_of(base.key), "the base stands here"),)
        message = "the space has two bases, one by name and one written out"
        yield Diagnostic("SPX703", message, place_of(spec.key, "spec"), (), "keep either base or spec", related)
    name = tree.entry("name")
    if name is not None and not (isinstance(named := value_of(name.value), str) and named):
        message = f"name must be text, not {shown(value_of(name.value))}"
        yield Diagnostic("SPX703", message, place_of(name.value, "name"), help="write a name such as around_mamba_t")
    for key in ("spec", "choices", "bounds"):
        entry = tree.entry(key)
        if entry is None and key == "choices":
            yield _missing(tree, key, "write choices: {stages.1.channels: [64, 96]}")
        if entry is not None and not isinstance(entry.value, MappingNode):
            message = f"{key} must be a mapping, not {shown(value_of(entry.value))}"
            yield Diagnostic("SPX703", message, place_of(entry.value, key), help=f"write {key}: {{…: …}}")
        elif entry is not None and key == "choices" and not getattr(entry.value, "entries", ()):
            yield Diagnostic(
                "SPX712", "the space has no choices", place_of(entry.value, key), help="write one at least"
            )


def _missing(tree: MappingNode, key: str, advice: str) -> Diagnostic:
    return Diagnostic("SPX702", f"the key {quoted(key)} is missing", place_of(tree), help=advice)


def _base(tree: MappingNode, path: Path | None, limits: Limits) -> MappingNode:
    """The tree of the base spec, read as ``extends`` is; raises ``SparxError``."""
    spec = tree.entry("spec")
    if spec is not None and isinstance(spec.value, MappingNode):
        return expand(spec.value, path, limits)
    base = tree.entry("base")
    assert base is not None
    value = base.value.value if isinstance(base.value, ScalarNode) else None
    if not isinstance(value, str) or not FILE_PATTERN.fullmatch(value):
        message = f"base must be the bare name of a YAML file, not {shown(value_of(base.value))}"
        raise refuse("SPX704", message, base.value, "write a name such as sparx_mamba_t.yaml, without a folder")
    extends = ScalarNode("extends", "extends", base.key.span, base.key.source)
    return expand(MappingNode((Entry(extends, base.value),), tree.span, tree.source), path, limits)


def _bounds(entry: Entry | None) -> tuple[tuple[Bound, ...], list[Diagnostic]]:
    """The bounds, and what is wrong with them."""
    bounds: list[Bound] = []
    mistakes: list[Diagnostic] = []
    entries = entry.value.entries if entry is not None and isinstance(entry.value, MappingNode) else ()
    for own in entries:
        try:
            bounds.append(_bound(own))
        except SparxError as error:
            mistakes += error.diagnostics
    return tuple(bounds), mistakes


def _bound(entry: Entry) -> Bound:
    """One bound; raises ``SparxError``."""
    measure, node = str(entry.key.value), entry.value
    if measure not in MEASURES:
        notes, advice = (f"what can be bounded: {', '.join(MEASURES)}",), did_you_mean(measure, MEASURES)
        message = f"there is no bound on {quoted(measure)}"
        raise SparxError(Diagnostic("SPX701", message, place_of(entry.key), notes, advice))
    if not isinstance(node, MappingNode):
        return Bound(measure, None, _amount(node, measure), place_of(node, f"bounds.{measure}"))
    amounts: dict[str, int] = {}
    for own in node.entries:
        if own.key.value not in ("least", "most"):
            advice = did_you_mean(own.key.text, ("least", "most"))
            message = f"a bound has no key {quoted(own.key.text)}"
            raise SparxError(Diagnostic("SPX701", message, place_of(own.key), ("the keys are least, most",), advice))
        amounts[str(own.key.value)] = _amount(own.value, measure)
    if not amounts:
        raise refuse("SPX712", f"the bound on {measure} says nothing", node, "write {most: 30M}")
    if amounts.get("least", 0) > amounts.get("most", amounts.get("least", 0)):
        raise refuse("SPX731", f"the bound on {measure} has a least above its most", node, "swap least and most")
    return Bound(measure, amounts.get("least"), amounts.get("most"), place_of(node, f"bounds.{measure}"))


def _amount(node: Node, measure: str) -> int:
    value = value_of(node)
    amount = read_quantity(value, of_bytes=measure == "peak")
    if amount is None:
        units = "B, KB, MB, GB, KiB, MiB, GiB" if measure == "peak" else "K, M, G, T"
        message = f"{shown(value)} is no amount of {MEASURES[measure]}"
        raise refuse("SPX730", message, node, f"write a number, with one of the units {units} or none")
    return amount
