"""The step of the installation that compiles the scan: it never fails, and takes no binary where none belongs."""

from __future__ import annotations

import ctypes
import hashlib
import importlib.util
import shutil
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.support.paths import ROOT

SOURCES = Path("sparx_dsl") / "ops" / "cpu"
ZOO = {"specs": "sparx_dsl/specs"}
"""What a wheel takes from the checkout, and where it puts it."""


class Warnings:
    """The part of hatchling that shows warnings."""

    def __init__(self) -> None:
        self.shown: list[str] = []

    def display_warning(self, text: str) -> None:
        """Keep the text."""
        self.shown.append(text)


class Interface:
    """What hatchling gives to a step, and no more than this one asks for; hatchling itself need not be there."""

    def __init__(self, root: Path, target_name: str) -> None:
        self.root = str(root)
        self.target_name = target_name
        self.app = Warnings()

    def __class_getitem__(cls, item: object) -> type[Interface]:
        return cls


def built(
    monkeypatch: pytest.MonkeyPatch, root: Path, target: str, version: str = "standard"
) -> tuple[dict[str, Any], list[str]]:
    """Run the step on a copy of the sources; gives what it asks of the archive, and its warnings."""
    (root / SOURCES).mkdir(parents=True)
    for source in (*(ROOT / SOURCES).glob("*.c"), *(ROOT / SOURCES).glob("*.h")):
        shutil.copy(source, root / SOURCES)
    plugin = ModuleType("hatchling.builders.hooks.plugin.interface")
    vars(plugin)["BuildHookInterface"] = Interface
    monkeypatch.setitem(sys.modules, plugin.__name__, plugin)
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    step = module.CompiledScan(root, target)
    data: dict[str, Any] = {"artifacts": [], "force_include": {}}
    step.initialize(version, data)
    return data, step.app.shown


@pytest.mark.parametrize("compiler", ["false", "a-compiler-that-is-not-there", 'cc "', "/"])
def test_no_compiler_is_no_failure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, compiler: str) -> None:
    """Without a compiler that works there is a warning, and a wheel for every platform."""
    monkeypatch.setenv("CC", compiler)
    data, warnings = built(monkeypatch, tmp_path, "wheel")
    assert data == {"artifacts": [], "force_include": ZOO}
    assert len(warnings) == 1
    assert "the scan for CPUs was not compiled" in warnings[0]
    assert list((tmp_path / SOURCES).glob("libsparx_scan*")) == []


def test_an_archive_of_sources_takes_no_binary(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing is compiled for it."""
    monkeypatch.setenv("CC", "false")
    assert built(monkeypatch, tmp_path, "sdist") == ({"artifacts": [], "force_include": {}}, [])


def test_an_editable_installation_finds_the_zoo_in_the_checkout(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Nothing of it is copied, where it would grow old."""
    monkeypatch.setenv("CC", "false")
    data, _ = built(monkeypatch, tmp_path, "wheel", "editable")
    assert data["force_include"] == {}


@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")
def test_a_wheel_takes_the_library(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With a compiler the wheel is one for this platform, and the library has the four functions."""
    monkeypatch.delenv("CC", raising=False)
    data, warnings = built(monkeypatch, tmp_path, "wheel")
    library, record = sorted((tmp_path / SOURCES).glob("libsparx_scan.*"), key=lambda path: len(path.name))
    assert warnings == []
    assert data["force_include"] == ZOO
    assert data["artifacts"] == [f"/{(SOURCES / each.name).as_posix()}" for each in (library, record)]
    assert data["tag"].startswith("py3-none-")
    functions = ctypes.CDLL(str(library))
    for name in ("scan_forward", "scan_backward", "ss2d_forward", "ss2d_backward"):
        assert functions[f"sparx_{name}"]
    content = library.read_bytes()
    assert record.name == f"{library.name}.sha256"
    assert record.read_text(encoding="ascii") == f"{len(content)} {hashlib.sha256(content).hexdigest()}\n"
