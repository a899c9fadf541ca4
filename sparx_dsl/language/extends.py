"""How a spec builds on another: the other file's tree with this file's keys laid over it."""

from __future__ import annotations

import stat
from collections.abc import Iterable
from pathlib import Path

from sparx_dsl.errors import Code, Diagnostic, SourceText, SparxError, Where, did_you_mean
from sparx_dsl.language.base_file import base_path, extends_error, neighbours
from sparx_dsl.language.zoo import file_names, spec_path
from sparx_dsl.reader.compose import compose
from sparx_dsl.reader.limits import Limits
from sparx_dsl.reader.merge import merge_patch
from sparx_dsl.reader.tree import MappingNode, ScalarNode, SequenceNode, locate
from sparx_dsl.reader.tree_size import refuse_large_tree
from sparx_dsl.reader.yaml_text import read_text

LONGEST_NAME = 400
"""Characters of a path in messages, of which the middle is left out where it has more."""
STANDARD_INPUT = Path("-")
"""What is written for standard input in place of a file."""


def read_tree(path: Path, limits: Limits, root: Path | None) -> MappingNode:
    """Compose the file at ``path``, or of that name in the zoo, and everything it extends; ``-`` is standard input.

    What it extends may stand anywhere below ``root``, where one is given. Raises ``SparxError``.
    """
    file = spec_path(path)
    name, content = named_bytes(file, limits)
    return expand(compose(content, name, limits), file, limits, root=root)


def read_spec_text(path: Path, limits: Limits) -> str:
    """The text of the file at ``path``, or of that name in the zoo, as it stands there; raises ``SparxError``."""
    name, content = named_bytes(spec_path(path), limits)
    return read_text(content, name, limits).text


def named_bytes(file: Path, limits: Limits) -> tuple[str, bytes]:
    """What messages call a spec's file, and its bytes; raises ``SparxError``."""
    name = "<stdin>" if file == STANDARD_INPUT else str(file)
    if len(name) > LONGEST_NAME:
        name = f"{name[: LONGEST_NAME // 2]}…{name[-LONGEST_NAME // 2 :]}"
    return name, read_bytes(file, name, limits, file_names())


def expand(
    tree: MappingNode, path: Path | None, limits: Limits, seen: tuple[Path, ...] = (), root: Path | None = None
) -> MappingNode:
    """``tree`` laid over the file that its ``extends`` key names; as it is where there is no such key.

    ``path`` is the file that the tree was read from, ``seen`` are those that led to it. Below ``root``, where one is
    given, all files may be read. Raises ``SparxError``, with SPX003 where both together hold too many keys and values.
    """
    entry = tree.entry("extends")
    if entry is None:
        _refuse_space(tree)
        return tree
    file = base_path(tree, entry, path, root)
    chain = (*seen, path.resolve()) if path is not None else seen
    _refuse_cycle(tree, file, chain, limits)
    name = str(file)
    base = expand(compose(read_bytes(file, name, limits), name, limits), file, limits, chain, root)
    own = MappingNode(tuple(other for other in tree.entries if other is not entry), tree.span, tree.source)
    _refuse_list_of_changes(own, base, file.name)
    merged = merge_patch(base, own)
    assert isinstance(merged, MappingNode), "a mapping laid over a mapping is a mapping"
    refuse_large_tree(merged, limits, "the spec, with what it extends,", lambda: locate(tree, ("extends",)))
    return merged


def _refuse_space(tree: MappingNode) -> None:
    """Raise ``SparxError`` for a search space, which is known by the key ``space``."""
    entry = tree.entry("space")
    if entry is not None and tree.entry("sparx") is None:
        where = Where("space", entry.key.source, entry.key.span)
        message, help = "this is a search space, not a spec", "sparx search takes it, and sparx check checks it"
        raise SparxError(Diagnostic(Code.UNKNOWN_KEY, message, where, help=help))


def _refuse_list_of_changes(own: MappingNode, base: MappingNode, name: str) -> None:
    """Raise ``SparxError`` where a list of stages, which replaces the base's, was meant to change single ones."""
    mine, theirs = own.entry("stages"), base.entry("stages")
    if mine is None or theirs is None or not isinstance(mine.value, SequenceNode):
        return
    for number, item in enumerate(mine.value.items, start=1):
        if isinstance(item, MappingNode) and not {"channels", "depth"} & {str(one.key.value) for one in item.entries}:
            message = f"a list of stages replaces all of {name}, and its stage {number} has no channels and no depth"
            help = f"to change single stages, write their numbers: stages: {{{number}: {{{_example(item)}}}}}"
            where = Where(f"stages.{number}", item.source, item.span)
            raise SparxError(Diagnostic(Code.MISSING_KEY, message, where, help=help))


def _example(item: MappingNode) -> str:
    """The first key of a stage with its value, where that is short."""
    for entry in item.entries:
        if isinstance(entry.value, ScalarNode) and len(entry.value.text) < 20:
            return f"{entry.key.text}: {entry.value.text}"
    return "S: 2"


def read_bytes(path: Path, name: str, limits: Limits, others: Iterable[str] = ()) -> bytes:
    """The bytes of a regular file, or of standard input for ``-``: at most one more than the limit.

    Where it is not there, a file beside it or one of ``others`` may have been meant.
    Raises ``SparxError`` (SPX501) when it cannot be read, also for a pipe or a device, which might never end.
    """
    try:
        if path != STANDARD_INPUT and _is_pipe_or_device(path):
            message, where = "the file cannot be read: it is not a regular file", Where(source=SourceText(name, ""))
            raise SparxError(
                Diagnostic(Code.FILE_NOT_READABLE, message, where, help="write - to read from standard input")
            )
        with open(0, "rb", closefd=False) if path == STANDARD_INPUT else path.open("rb") as file:
            return file.read(limits.source_bytes + 1)
    except (OSError, ValueError) as error:
        reason = (error.strerror or type(error).__name__) if isinstance(error, OSError) else str(error)
        absent = isinstance(error, FileNotFoundError)
        guess = did_you_mean(path.name, [*neighbours(path.parent), *others]) if absent else None
        message, where = f"the file cannot be read: {reason.lower()}", Where(source=SourceText(name, ""))
        raise SparxError(Diagnostic(Code.FILE_NOT_READABLE, message, where, help=guess)) from None


def _is_pipe_or_device(path: Path) -> bool:
    """Whether it is neither a regular file nor a folder; raises ``OSError`` where there is nothing."""
    mode = path.stat().st_mode
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _refuse_cycle(tree: MappingNode, base: Path, chain: tuple[Path, ...], limits: Limits) -> None:
    """Raise ``SparxError`` where the base is one of the files that led to it, or the chain grows too long."""
    if base.resolve() in chain:
        names = [file.name for file in (*chain[chain.index(base.resolve()) :], base)]
        raise extends_error(
            tree, Code.CIRCULAR_EXTENDS, f"{base.name} extends itself: {' → '.join(names)}", "remove one extends"
        )
    if len(chain) >= limits.extends:
        message = f"more than {limits.extends} files extend one another"
        raise extends_error(tree, Code.CIRCULAR_EXTENDS, message, "write some of the keys out")
