"""Pages that ask for no extra need none: their commands and snippets run in a process where all extras are missing."""

from __future__ import annotations

import importlib.metadata
import json
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.pages import blocks
from tests.support.paths import ROOT

PROJECT: Final[dict[str, Any]] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CONSOLE: Final = ("ablate", "commands", "language", "pictures", "rules")
"""Pages whose commands are run."""
PYTHON: Final = ("detect", "editors", "language", "pictures", "pricing", "reports", "training", "weights")
"""Pages whose snippets are run."""
TEST_TOOLS: Final = ("test", "dev", "docs", "bench")

CHILD: Final = """
import json, os, sys
given = json.loads(sys.stdin.read())
for name in given["missing"]:
    sys.modules[name] = None
from typer.testing import CliRunner
from sparx_dsl.cli.main import make_app
for words in given["commands"]:
    done = CliRunner().invoke(make_app(), words, catch_exceptions=False)
    if done.exit_code not in (0, 1, 2) or "pip install" in done.output:
        sys.exit(f"{words}: {done.output}")
os.chdir(given["folder"])
for body in given["snippets"]:
    exec(compile(body, "snippet", "exec"), {"__name__": "__main__"})
print(len(given["commands"]), len(given["snippets"]))
"""


def names_of(lines: list[str]) -> set[str]:
    """The packages that requirements name, but our own extras."""
    return {str(canonicalize_name(Requirement(line).name)) for line in lines} - {"sparx-dsl"}


def missing_modules() -> list[str]:
    """The modules of what only extras bring."""
    own = names_of(PROJECT["dependencies"])
    brought = set(own)
    for name in own:
        requires = importlib.metadata.requires(name) or []
        brought |= names_of([line for line in requires if "extra ==" not in line])
    extras = {
        name
        for extra, lines in PROJECT["optional-dependencies"].items()
        if extra not in TEST_TOOLS
        for name in names_of(lines)
    }
    known = importlib.metadata.packages_distributions()
    wanted = extras - brought
    return sorted(module for module, owners in known.items() if {*map(canonicalize_name, owners)} & wanted)


def commands_of(page: str, folder: Path) -> list[list[str]]:
    """The commands of a page's console blocks, whose files go to a folder."""
    found: list[list[str]] = []
    for body in blocks(page, "console"):
        for line in body.splitlines():
            if line.startswith("$ "):
                _, *words = shlex.split(line[2:])
                if "-o" in words:
                    place = words.index("-o") + 1
                    words[place] = str(folder / Path(words[place]).name)
                found.append(words)
    return found


def test_pages_need_no_extra(tmp_path: Path) -> None:
    """Every command and snippet runs, and none asks for an installation."""
    missing = missing_modules()
    assert {"matplotlib", "optuna", "timm", "torchvision", "transformers", "onnx", "sklearn"} <= {*missing}
    for source in (*(ROOT / "docs" / "examples").glob("*.yaml"), *(ROOT / "specs").glob("*.yaml")):
        (tmp_path / source.name).write_bytes(source.read_bytes())
    given = {
        "missing": missing,
        "commands": [words for page in CONSOLE for words in commands_of(page, tmp_path)],
        "snippets": [body for page in PYTHON for body in blocks(page, "python")],
        "folder": str(tmp_path),
    }
    done = subprocess.run(
        [sys.executable, "-c", CHILD], input=json.dumps(given), capture_output=True, text=True, check=False, cwd=ROOT,
        timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-2:] == [str(len(given["commands"])), str(len(given["snippets"]))]
    assert len(given["commands"]) > 20
