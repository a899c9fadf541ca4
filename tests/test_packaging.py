"""What is published: the wheel with all that belongs in it, its platform, and how to cite the project."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

import sparx_dsl
from tests.support.paths import ROOT, SPECS

SETTINGS: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT: dict[str, Any] = SETTINGS["project"]
CITATION: dict[str, Any] = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
SOURCES = ("sparx_dsl", "specs", "pyproject.toml", "hatch_build.py", "README.md", "LICENSE", "CHANGELOG.md",
           "CITATION.cff", "CONTRIBUTING.md")  # fmt: skip
"""What a wheel, and the archive of sources, are made from."""


def test_the_version_is_the_same_everywhere() -> None:
    """In the metadata, in the package and in the citation."""
    assert PROJECT["version"] == sparx_dsl.__version__ == str(CITATION["version"])
    assert PROJECT["license"] == CITATION["license"]


def test_the_citation_has_what_its_format_asks_for() -> None:
    """Citation File Format 1.2.0: the required keys, of the software and of the paper that it stands on."""
    assert CITATION["cff-version"] == "1.2.0"
    assert CITATION["type"] == "software"
    (paper,) = CITATION["references"]
    for cited in (CITATION, paper):
        assert cited["title"]
        assert all(author.keys() in ({"name"}, {"family-names", "given-names"}) for author in cited["authors"])
    assert CITATION["message"]
    assert (paper["type"], paper["year"]) == ("conference-paper", 2025)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert " ".join(paper["title"].split()) in " ".join(readme.replace("*", "").split())


def test_wheels_for_an_index_leave_the_library_as_it_was_built() -> None:
    """What auditwheel would graft rewrites the compiled scan, which then is not what its record says."""
    settings = SETTINGS["tool"]["cibuildwheel"]
    assert "--exclude libgomp.so.1" in settings["linux"]["repair-wheel-command"]
    python = re.fullmatch(r"cp(3)(\d+)-manylinux_\*", settings["build"])
    assert python is not None
    assert PROJECT["requires-python"] == f">={python[1]}.{python[2]}"


def copied(folder: Path) -> Path:
    """The sources, copied, so that nothing here is written over."""
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__", "libsparx_scan*"))
        else:
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, folder / name)
    return folder


def built(folder: Path, target: str, **environment: str) -> Path:
    """The wheel, or the archive of sources, that hatchling builds in a folder of sources."""
    run(sys.executable, "-m", "hatchling", "build", "-t", target, "-d", "dist", cwd=folder, **environment)
    (found,) = (folder / "dist").glob("*.whl" if target == "wheel" else "*.tar.gz")
    return found


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, compiled as it is published."""
    return built(copied(tmp_path_factory.mktemp("wheel")), "wheel")


def run(*words: str, cwd: Path, **environment: str) -> str:
    """What a command prints; it ends with status 0."""
    variables = {**os.environ, "PYTHONPATH": "", **environment}
    done = subprocess.run(words, cwd=cwd, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@pytest.mark.slow
def test_the_wheel_has_the_zoo_and_works_in_an_empty_folder(wheel: Path, tmp_path: Path) -> None:
    """Installed by pip: every YAML file of ``specs``, both commands, and a backbone built without a checkout beside."""
    site, empty = tmp_path / "site", tmp_path / "empty"
    empty.mkdir()
    run(sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--target", str(site), str(wheel), cwd=empty)
    shipped = {path.relative_to(site / "sparx_dsl" / "specs") for path in site.rglob("sparx_dsl/specs/**/*.yaml")}
    assert shipped == {path.relative_to(SPECS) for path in SPECS.rglob("*.yaml")}
    assert (site / "sparx_dsl" / "py.typed").exists()
    for script, *words in (("sparx", "list"), ("sparx-compile", "sparx_swin_b"), ("sparx", "paper")):
        run(str(site / "bin" / script), *words, cwd=empty, PYTHONPATH=str(site))
    code = "import sparx_dsl; print(sparx_dsl.__file__, sparx_dsl.build('sparx_mamba_t').spec.name)"
    assert run(sys.executable, "-c", code, cwd=empty, PYTHONPATH=str(site)).split() == [
        str(site / "sparx_dsl" / "__init__.py"), "sparx_mamba_t"
    ]  # fmt: skip
    assert not list(empty.iterdir())


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux" or shutil.which("cc") is None, reason="a compiler of Linux")
def test_a_wheel_is_reproducible(tmp_path: Path) -> None:
    """Built from the checkout, and in another folder from its own archive of sources, it is the same to the byte."""
    compiler = tmp_path / "cc"
    compiler.write_text('#!/bin/sh\nexec cc "$@" -O0\n', encoding="utf-8")  # the same code, compiled in less time
    compiler.chmod(0o755)
    environment = {"CC": str(compiler), "SOURCE_DATE_EPOCH": "1700000000"}
    here, there = copied(tmp_path / "here"), tmp_path / "there"
    first = built(here, "wheel", **environment)
    with tarfile.open(built(here, "sdist", **environment)) as sources:
        if sys.version_info >= (3, 11, 4):
            sources.extractall(there, filter="data")
        else:
            sources.extractall(there)  # noqa: S202  # of our own making
    (unpacked,) = there.iterdir()
    second = built(unpacked, "wheel", **environment)
    with zipfile.ZipFile(first) as archive:
        assert any(name.endswith("libsparx_scan.so") for name in archive.namelist())
    assert second.name == first.name
    assert second.read_bytes() == first.read_bytes()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux" or shutil.which("cc") is None, reason="manylinux, with a compiler")
def test_auditwheel_takes_the_wheel(wheel: Path, tmp_path: Path) -> None:
    """By the configured command; the library within stays what its record says, and is loaded."""
    command = SETTINGS["tool"]["cibuildwheel"]["linux"]["repair-wheel-command"].split()
    words = [word.format(dest_dir=tmp_path, wheel=wheel) for word in command[1:]]
    programs = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        [sys.executable, "-m", "auditwheel", *words],
        env={**os.environ, **programs}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (repaired,) = tmp_path.glob("*.whl")
    assert "manylinux" in repaired.name
    with zipfile.ZipFile(wheel) as before, zipfile.ZipFile(repaired) as after:
        ours, theirs = (
            {name for name in archive.namelist() if not name.endswith("/") and not name.startswith("sparx_dsl-")}
            for archive in (before, after)
        )
        assert ours == theirs
        assert all(before.read(name) == after.read(name) for name in ours)
        assert any(name.endswith("libsparx_scan.so") for name in ours)
