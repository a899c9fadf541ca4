"""How a spec builds on another: the other file's tree with this file's keys laid over it.

The other file is named, not addressed: a bare file name, looked for beside the spec and then in the folder above.
"""

from __future__ import annotations

import re
from pathlib import Path

from sparx_dsl.errors import Diagnostic, SparxError, did_you_mean
from sparx_dsl.spec.compose import compose
from sparx_dsl.spec.limits import Limits
from sparx_dsl.spec.nodes import Entry, MappingNode, Node, ScalarNode, locate, merge_patch

FILE_PATTERN = re.compile(r"[a-z][a-z0-9_]{0,63}\.ya?ml")


def read_tree(path: Path, limits: Limits) -> MappingNode:
    """Compose the file at ``path`` and everything it extends; raises ``SparxError``."""
    return expand(compose(read_bytes(path, str(path), limits), str(path), limits), path, limits)


def expand(tree: MappingNode, path: Path | None, limits: Limits, seen: tuple[Path, ...] = ()) -> MappingNode:
    """``tree`` laid over the file that its ``extends`` key names; as it is where there is no such key."""
    entry = next((entry for entry in tree.entries if entry.key.value == "extends"), None)
    if entry is None:
        return tree
    own = MappingNode(tuple(e for e in tree.entries if e is not entry), tree.span, tree.source)
    base_path = _base_path(tree, entry, path)
    chain = (*seen, path.resolve()) if path is not None else seen
    if base_path.resolve() in chain or len(chain) > limits.extends:
        raise SparxError(_problem(tree, "SPX110", f"{base_path.name} extends itself, or the chain of files is longer than {limits.extends}"))
    name = str(base_path)
    base = expand(compose(read_bytes(base_path, name, limits), name, limits), base_path, limits, chain)
    merged = merge_patch(base, own)
    assert isinstance(merged, MappingNode)
    return merged


def read_bytes(path: Path, name: str, limits: Limits) -> bytes:
    """The file's bytes, at most one more than the limit; raises ``SparxError`` when it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(limits.source_bytes + 1)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise SparxError(Diagnostic("SPX501", f"{name} cannot be read: {reason.lower()}")) from None


def _base_path(tree: MappingNode, entry: Entry, path: Path | None) -> Path:
    value: Node = entry.value
    if not isinstance(value, ScalarNode) or not isinstance(value.value, str) or not FILE_PATTERN.fullmatch(value.value):
        raise SparxError(_problem(tree, "SPX111", "extends takes the bare name of a YAML file",
                                  "write a name such as sparx_mamba_t.yaml, without a folder"))
    if path is None:
        raise SparxError(_problem(tree, "SPX112", "this text comes from no file, so there is no folder to look in for "
                                  f"{value.value}", "load it from a file, or write the keys out"))
    folders = (path.parent, path.absolute().parent.parent)
    for folder in folders:
        candidate = folder / value.value
        if candidate.is_file() and candidate.resolve().parent == folder.resolve():
            return candidate
    present = [file.name for folder in folders for file in sorted(folder.glob("*.yaml"))[:750]]
    raise SparxError(_problem(tree, "SPX113", f"there is no file {value.value} beside this one or in the folder above",
                              did_you_mean(value.value, present)))


def _problem(tree: MappingNode, code: str, message: str, help: str | None = None) -> Diagnostic:  # noqa: A002
    return Diagnostic(code, message, locate(tree, ("extends",)), help=help)
