"""The zoo: the specs that come with the package, found by name wherever a path to a spec can stand.

A name is looked up among those of the files that are there, and never made into a path: no name leads out of the zoo.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path, PurePath
from types import MappingProxyType
from typing import Final

from sparx_dsl.errors import Code, Diagnostic, SparxError, did_you_mean, quoted

GROUPS: Final = ("", "ablations")
"""The folders of the zoo that hold specs; a name begins with that of its folder (``ablations/stride_1``)."""
SPACES: Final = "spaces"
"""The folder of the zoo that holds search spaces."""
NAME_PATTERN: Final = re.compile(r"(?:ablations/)?[a-z][a-z0-9_]{0,63}")
"""What a name is like, without a file extension."""
YAML_KEY: Final = re.compile(r"\s*(?:sparx|space|name|extends|stem|stages|base|choices):\s")
"""A key with which a spec or a space begins."""
ADVICE: Final = "sparx list prints the names of the zoo"


@cache
def zoo() -> Mapping[str, Path]:
    """The file of every spec of the zoo by its name: backbones first, then ablations."""
    folder = zoo_folder()
    found = {
        PurePath(group, file.stem).as_posix(): file
        for group in GROUPS
        for file in sorted((folder / group).glob("*.yaml"))
    }
    return MappingProxyType(found)


@cache
def zoo_spaces() -> Mapping[str, Path]:
    """The file of every search space that comes with the package, by its name."""
    return MappingProxyType({file.stem: file for file in sorted((zoo_folder() / SPACES).glob("*.yaml"))})


def zoo_folder() -> Path:
    """``specs`` within the installed package, or in a checkout beside it."""
    package = Path(__file__).parents[1]
    installed, checkout = package / "specs", package.parent
    return checkout / "specs" if not installed.is_dir() and (checkout / "pyproject.toml").is_file() else installed


def list_specs(pattern: str = "*") -> list[str]:
    """The names of the zoo that match a shell pattern such as ``sparx_*``; ``*`` stands for a slash too."""
    return [name for name in zoo() if fnmatchcase(name, pattern)]


def zoo_file(name: str) -> Path | None:
    """The file of the spec of that name, which may have ``.yaml`` at its end; None where the zoo has none."""
    return zoo().get(name.removesuffix(".yaml"))


def file_names() -> Iterator[str]:
    """The names of the zoo as ``extends`` writes them; its folder is looked into when the first is asked for."""
    for name in zoo():
        yield f"{name}.yaml"


def holds_yaml(text: str) -> bool:
    """Whether a text is YAML or JSON rather than a path or a name: it has several lines, or is a mapping in one."""
    return "\n" in text or text.lstrip().startswith("{") or YAML_KEY.match(text) is not None


def spec_path(path: Path) -> Path:
    """The file that a path or a name stands for: itself, else the YAML file of that name here, else the zoo's.

    A path with neither is given as it is; raises ``SparxError`` for a plain word that is no name of the zoo.
    """
    name = path.as_posix()
    space = f"{name} is a search space, which sparx search takes, and sparx report with --study"
    other = space if name in zoo_spaces() else None
    return _path_of(path, zoo(), "spec", ADVICE, other)


def space_path(path: Path) -> Path:
    """The same of a search space, such as ``wide``."""
    name = path.as_posix()
    advice = f"the spaces of the zoo are {', '.join(zoo_spaces())}"
    other = f"{name} is a spec; write a space that names it: base: {name}.yaml, and choices" if name in zoo() else None
    return _path_of(path, zoo_spaces(), "space", advice, other)


def _path_of(path: Path, known: Mapping[str, Path], what: str, advice: str, other: str | None) -> Path:
    # os.path looks at texts that cannot be paths, and says no.
    if os.path.isfile(path) or str(path) == "-":
        return path
    name = path.as_posix()
    if holds_yaml(name):
        message = f"{quoted(name)} is the text of a {what}, where a path or a name is taken"
        help = f"write sparx_dsl.parse_{what}(text) in Python; a command reads it from standard input, as -"
        raise SparxError(Diagnostic(Code.UNKNOWN_SPEC, message, help=help))
    if NAME_PATTERN.fullmatch(name.removesuffix(".yaml")):
        beside = path.with_name(f"{path.name}.yaml")
        found = beside if os.path.isfile(beside) else known.get(name.removesuffix(".yaml"))
        if found is not None:
            return found
    if path.suffix or path.is_absolute() or ".." in path.parts or os.path.lexists(path):
        return path
    message = f"unknown {what} {quoted(name)}: neither a file nor a name of the zoo"
    raise SparxError(Diagnostic(Code.UNKNOWN_SPEC, message, help=other or did_you_mean(name, known) or advice))
