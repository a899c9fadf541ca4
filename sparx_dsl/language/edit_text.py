"""The text of a spec with other values at some key paths; its comments, its order and its layout stay.

ruamel.yaml changes the text. What comes out is read by the language's own reader and compared with the edited spec,
so that a text is never given that means anything else.
"""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard, Union, cast

from sparx_dsl.errors import Code, Diagnostic, SparxError, quoted
from sparx_dsl.language.edit import key_path
from sparx_dsl.language.extends import expand, named_bytes
from sparx_dsl.language.load import reads_as_itself
from sparx_dsl.language.spec import Spec, spec_of
from sparx_dsl.language.zoo import spec_path
from sparx_dsl.reader.compose import compose
from sparx_dsl.reader.limits import DEFAULT_LIMITS, Limits
from sparx_dsl.reader.tree import plain
from sparx_dsl.reader.yaml_text import read_text

if TYPE_CHECKING:
    from ruamel.yaml import YAML
    from ruamel.yaml.comments import CommentedMap, CommentedSeq
    from ruamel.yaml.tokens import CommentToken

Key = str | int
Collection = Union["CommentedMap", "CommentedSeq"]


def read_assignment(text: str, limits: Limits = DEFAULT_LIMITS) -> tuple[str, object]:
    """The path and the value of ``stages.3.S=3``; the value is YAML, and None where nothing is behind the sign.

    Raises ``SparxError`` (SPX526) for a text without the sign or the path, and what reading the value raises.
    """
    path, sign, value = text.partition("=")
    if not sign or not path.strip():
        message = f"invalid edit {quoted(text)}"
        raise SparxError(Diagnostic(Code.INVALID_ASSIGNMENT, message, help="write a path and a value: stages.3.S=3"))
    if not value.strip():
        return path.strip(), None
    entry = compose(f"value: {value}\n", f"<{path.strip()}>", limits).entry("value")
    return path.strip(), None if entry is None else plain(entry.value)


def edited_text(
    path: str | os.PathLike[str],
    changes: Mapping[str, object],
    target: str | os.PathLike[str] | None = None,
    limits: Limits = DEFAULT_LIMITS,
    root: str | os.PathLike[str] | None = None,
) -> str:
    """The text of the spec at ``path``, or of that name in the zoo, with other values at 1-based key paths.

    A path is as for ``Spec.edit``, which says what a text means: None removes a key, mappings are laid over those that
    are there. ``target`` is the file that the text will stand in, whose folder ``extends`` starts from. Raises
    ``SparxError`` with every error of the edited spec.
    """
    file, top = spec_path(Path(path)), None if root is None else Path(root)
    name, content = named_bytes(file, limits)
    expected = _read(content, name, file, limits, top).edit(changes)
    text = read_text(content, name, limits).text
    for nulls in (False, True):  # A key that the extended file has is removed by a null.
        edited = _edited(text, {key_path(key, limits): value for key, value in changes.items()}, nulls=nulls)
        try:
            found = _read(edited.encode(), name, Path(target or file), limits, top)
        except SparxError:
            if nulls:
                raise
            continue
        if found == expected:
            return edited
    message = "this edit cannot be made in the text of the spec"
    raise SparxError(
        Diagnostic(Code.INVALID_ASSIGNMENT, message, help="edit the file by hand, or write one that extends it")
    )


def _read(content: bytes, name: str, file: Path, limits: Limits, root: Path | None) -> Spec:
    return spec_of(expand(compose(content, name, limits), file, limits, root=root), limits)


def _edited(text: str, changes: Mapping[tuple[Key, ...], object], *, nulls: bool) -> str:
    """The text with each value at its path; removed keys are left out, or null."""
    yaml = _yaml(text)
    root = yaml.load(text)
    for keys, value in changes.items():
        _set(root, keys, value, nulls=nulls)
    stream = io.StringIO()
    yaml.dump(root, stream)
    return stream.getvalue()


def _yaml(text: str) -> YAML:
    """A reader and writer that keeps quotes, comments, and the indentation of this text."""
    from ruamel.yaml import YAML
    from ruamel.yaml.util import load_yaml_guess_indent

    _, indent, offset = load_yaml_guess_indent(text)
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 10_000
    yaml.indent(mapping=2, sequence=indent or 2, offset=offset or 0)
    yaml.brace_single_entry_mapping_in_flow_sequence = True
    yaml.representer.add_representer(type(None), lambda to, _: to.represent_scalar("tag:yaml.org,2002:null", "null"))
    return yaml


