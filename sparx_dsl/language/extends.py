"""How a spec builds on another: the other file's tree with this file's keys laid over it.

The other file is named, not addressed: a bare file name, looked for beside the spec, then in the folder above, then in
the zoo.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterable
from pathlib import Path

from sparx_dsl.errors import Code, Diagnostic, SourceText, SparxError, Where, did_you_mean
from sparx_dsl.language.checks.hints import shown
from sparx_dsl.language.zoo import NAME_PATTERN, file_names, spec_path, zoo_file
from sparx_dsl.reader.compose import compose
from sparx_dsl.reader.limits import Limits
from sparx_dsl.reader.merge import merge_patch
from sparx_dsl.reader.tree import Entry, MappingNode, ScalarNode, locate, plain
from sparx_dsl.reader.yaml_text import read_text

FILE_PATTERN = re.compile(NAME_PATTERN.pattern + r"\.ya?ml")
MAX_NEIGHBOURS = 750
"""Files that are looked at, in each folder, for one whose name was meant."""
STANDARD_INPUT = Path("-")
"""What is written for standard input in place of a file."""


def read_tree(path: Path, limits: Limits) -> MappingNode:
    """Compose the file at ``path``, or of that name in the zoo, and everything it extends; ``-`` is standard input.

    Raises ``SparxError``.
    """
    file = spec_path(path)
    name, content = named_bytes(file, limits)
    return expand(compose(content, name, limits), file, limits)


def read_spec_text(path: Path, limits: Limits) -> str:
    """The text of the file at ``path``, or of that name in the zoo, as it stands there; raises ``SparxError``."""
    name, content = named_bytes(spec_path(path), limits)
    return read_text(content, name, limits).text


def named_bytes(file: Path, limits: Limits) -> tuple[str, bytes]:
    """What messages call a spec's file, and its bytes; raises ``SparxError``."""
    name = "<stdin>" if file == STANDARD_INPUT else str(file)
    return name, read_bytes(file, name, limits, file_names())


def expand(tree: MappingNode, path: Path | None, limits: Limits, seen: tuple[Path, ...] = ()) -> MappingNode:
    """``tree`` laid over the file that its ``extends`` key names; as it is where there is no such key.

    ``path`` is the file that the tree was read from, and ``seen`` are those that led to it. Raises ``SparxError``.
    """
    entry = tree.entry("extends")
    if entry is None:
        return tree
    base_path = _base_path(tree, entry, path)
    chain = (*seen, path.resolve()) if path is not None else seen
    _refuse_cycle(tree, base_path, chain, limits)
    name = str(base_path)
    base = expand(compose(read_bytes(base_path, name, limits), name, limits), base_path, limits, chain)
    own = MappingNode(tuple(other for other in tree.entries if other is not entry), tree.span, tree.source)
    merged = merge_patch(base, own)
    assert isinstance(merged, MappingNode), "a mapping laid over a mapping is a mapping"
    return merged


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
        guess = did_you_mean(path.name, [*_neighbours(path.parent), *others]) if absent else None
        message, where = f"the file cannot be read: {reason.lower()}", Where(source=SourceText(name, ""))
        raise SparxError(Diagnostic(Code.FILE_NOT_READABLE, message, where, help=guess)) from None


def _is_pipe_or_device(path: Path) -> bool:
    """Whether it is neither a regular file nor a folder; raises ``OSError`` where there is nothing."""
    mode = path.stat().st_mode
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _refuse_cycle(tree: MappingNode, base_path: Path, chain: tuple[Path, ...], limits: Limits) -> None:
    """Raise ``SparxError`` where the base is one of the files that led to it, or the chain grows too long."""
    if base_path.resolve() in chain:
        names = [file.name for file in (*chain[chain.index(base_path.resolve()) :], base_path)]
        raise _error(
            tree, Code.CIRCULAR_EXTENDS, f"{base_path.name} extends itself: {' → '.join(names)}", "remove one extends"
        )
    if len(chain) >= limits.extends:
        message = f"more than {limits.extends} files extend one another"
        raise _error(tree, Code.CIRCULAR_EXTENDS, message, "write some of the keys out")


def _base_path(tree: MappingNode, entry: Entry, path: Path | None) -> Path:
    """The file that the ``extends`` key means; raises ``SparxError``."""
    value = entry.value.value if isinstance(entry.value, ScalarNode) else plain(entry.value)
    if not isinstance(value, str) or not FILE_PATTERN.fullmatch(value):
        message = f"extends must be the bare name of a YAML file, not {shown(value)}"
        raise _error(tree, Code.INVALID_EXTENDS, message, _name_advice(value))
    folders = () if path is None else (path.parent, path.absolute().parent.parent)
    for folder in folders:
        candidate = folder / value
        if candidate.is_file() and candidate.resolve().parent == folder.resolve() / Path(value).parent:
            return candidate
    found = zoo_file(value)
    if found is not None:
        return found
    guess = did_you_mean(value, [*(name for folder in folders for name in _neighbours(folder)), *file_names()])
    if path is None:
        message = f"{value} is not in the zoo, and this text has no folder in which to look for it"
        advice = guess or "load the spec from a file, or write the keys out"
        raise _error(tree, Code.EXTENDS_WITHOUT_FILE, message, advice)
    message = f"{value} was not found beside this file, in the folder above or in the zoo"
    raise _error(tree, Code.EXTENDED_FILE_NOT_FOUND, message, guess or "name an existing file")


def _name_advice(value: object) -> str:
    """What to write in place of a value that names no file."""
    words = re.sub(r"[^a-z0-9_]+", "_", re.sub(r"(?i)\.ya?ml$", "", str(value).rpartition("/")[2]).lower()).strip("_")
    name = words if isinstance(value, str) and re.fullmatch(r"[a-z][a-z0-9_]{0,63}", words) else "sparx_mamba_t"
    return f"write a name such as {name}.yaml, without a folder"


def _neighbours(folder: Path) -> list[str]:
    """The names of the YAML files in a folder; none where it cannot be listed."""
    try:
        return sorted(file.name for file in folder.glob("*.y*ml"))[:MAX_NEIGHBOURS]
    except OSError:
        return []


def _error(tree: MappingNode, code: str, message: str, advice: str) -> SparxError:
    """One error at the value of ``extends``."""
    return SparxError(Diagnostic(code, message, locate(tree, ("extends",)), help=advice))
