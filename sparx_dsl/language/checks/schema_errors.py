"""From pydantic's findings to diagnostics in the language's own terms, at their places in the text."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import cast

from pydantic_core import ErrorDetails

from sparx_dsl.errors import Code, Diagnostic, closest, quoted
from sparx_dsl.language.checks.describe_schema import KeyPath, Slot, child, language, node_at, walk
from sparx_dsl.language.checks.hints import (
    is_word,
    meant,
    name_advice,
    shown,
    value_advice,
    where_key_belongs,
    without_colon,
)
from sparx_dsl.language.roles import ROLES, Role
from sparx_dsl.reader.tree import MappingNode, Node, ScalarNode, SequenceNode, locate, plain
from sparx_dsl.registry import default_registry

TYPE_FINDINGS = frozenset({
    "bool_type", "dict_type", "float_type", "int_type", "kind_slot", "literal_error", "missing", "model_type",
    "string_type", "tuple_type",
})  # fmt: skip
RANGE_FINDINGS = frozenset({"greater_than_equal", "less_than", "less_than_equal", "too_long", "too_short"})
_FINDINGS_EACH = 3
"""At most so many findings of pydantic make one diagnostic."""
KEY_MARK = "[key]"
"""What pydantic puts at the end of a ``loc`` that means a mapping's key."""


@dataclass(slots=True)
class _Findings:
    """Pydantic's findings, sorted by what they are about."""

    unknown: dict[KeyPath, list[str]] = field(default_factory=dict[KeyPath, list[str]])
    """Keys that the language does not have, by the path of the mapping."""
    missing: dict[KeyPath, list[str]] = field(default_factory=dict[KeyPath, list[str]])
    values: dict[tuple[KeyPath, bool], list[ErrorDetails]] = field(
        default_factory=dict[tuple[KeyPath, bool], list[ErrorDetails]]
    )
    """By the path of the value, and whether its key is meant."""


def schema_diagnostics(findings: Iterable[ErrorDetails], root: Node, limit: int) -> list[Diagnostic]:
    """One diagnostic for each error that pydantic found in ``root``, and for each empty value; at most ``limit``."""
    found = _sorted(itertools.islice(findings, _FINDINGS_EACH * limit), root)
    errors = itertools.chain(
        _version(root),
        _unknown_keys(found, root),
        _missing_keys(found, root),
        _values(found, root),
        _nulls(found, root),
    )
    return list(itertools.islice(errors, limit))


def _sorted(findings: Iterable[ErrorDetails], root: Node) -> _Findings:
    found = _Findings()
    for details in findings:
        loc, kind = details["loc"], details["type"]
        if kind in ("extra_forbidden", "invalid_key"):
            found.unknown.setdefault(loc[:-1], []).append(str(loc[-1]))
        elif kind == "missing" and isinstance(loc[-1], str):
            found.missing.setdefault(loc[:-1], []).append(loc[-1])
        elif kind == "missing_kind":
            _sort_missing_kind(found, loc, root)
        elif not _is_echo(details, root):
            found.values.setdefault((walk(root, loc)[0], loc[-1:] == (KEY_MARK,)), []).append(details)
    return found


def _sort_missing_kind(found: _Findings, loc: KeyPath, root: Node) -> None:
    """A mapping without a kind: either it is missing, or it is there under another name."""
    slot, node = walk(root, loc)[1], node_at(root, loc)
    keys = [str(entry.key.value) for entry in node.entries] if isinstance(node, MappingNode) else []
    strange = next((key for key in keys if key not in slot.fields() and meant(key, slot) == "kind"), None)
    (found.missing if strange is None else found.unknown).setdefault(loc, []).append(strange or "kind")


def _is_echo(details: ErrorDetails, root: Node) -> bool:
    """Whether a list is called too short only because pydantic did not count its broken items."""
    if details["type"] != "too_short":
        return False
    node = node_at(root, walk(root, details["loc"])[0])
    return isinstance(node, SequenceNode) and len(node.items) >= details.get("ctx", {}).get("min_length", 0)


