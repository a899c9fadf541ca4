"""The pages in docs/ say what is so: specs load, code runs, listings and pictures are today's.

After a change that is right, ``python -m pytest tests/test_docs.py --update-golden`` writes the pages anew.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import sparx_dsl
from sparx_dsl.cli.main import make_app
from tests.support.golden_text import Golden
from tests.support.markdown import BLOCK, Block
from tests.support.pages import EXAMPLES, FILE_LINE, PAGES, PLAIN, blocks, numbered
from tests.support.paths import DOCS, ROOT, SPECS


@pytest.fixture
def workplace(tmp_path: Path) -> Iterator[Path]:
    """An empty folder with the examples and the zoo in it, as the working directory."""
    for folder in (EXAMPLES, SPECS):
        shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    with contextlib.chdir(tmp_path):
        yield tmp_path


@pytest.mark.parametrize(("page", "body"), numbered("yaml"))
def test_specs_of_the_pages_connect(workplace: Path, page: str, body: str) -> None:
    """A YAML block is a spec that connects, or the very text of the example that its first line names.

    Those of docs/extending.md need its package; they are loaded where that is installed.
    """
    if (named := FILE_LINE.match(body)) and named["path"].startswith("docs/"):
        assert (ROOT / named["path"]).read_text(encoding="utf-8") == body[named.end() :]
    elif re.search(r"^(sparx|extends):", body, re.MULTILINE) and page != "extending":
        path = workplace / f"{page}_block.yaml"
        path.write_text(body, encoding="utf-8")
        assert sparx_dsl.plan(path).steps


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_examples_connect(path: Path) -> None:
    """Every example is sound, and its file is called by its name."""
    assert sparx_dsl.connect(path).spec.name == path.stem


# Some libraries script functions when they are imported.
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.parametrize(("page", "body"), [block for block in numbered("python") if block.values[0] != "extending"])
def test_code_of_the_pages_runs(workplace: Path, page: str, body: str) -> None:
    """A Python block runs by itself, and its assertions hold."""
    (workplace / "block.py").write_text(body, encoding="utf-8")
    runpy.run_path("block.py")


def run_command(command: str, folder: Path) -> tuple[str, dict[Path, str]]:
    """What a command of a page prints today, and the pictures that it draws (into ``folder``) by the path it names.

    With nothing on the PATH: pictures need no program.
    """
    program, *words = shlex.split(command)
    assert program == "sparx"
    pictures: dict[Path, Path] = {}
    if "-o" in words:
        place = words.index("-o") + 1
        pictures[ROOT / words[place]] = folder / Path(words[place]).name
        words[place] = str(folder / Path(words[place]).name)
    with contextlib.chdir(ROOT):
        result = CliRunner().invoke(make_app(), words, env={"PATH": ""})
    assert result.exit_code in (0, 1, 2), result.output
    return result.output, {target: drawn.read_text(encoding="utf-8") for target, drawn in pictures.items()}


@pytest.mark.parametrize("page", PAGES)
def test_commands_print_what_the_page_shows(golden: Golden, page: str, tmp_path: Path) -> None:
    """Each ``$ sparx …`` of a page gives the lines below it, and each picture is what ``sparx draw`` draws."""
    pictures: dict[Path, str] = {}

    def today(match: Block) -> str:
        if match["language"] != "console":
            return match[0]
        shown = ""
        for command in (line[2:] for line in match["body"].splitlines() if line.startswith("$ ")):
            output, drawn = run_command(command, tmp_path)
            pictures.update(drawn)
            shown += f"$ {command}\n{output}"
        return f"```console\n{shown}```"

    dataclasses.replace(golden, path=PAGES[page]).check(BLOCK.sub(today, PAGES[page].read_text(encoding="utf-8")))
    for path, picture in pictures.items():
        if golden.update:
            path.write_text(picture, encoding="utf-8")
        assert picture == path.read_text(encoding="utf-8")


def link_mistake(key: str, source: str, target: str) -> dict[str, Any]:
    """A backbone of eight layers, S = 2, with that one link."""
    stages = [{"channels": 32, "depth": 8, "S": 2}, {"channels": 32, "depth": 1}]
    return {"stages": stages, "links": {key: [{"from": source, "to": target}]}}


MISTAKES: Mapping[str, dict[str, Any]] = {
    **{
        code: {"stages": [{"channels": 32, "depth": 7, **keys}]}
        for code, keys in {
            "SPX204": {"S": 2, "ganglion": [7]},
            "SPX205": {"S": 8},
            "SPX206": {"S": 2, "M": 8},
            "SPX207": {"M": 2},
            "SPX208": {"ganglion": [8]},
            "SPX209": {"ganglion": [7, 2]},
            "SPX306": {"S": 2, "cross_stage": "none"},
        }.items()
    },
    "SPX301": link_mistake("add", "stage1.layer9", "stage2.layer1"),
    "SPX302": link_mistake("add", "stage1.layer6", "stage1.layer3"),
    "SPX303": link_mistake("add", "stage1.layer6", "stage2.downsample"),
    "SPX304": link_mistake("add", "stage1.layer2", "stage1.layer4"),
    "SPX305": link_mistake("cut", "stage1.layer1", "stage1.layer4"),
}


def test_table_of_mistakes_in_connections() -> None:
    """docs/rules.md lists exactly the codes that wrong connections earn, and each is earned by what it says."""
    listed = re.findall(r"^\| (SPX\d+) \|", PAGES["rules"].read_text(encoding="utf-8"), re.MULTILINE)
    assert listed == sorted(MISTAKES)
    for code, keys in MISTAKES.items():
        with pytest.raises(sparx_dsl.SparxError) as caught:
            sparx_dsl.connect({**PLAIN, **keys})
        assert [diagnostic.code for diagnostic in caught.value.diagnostics] == [code]


@pytest.mark.parametrize("page", PAGES)
def test_links_of_the_pages_lead_somewhere(page: str) -> None:
    """Every relative link and picture is a file of the repository."""
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)", PAGES[page].read_text(encoding="utf-8"))
    assert [target for target in targets if not (DOCS / target).exists()] == []


def install(folder: Path, package: str = "sparx_pooling") -> Path:
    """Write the package of docs/extending.md under that name, with the metadata that installing it would leave."""
    for body in [*blocks("extending", "python"), *blocks("extending", "yaml")]:
        if named := FILE_LINE.match(body):
            path = folder / named["path"].replace("sparx_pooling", package)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(body.replace("sparx_pooling", package), encoding="utf-8")
    (project,) = blocks("extending", "toml")
    group = tomllib.loads(project)["project"]["entry-points"]["sparx_dsl.kinds"]
    points = [f"{name} = {reference.replace('sparx_pooling', package)}" for name, reference in group.items()]
    metadata = folder / f"{package}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n", encoding="utf-8")
    (metadata / "entry_points.txt").write_text("\n".join(["[sparx_dsl.kinds]", *points, ""]), encoding="utf-8")
    return folder


def run_python(code: str, folders: list[Path]) -> subprocess.CompletedProcess[str]:
    """Run code in a new interpreter that finds the packages in ``folders``, with the first as working directory."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, [*folders, ROOT])), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=folders[0], env=environment, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip


def test_package_of_kinds_works(tmp_path: Path) -> None:
    """The example package is found by its entry point: specs with it load, are priced, run and print what is shown."""
    folder = install(tmp_path)
    uses = [body for body in blocks("extending", "python") if not FILE_LINE.match(body)]
    shown = blocks("extending", "text")[: len(uses)]
    results = [run_python(body, [folder]) for body in uses]
    assert [(result.stderr, result.stdout) for result in results] == [("", text) for text in shown]


def test_the_same_kind_from_two_packages_is_an_error(tmp_path: Path) -> None:
    """Of two packages that define a kind of one role and name neither is used, and the message names both."""
    (tmp_path / "other").mkdir()
    folders = [install(tmp_path), install(tmp_path / "other", "other_pooling")]
    command = "import sys; sys.argv[1:] = ['check', 'with_pooling.yaml']; from sparx_dsl.cli.main import main; main()"
    assert run_python(command, folders).stderr == blocks("extending", "text")[-1]
