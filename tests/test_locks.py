"""The tests and checks run with files whose hashes were checked: the lock files, and how they are installed."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import tomllib
import zipfile
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import pytest
from hatchling import build
from packaging.utils import canonicalize_name

from tests.support.paths import ROOT
from tests.support.pins import LOCKS, OF_CUDA, collect, locked, pins

NAMES = ("build", "test", "cuda")
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
METADATA = "Metadata-Version: 2.1\nName: lone\nVersion: 1.0\n"
WHEEL = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


@pytest.fixture
def install() -> ModuleType:
    """.ci/install.py, as a module."""
    spec = importlib.util.spec_from_file_location("install", ROOT / ".ci" / "install.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def needed(*lines: str) -> set[str]:
    """The packages of some requirements, and all that these need, as far as they are installed here."""
    seen: set[str] = set()
    collect(lines, "", seen)
    return {key for key in seen if "[" not in key}


def test_there_are_these_lock_files() -> None:
    """And no other."""
    assert {path.stem for path in LOCKS.iterdir()} == set(NAMES)


@pytest.mark.parametrize("lock", NAMES)
def test_lock_files_name_the_versions_of_the_constraints(lock: str) -> None:
    """Each package once, at the version at which constraints.txt pins it, whatever its marker."""
    entries = locked(lock)
    assert len({entry.name for entry in entries}) == len(entries) > 0
    assert {entry.name: str(entry.requirement.specifier) for entry in entries} == {
        entry.name: f"=={pins().get(entry.name)}" for entry in entries
    }


@pytest.mark.parametrize("lock", NAMES)
def test_every_package_has_hashes(lock: str) -> None:
    """Each a whole SHA-256, of different files."""
    for entry in locked(lock):
        assert entry.hashes, entry.name
        assert len(set(entry.hashes)) == len(entry.hashes), entry.name
        assert all(re.fullmatch("sha256:[0-9a-f]{64}", one) for one in entry.hashes), entry.name


def test_all_that_is_tested_with_is_locked() -> None:
    """All that the extras of .ci/run bring here, as far as it is installed, but for torch."""
    if version("torch").partition("+")[0] != pins()["torch"]:
        pytest.skip("another torch may bring other packages")
    cuda = {entry.name for entry in locked("cuda")}
    brought = needed("sparx_dsl[dev,ray,fuzz]") - {"sparx-dsl", "torch"} - cuda
    assert brought > {"ray", "pyright", "sphinx", "hatchling", "fvcore"}
    assert brought <= {entry.name for entry in locked("test") if entry.here}


def test_what_builds_is_locked(monkeypatch: pytest.MonkeyPatch) -> None:
    """This package's backend, that of packages which name none, and what they need: nothing is fetched for a build."""
    monkeypatch.chdir(ROOT)
    assert {entry.name for entry in locked("build") if entry.here} == needed(
        "setuptools", *SETTINGS["build-system"]["requires"], *build.get_requires_for_build_editable()
    )


def test_what_torch_brings_for_cuda_is_locked_apart() -> None:
    """The last block of constraints.txt, and nothing else; torch itself is in no lock file."""
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    cuda = {entry.name for entry in locked("cuda")}
    assert cuda == pins(text.partition(OF_CUDA)[2]).keys()
    assert not {entry.name for entry in locked("test")} & {*cuda, canonicalize_name("torch")}


@pytest.mark.parametrize("built_for", ["cpu", "cuda"])
def test_nothing_but_torch_is_installed_without_a_hash(
    install: ModuleType, built_for: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each installation has hashes, or is of torch at its pin or of this checkout; none fetches what builds."""
    commands: list[list[str]] = []

    def run(command: list[str], **_: object) -> None:
        commands.append(command)

    def requires(_: str) -> list[str]:
        return ["jinja2", *(["nvidia-cudnn-cu13==9.20.0.48"] if built_for == "cuda" else [])]

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(install, "requires", requires)
    install.main()
    installing = [command for command in commands if "install" in command]
    assert all({"--no-deps", "--no-build-isolation"} <= set(command) for command in installing)
    bare = [command[-3:] for command in installing if "--require-hashes" not in command]
    assert [words[-1] for words in bare] == ["torch", "."]
    assert bare[0][:2] == ["-c", "constraints.txt"]
    files = [Path(command[-1]).stem for command in installing if "--require-hashes" in command]
    assert files == ["build", "test", "cuda"][: 3 if built_for == "cuda" else 2]


def test_the_test_run_installs_in_no_other_way() -> None:
    """Of what .ci/run does itself; the README's commands and the newest versions come as they do for a reader."""
    text = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert '"$venv/bin/python" .ci/install.py\n' in text
    assert not re.search(r"\bpip\b.*\binstall\b", text)


@pytest.mark.parametrize("digit_changed", [False, True])
def test_pip_refuses_a_file_with_another_hash(
    install: ModuleType, digit_changed: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """One digit is enough; with the right hash the same wheel is installed."""
    pytest.importorskip("pip")
    with zipfile.ZipFile(tmp_path / "lone-1.0-py3-none-any.whl", "w") as wheel:
        for name, text in (("METADATA", METADATA), ("WHEEL", WHEEL), ("RECORD", "")):
            wheel.writestr(f"lone-1.0.dist-info/{name}", text)
        wheel.writestr("lone.py", "")
    digest = sha256((tmp_path / "lone-1.0-py3-none-any.whl").read_bytes()).hexdigest()
    wrong = f"{(int(digest[0], 16) + 1) % 16:x}{digest[1:]}"
    (tmp_path / "test.txt").write_text(f"lone==1.0 --hash=sha256:{wrong if digit_changed else digest}\n")
    for key, value in (("NO_INDEX", "1"), ("FIND_LINKS", str(tmp_path)), ("TARGET", str(tmp_path / "target"))):
        monkeypatch.setenv(f"PIP_{key}", value)
    monkeypatch.setattr(install, "LOCKS", tmp_path)
    if digit_changed:
        with pytest.raises(subprocess.CalledProcessError):
            install.locked("test")
    else:
        install.locked("test")
    assert (tmp_path / "target" / "lone.py").exists() != digit_changed
