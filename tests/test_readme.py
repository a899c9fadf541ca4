"""What the README shows is true."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

import sparx_dsl
from sparx_dsl.cli.main import make_app
from tests.support import readme
from tests.support.markdown import bodies
from tests.support.paths import ROOT, SPECS
from tests.support.readme import README, Command

EVERY = [*readme.commands("python3"), *readme.commands(".venv"), *readme.commands("sparx")]

SHOWN = {
    "train_digits": r"test accuracy (9[7-9]\.|100)", "classify_photo": r"stage 4: 512 channels at 1/32",
    "mask_rcnn": r"sparx_mamba_t +46\.74 M +47 M", "search_digits": r"search_digits\.best",
}  # fmt: skip
"""What each example prints."""


def test_python_blocks_run_one_after_the_other(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As a reader would type them, with the specs at hand."""
    monkeypatch.chdir(tmp_path)
    readme.lay_out(tmp_path)
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(readme.python_program(), "README.md", "exec"), {})  # noqa: S102
    assert "[96, 192, 320, 512] [4, 8, 16, 32]" in printed.getvalue()


@pytest.mark.parametrize("command", readme.commands("sparx"), ids=str)
def test_commands_end_well(command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With the files of the zoo in place of what the README leaves open."""
    monkeypatch.chdir(tmp_path)
    readme.lay_out(tmp_path)
    program, *words = command.words
    result = CliRunner().invoke(make_app(), words if program == "sparx" else ["compile", *words])
    assert result.exit_code == command.status, result.output
    assert result.output or (tmp_path / words[words.index("-o") + 1]).stat().st_size


@pytest.mark.slow
@pytest.mark.parametrize("name", SHOWN)
def test_examples_end_well(name: str, tmp_path: Path) -> None:
    """Each prints what it is for; of the trials of a study, four are enough here."""
    (command,) = (command for command in EVERY if f"examples/{name}" in str(command))
    readme.lay_out(tmp_path)
    program, *words = [word if word != "60" else "4" for word in command.words]
    done = readme.run([program.removeprefix(".venv/bin/"), *words], tmp_path)
    assert readme.mistakes(command, done) == []
    assert re.search(SHOWN[name], done.stdout), done.stdout


def test_every_line_of_a_block_is_one_of_these() -> None:
    """No command of the README is left out, and what is installed comes at pinned versions."""
    lines = "".join(bodies(README, "bash")).replace("\\\n", " ").splitlines()
    assert len(EVERY) == len([line for line in lines if line])
    installing = [str(command) for command in EVERY if "install" in command.words]
    assert len(installing) == 4
    assert all("-c constraints.txt" in line for line in installing)


def test_yaml_blocks_are_specs(tmp_path: Path) -> None:
    """The whole spec parses and its comment on ganglion layers holds; the ablation stands on the zoo."""
    whole, ablation = bodies(README, "yaml")
    graph = sparx_dsl.connect(sparx_dsl.parse_spec(whole))
    assert [1, 3, 5, 7] == [node.number for node in graph.layers(3) if node.ganglion]
    (tmp_path / "sparx_mamba_t.yaml").write_text((SPECS / "sparx_mamba_t.yaml").read_text(encoding="utf-8"))
    (tmp_path / "wider.yaml").write_text(ablation)
    assert "all" == sparx_dsl.load_spec(tmp_path / "wider.yaml").stages[2].M


def test_the_mistake_that_is_shown() -> None:
    """A misspelt mixer in the README's spec is reported as the README shows it."""
    (shown,) = bodies(README, "text")
    wrong = bodies(README, "yaml")[0].replace("kind: ss2d", "kind: ss2", 1)
    with pytest.raises(sparx_dsl.SparxError) as caught:
        sparx_dsl.parse_spec(wrong, name="my_backbone.yaml")
    rendered = sparx_dsl.render_diagnostics(caught.value.diagnostics, width=100)
    assert rendered.startswith(shown.rstrip("\n"))


def test_links_lead_to_files() -> None:
    """Every relative link is a file of the repository."""
    targets = re.findall(r"\]\(([^)#:]+)\)", README.read_text(encoding="utf-8"))
    assert targets
    assert [] == [target for target in targets if not (ROOT / target).exists()]
