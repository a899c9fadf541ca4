"""Which file ``extends`` means: one in the tree of the spec's folder or of the folder above, or a spec of the zoo.

The value is a relative path and never leads out of these trees, be it by ``..`` or by a symbolic link, unless a root is
given by who reads the spec: then any file below the root.
"""

from __future__ import annotations

import itertools
import os
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final

from sparx_dsl.errors import Code, Diagnostic, SparxError, did_you_mean, visible
from sparx_dsl.language.checks.hints import shown
from sparx_dsl.language.zoo import NAME_PATTERN, file_names, zoo_file
from sparx_dsl.reader.tree import Entry, MappingNode, ScalarNode, locate, plain

MAX_NEIGHBOURS: Final = 750
"""Files that are looked at, in each folder, for one whose name was meant."""
MAX_FOLDERS: Final = 10
"""Folders above a spec that are looked at for the file that was meant."""
LONGEST: Final = 1024
"""Characters of a path."""
EXTENSIONS: Final = (".yaml", ".yml")


def names_file(value: object) -> bool:
    """Whether a value is the relative path of a YAML file, or a name of the zoo; ``..`` may be in it."""
    if not isinstance(value, str) or len(value) > LONGEST or not value.isprintable():
        return False
    if NAME_PATTERN.fullmatch(value):
        return True
    return value.endswith(EXTENSIONS) and not re.search(r"^/|^[A-Za-z]:|\\|//|:", value)


def base_path(tree: MappingNode, entry: Entry, path: Path | None, root: Path | None) -> Path:
    """The file that the ``extends`` key of the spec at ``path`` means; raises ``SparxError``."""
    value = entry.value.value if isinstance(entry.value, ScalarNode) else plain(entry.value)
    if not isinstance(value, str) or not names_file(value):
        message = f"extends must be the relative path of a YAML file, not {shown(value)}"
        raise extends_error(tree, Code.INVALID_EXTENDS, message, _advice(value))
    if root is None and ".." in PurePosixPath(value).parts:
        message = f"{value} leads upwards, to where nothing may be read unless a folder is named"
        raise extends_error(tree, Code.INVALID_EXTENDS, message, _advice_upwards(value, path))
    folders = [] if path is None else [path.parent, path.absolute().parent.parent]
    for candidate in _candidates(value, folders, root):
        return candidate
    found = zoo_file(value)
    if found is not None:
        return found
    places = [folder / PurePosixPath(value).parent for folder in folders]
    guess = did_you_mean(value, [*(name for place in places for name in neighbours(place)), *file_names()])
    if path is None:
        message = f"{value} is not in the zoo, and this text has no folder in which to look for it"
        advice = guess or "load the spec from a file, or write the keys out"
        raise extends_error(tree, Code.EXTENDS_WITHOUT_FILE, message, advice)
    message = f"{value} was not found beside this file, in the folder above or in the zoo"
    higher = _higher(value, path)
    advice = guess or "name an existing file"
    raise extends_error(tree, Code.EXTENDED_FILE_NOT_FOUND, message, advice if higher is None else _rooted(*higher))


def _candidates(value: str, folders: list[Path], root: Path | None) -> Iterator[Path]:
    """The files of that name that may be read; a name without an extension has ``.yaml`` behind it."""
    name = value if value.endswith(EXTENSIONS) else f"{value}.yaml"
    for folder in folders:
        candidate = folder / name
        tree = folder if root is None else root
        if candidate.is_file() and candidate.resolve().is_relative_to(tree.resolve()):
            yield candidate


def neighbours(folder: Path) -> list[str]:
    """The names of the YAML files in a folder; none where it cannot be listed."""
    try:
        return sorted(file.name for file in folder.glob("*.y*ml"))[:MAX_NEIGHBOURS]
    except OSError:
        return []


def extends_error(tree: MappingNode, code: str, message: str, advice: str) -> SparxError:
    """One error at the value of ``extends``."""
    return SparxError(Diagnostic(code, visible(message), locate(tree, ("extends",)), help=visible(advice)))


def _higher(value: str, path: Path) -> tuple[str, Path] | None:
    """How a file of that name in a folder further above is written, and that folder; None where there is none."""
    name = value if value.endswith(EXTENSIONS) else f"{value}.yaml"
    for up, folder in enumerate(itertools.islice(path.absolute().parents, 2, MAX_FOLDERS), start=2):
        if (folder / name).is_file():
            return "../" * up + name, folder
    return None


def _rooted(written: str, root: Path) -> str:
    """What to write for a file above the folders that may be read."""
    return f"write {written}, and name the folder that may be read: --root {os.path.relpath(root)}"


def _advice_upwards(value: str, path: Path | None) -> str:
    """What to write in place of a path upwards: files of the folder above are found without."""
    written = PurePosixPath(posixpath.normpath(value))
    up = written.parts.count("..")
    above = () if path is None else path.absolute().parents
    if up > 1 and len(above) > up:
        return _rooted(str(written), above[up])
    inner = PurePosixPath(*written.parts[up:])
    return f"write {inner}, which is also looked for in the folder above" if up else f"write {inner}"


def _advice(value: object) -> str:
    """What to write in place of a value that names no file."""
    last = str(value).rpartition("/")[2] if isinstance(value, str) else ""
    name = last if names_file(last) else "sparx_mamba_t.yaml"
    return f"write a path from the spec's folder, such as {name} or bases/{name}"