def _version(root: Node) -> Iterator[Diagnostic]:
    """The version of the language written as something that only equals 1: pydantic compares with ``==``."""
    version = child(root, "sparx")
    if isinstance(version, ScalarNode) and isinstance(version.value, bool | float) and version.value == 1:
        message = f"sparx must be {language().fields()['sparx']}, not {shown(version.value)}"
        yield Diagnostic(Code.UNKNOWN_CHOICE, message, locate(root, ("sparx",)), help="write sparx: 1")


def _unknown_keys(found: _Findings, root: Node) -> Iterator[Diagnostic]:
    for path, names in found.unknown.items():
        slot = walk(root, path)[1]
        place = locate(root, path).path or "a spec"
        for name in names:
            guess = meant(name, slot)
            belongs = where_key_belongs(root, path, name)
            colon = without_colon(name, slot)
            yield Diagnostic(
                Code.UNKNOWN_KEY,
                f"{place} has no key {quoted(name)}",
                locate(root, (*path, name), key=True),
                notes=(f"the keys are {', '.join(slot.fields())}",),
                help=f"a ':' is missing: write {colon}"
                if colon
                else belongs or (f"did you mean {quoted(guess)}?" if guess else None),
            )


def _missing_keys(found: _Findings, root: Node) -> Iterator[Diagnostic]:
    for path, names in found.missing.items():
        slot = walk(root, path)[1]
        misspelt = {meant(name, slot) for name in found.unknown.get(path, ())}
        for name in names:
            if name not in misspelt:
                wanted = " or ".join(slot.kinds) if name == "kind" else str(slot.fields()[name])
                where = locate(root, path, key=True)
                yield Diagnostic(
                    Code.MISSING_KEY, f"the key {quoted(name)} is missing", where, help=f"{name} is {wanted}"
                )


def _values(found: _Findings, root: Node) -> Iterator[Diagnostic]:
    for (path, of_key), group in found.values.items():
        node, slot = node_at(root, path), walk(root, path)[1]
        if isinstance(node, ScalarNode) and node.value is None:
            continue
        types = {details["type"] for details in group}
        if "kind_fails" in types:
            context = next(details["ctx"] for details in group if "ctx" in details)
            yield Diagnostic(Code.INVALID_KIND_OPTIONS, context["reason"], locate(root, path), help=context["help"])
        elif "unknown_kind" in types:
            yield _unknown_kind(root, path, plain(node))
        elif of_key:
            yield _wrong_key(root, path)
        elif "string_pattern_mismatch" in types:
            yield _not_a_name(root, path, str(plain(node)), slot)
        elif types == {"too_long"} and slot.takes("integer"):
            # A pair that may also be written as one number: a list of three is another thing.
            yield _wrong_value(root, path, plain(node), slot, out_of_range=False)
        elif types <= TYPE_FINDINGS | RANGE_FINDINGS:
            yield _wrong_value(root, path, plain(node), slot, out_of_range=bool(types & RANGE_FINDINGS))
        else:
            message = f"{_subject(root, path)} has the invalid value {shown(plain(node))}: {group[0]['msg']}"
            yield Diagnostic(Code.INVALID_VALUE, message, locate(root, path))


def _wrong_value(root: Node, path: KeyPath, value: object, slot: Slot, *, out_of_range: bool) -> Diagnostic:
    """A value of the wrong type, out of range, or a word that is not among the choices."""
    code = Code.OUT_OF_RANGE if out_of_range else Code.UNKNOWN_CHOICE if is_word(value, slot) else Code.WRONG_TYPE
    message = f"{_subject(root, path)} must be {slot}, not {shown(value)}"
    return Diagnostic(code, message, locate(root, path), help=value_advice(value, slot))


