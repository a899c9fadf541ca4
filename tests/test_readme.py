"""What the README shows is true."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest

import sparx_dsl
from tests.support.pages import BLOCK
from tests.support.paths import ROOT, SPECS

README = (ROOT / "README.md").read_text(encoding="utf-8")


def bodies(language: str) -> list[str]:
    """The README's blocks in that language, in order."""
    return [found["body"] for found in BLOCK.finditer(README) if found["language"] == language]


def test_python_blocks_run_one_after_the_other(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As a reader would type them, with the specs at hand."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "specs").symlink_to(SPECS)
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile("\n".join(bodies("python")), "README.md", "exec"), {})  # noqa: S102
    assert "[96, 192, 320, 512] [4, 8, 16, 32]" in printed.getvalue()


def test_yaml_blocks_are_specs(tmp_path: Path) -> None:
    """The whole spec parses and its comment on ganglion layers holds; the ablation stands on the zoo."""
    whole, ablation = bodies("yaml")
    graph = sparx_dsl.connect(sparx_dsl.parse_spec(whole))
    assert [1, 3, 5, 7] == [node.number for node in graph.layers(3) if node.ganglion]
    (tmp_path / "sparx_mamba_t.yaml").write_text((SPECS / "sparx_mamba_t.yaml").read_text(encoding="utf-8"))
    (tmp_path / "wider.yaml").write_text(ablation)
    assert "all" == sparx_dsl.load_spec(tmp_path / "wider.yaml").stages[2].M


def test_the_mistake_that_is_shown() -> None:
    """A misspelt mixer in the README's spec is reported as the README shows it."""
    shown = next(found["body"] for found in BLOCK.finditer(README) if found["language"] == "text")
    wrong = bodies("yaml")[0].replace("kind: ss2d", "kind: ss2", 1)
    with pytest.raises(sparx_dsl.SparxError) as caught:
        sparx_dsl.parse_spec(wrong, name="my_backbone.yaml")
    assert sparx_dsl.render_diagnostics(caught.value.diagnostics).startswith(shown.rstrip("\n"))


def test_links_lead_to_files() -> None:
    """Every relative link is a file of the repository."""
    targets = re.findall(r"\]\(([^)#:]+)\)", README)
    assert targets
    assert [] == [target for target in targets if not (ROOT / target).exists()]
