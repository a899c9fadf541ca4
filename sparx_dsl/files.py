"""Which files a command means: specs and search spaces, also those in folders, each recognised for what it is."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from sparx_dsl.api import check
from sparx_dsl.errors import Code, Diagnostic, SourceText, SparxError, Where
from sparx_dsl.errors.wording import counted
from sparx_dsl.language.extends import expand, named_bytes
from sparx_dsl.language.spec import spec_of
from sparx_dsl.language.zoo import space_path, spec_path, zoo_spaces
from sparx_dsl.reader.compose import compose
from sparx_dsl.reader.limits import DEFAULT_LIMITS

if TYPE_CHECKING:
    from sparx_dsl.render import Listing

FileKind = Literal["spec", "space"]
KEYS: Final = re.compile(rb"^(sparx|extends|space)\s*:", re.MULTILINE)
"""A key at the top level of a file by which it is known, be the file otherwise broken."""


def kind_of(path: str | os.PathLike[str]) -> FileKind | None:
    """What a YAML file is, by its top-level keys; None where it is neither or cannot be read."""
    try:
        if not os.path.isfile(path):  # A pipe might never end.
            return None
        with Path(path).open("rb") as file:
            return _kind_of_text(file.read(DEFAULT_LIMITS.source_bytes))
    except (OSError, ValueError):
        return None


def _kind_of_text(content: bytes) -> FileKind | None:
    keys = {found[1] for found in KEYS.finditer(content)}
    if b"space" in keys:
        return "space"
    return "spec" if keys else None


def find_files(paths: Sequence[str | os.PathLike[str]], kind: FileKind | None = None) -> list[Path]:
    """The files that paths mean: a folder means all specs and spaces in it and below, or those of one kind.

    Hidden files and folders are left out. Raises ``SparxError`` (SPX527) for a folder that has none.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        if not os.path.isdir(path):
            found.append(path)
            continue
        inside = [file for file in _yaml_files(path) if (known := kind_of(file)) and kind in (None, known)]
        if not inside:
            message = f"no {kind or 'spec or search space'} is in this folder, or below"
            keys = {"spec": "sparx or extends", "space": "space", None: "sparx, extends or space"}[kind]
            help = f"name a file, or a folder with files ending in .yaml or .yml that have the key {keys}"
            where = Where(source=SourceText(str(path), ""))
            raise SparxError(Diagnostic(Code.NOTHING_TO_CHECK, message, where, help=help))
        found += inside
    return found


def check_files(paths: Sequence[str | os.PathLike[str]], *, root: str | os.PathLike[str] | None = None) -> Listing:
    """Check specs and search spaces, those in folders too; raises one ``SparxError`` with the errors of all.

    A spec is loaded, connected, planned, priced and held to its budget; a space is read whole. What specs
    extend may stand anywhere below ``root``. The listing says what each file is.
    """
    from sparx_dsl.render.listing import Field, Line, Listing, Table

    errors: list[Diagnostic] = []
    rows: list[tuple[str, str]] = []
    for path in find_files(paths):
        try:
            rows.append((str(path), _check_file(path, None if root is None else Path(root))))
        except SparxError as error:
            errors += error.diagnostics
    if errors:
        raise SparxError(errors)
    table = Table("files", (Field("file", "File"), Field("kind", "Kind")), tuple(rows))
    kinds = [kind for _, kind in rows]
    sentence = " and ".join(counted(kinds.count(kind), kind) for kind in sorted({*kinds}, reverse=True))
    return Listing("sparx.check", {"checked": len(rows)}, (table,), (Line(f"{sentence} without errors"),))


def _check_file(path: Path, root: Path | None) -> FileKind:
    """What a file, or standard input, is; raises ``SparxError`` with every error in it."""
    known = space_path(path) if path.as_posix() in zoo_spaces() else spec_path(path)
    name, content = named_bytes(known, DEFAULT_LIMITS)
    tree = compose(content, name)
    if tree.entry("space") is not None:
        # Spaces need numpy, of which specs do without.
        from sparx_dsl.search.read_space import space_of

        space_of(tree, known, DEFAULT_LIMITS, root)
        return "space"
    check(spec_of(expand(tree, known, DEFAULT_LIMITS, root=root), DEFAULT_LIMITS))
    return "spec"


def _yaml_files(folder: Path) -> Iterator[Path]:
    """The YAML files in a folder and below in the order of their names, but hidden ones."""
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(place, name) for name in sorted(names) if name.endswith((".yaml", ".yml")) and name[0] != ".")