def _wrong_key(root: Node, path: KeyPath) -> Diagnostic:
    """A key of ``layers`` that is no layer number."""
    node, key = node_at(root, path[:-1]), path[-1]
    entry = node.entry(key) if isinstance(node, MappingNode) else None
    written = entry.key.value if entry is not None else key
    number = isinstance(written, int) or re.fullmatch(r"0|[1-9][0-9]*", str(written)) is not None
    digits = re.fullmatch(r"(?:layer|0+)([1-9][0-9]{0,3})", str(key))
    help_text = f"write {digits[1]}" if digits else "write a number, such as 3"
    return Diagnostic(
        Code.OUT_OF_RANGE if number else Code.WRONG_TYPE,
        f"{_subject(root, path[:-1])} names layers by number from 1, not by {shown(written)}",
        locate(root, path, key=True),
        help=help_text,
    )


def _not_a_name(root: Node, path: KeyPath, text: str, slot: Slot) -> Diagnostic:
    """A text that is no name, or not the name of a node."""
    return Diagnostic(
        Code.INVALID_NAME,
        f"{quoted(text)} is not {'the name of a node' if slot.is_place else 'a name'}",
        locate(root, path),
        notes=("names have at most 64 lower-case letters, digits and underscores, and begin with a letter",),
        help=name_advice(text, slot),
    )


def _unknown_kind(root: Node, path: KeyPath, value: object) -> Diagnostic:
    """A kind that is not registered for its role."""
    holder = walk(root, path[:-1])[1]
    names, word = list(holder.kinds), value if isinstance(value, str) else ""
    role = next((role for role in ROLES if list(default_registry().names(role)) == names), str(path[-2]))
    others = [other for other in ROLES if default_registry().find(other, word)]
    guess = closest(word, names)
    elsewhere = (f"{word} is a kind of {' and '.join(others)}",) if others else ()
    broken = (str(package) for package in default_registry().broken if package.may_have(cast("Role", role), word))
    return Diagnostic(
        Code.UNKNOWN_KIND,
        f"unknown {role} kind {shown(value)}",
        locate(root, path),
        notes=(f"the kinds of {role} are {', '.join(names)}", *elsewhere, *broken),
        help=f"did you mean {quoted(guess)}?" if guess else None,
    )


def _nulls(found: _Findings, root: Node) -> Iterator[Diagnostic]:
    """Every empty value but those of keys that the language does not have anyway."""
    strange = {(*path, name) for path, names in found.unknown.items() for name in names}
    pending: list[tuple[KeyPath, Node]] = [((), root)]
    while pending:
        path, node = pending.pop()
        if path in strange:
            continue
        if isinstance(node, ScalarNode) and node.value is None:
            yield _empty(root, path, node)
        elif isinstance(node, SequenceNode):
            pending += [((*path, index), item) for index, item in enumerate(node.items)]
        elif isinstance(node, MappingNode):
            pending += [((*path, str(entry.key.value)), entry.value) for entry in node.entries]


def _empty(root: Node, path: KeyPath, node: ScalarNode) -> Diagnostic:
    """A null, or nothing at all behind a key."""
    known, slot = walk(root, path)
    written = f" ({node.text})" if node.text else ""
    advice = [] if known != path else ["write {kind: none}" if "none" in slot.kinds else f"write {slot}"]
    if not (known == path and walk(root, path[:-1])[1].requires(path[-1])):
        advice.append(f"remove the {'item' if isinstance(path[-1], int) else 'key'}")
    where = locate(root, path, key=not node.text)
    return Diagnostic(
        Code.MISSING_VALUE, f"{_subject(root, path)} has no value{written}", where, help=", or ".join(advice)
    )


def _subject(root: Node, path: KeyPath) -> str:
    """What a message calls the value at a path."""
    if len(path) < 2 or isinstance(path[-1], str):
        return str(path[-1]) if path else "a spec"
    if isinstance(node_at(root, path[:-1]), SequenceNode):
        return f"item {path[-1] + 1} of {path[-2]}"
    return f"{path[-2]}.{path[-1]}"