def _set(node: Collection, keys: tuple[Key, ...], value: object, *, nulls: bool) -> None:
    """Put a value at a path below ``node``, with mappings on the way where there are none."""
    from ruamel.yaml.comments import CommentedMap

    key = _place(node, keys[0])
    inner = _at(node, key)
    if len(keys) > 1:
        if not _is_mapping(inner) and not _is_list(inner):
            inner = CommentedMap()
            _put(node, key, inner)
        _set(inner, keys[1:], value, nulls=nulls)
    elif value is None and not nulls:
        _remove(node, key)
    elif isinstance(value, Mapping) and _laid_over(inner, part := cast("Mapping[Key, object]", value)):
        for name, one in part.items():
            _set(inner, (name,), one, nulls=nulls)
    else:
        _put(node, key, _written(cast("object", value)))


def _place(node: Collection, key: Key) -> Key:
    """The key of a mapping, or the 0-based index of a list's item, by its 1-based number or its name."""
    if isinstance(node, list):
        names = [str(item.get("name")) if _is_mapping(item) else None for item in node]
        return int(key) - 1 if isinstance(key, int) else names.index(key)
    return next((own for own in node if str(own) == str(key)), key)


def _at(node: Collection, key: Key) -> Any:
    if isinstance(node, list):
        assert isinstance(key, int), "an index"
        return node[key] if key < len(node) else None
    return node.get(key)


def _laid_over(old: Any, new: Mapping[Any, Any]) -> bool:
    """Whether a mapping is merged into the one that is there, and does not replace it."""
    return _is_mapping(old) and ("kind" not in new or "kind" not in old or new["kind"] == old["kind"])


def _put(node: Collection, key: Key, value: Any) -> None:
    if isinstance(node, list):
        assert isinstance(key, int), "an index"
        node[key : key + 1] = [value]
        return
    if key == "kind" and node.get(key) not in (None, value):
        node.clear()  # The options of another kind.
    if key in node or not node or not _comment_below(node):
        node[key] = value
    else:
        # What is written below the last key is about what follows, and stays there.
        node.insert(len(node) - 1, key, value)


def _remove(node: Collection, key: Key) -> None:
    if isinstance(node, list):
        assert isinstance(key, int), "an index"
        del node[key]
    elif key in node:
        _keep_comment_below(node, key)
        del node[key]


def _comment_below(node: CommentedMap) -> bool:
    """Whether lines of their own stand below the last key of a mapping."""
    return "\n" in _comment(node, next(reversed(node))).rstrip("\n")


def _comment(node: CommentedMap, key: Key) -> str:
    """What is written behind a key's value, and on lines of their own below it."""
    token = _token(node, key)
    return "" if token is None else token.value


def _token(node: CommentedMap, key: Key) -> CommentToken | None:
    return node.ca.items.get(key, [None] * 4)[2]


def _keep_comment_below(node: CommentedMap, key: Key) -> None:
    """Move the lines of comments below a key, which are about what follows, below the key before it."""
    from ruamel.yaml.error import CommentMark
    from ruamel.yaml.tokens import CommentToken

    below, names = _comment(node, key).partition("\n")[2], [*node]
    place = names.index(key)
    if "#" not in below or not place:
        return
    owner, last = node, names[place - 1]
    while _is_mapping(inner := owner[last]) and inner and not inner.fa.flow_style():
        owner, last = inner, next(reversed(inner))
    behind, token = _comment(owner, last).rstrip("\n"), _token(owner, last)
    start = token.start_mark if behind and token is not None else CommentMark(0)  # a comment keeps its column
    owner.ca.items[last] = [None, None, CommentToken(f"{behind}\n{below}", start), None]


def _is_mapping(node: object) -> TypeGuard[CommentedMap]:
    return isinstance(node, dict)


def _is_list(node: object) -> TypeGuard[CommentedSeq]:
    return isinstance(node, list)


def _written(value: object) -> object:
    """The value with quotes around texts that would be read as something else, and mappings in one line."""
    from ruamel.yaml.comments import CommentedMap, CommentedSeq
    from ruamel.yaml.scalarstring import SingleQuotedScalarString

    if isinstance(value, Mapping):
        mapping = CommentedMap({key: _written(one) for key, one in cast("Mapping[Key, object]", value).items()})
        mapping.fa.set_flow_style()
        return mapping
    if isinstance(value, list):
        sequence = CommentedSeq(map(_written, cast("list[object]", value)))
        sequence.fa.set_flow_style()
        return sequence
    return SingleQuotedScalarString(value) if isinstance(value, str) and not reads_as_itself(value) else value
