"""Specs that build on others: what is found where, what is refused, and which of two files a mistake is in."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

import sparx_dsl
from sparx_dsl import Limits, SparxError
from tests.support.backbones import TWO_STAGES
from tests.support.commands import sparx
from tests.support.diagnostics import codes


def place(error: pytest.ExceptionInfo[SparxError]) -> tuple[str, str, int, int]:
    """Code, file, line and column of the only mistake."""
    (diagnostic,) = error.value.diagnostics
    where = diagnostic.where
    assert where.source is not None
    assert where.span is not None
    return diagnostic.code, Path(where.source.name).name, where.span.line, where.span.column


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with base.yaml, and one within it for the specs that build on it."""
    (tmp_path / "base.yaml").write_text(TWO_STAGES)
    (tmp_path / "inner").mkdir()
    return tmp_path


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_an_ablation_is_a_file_of_three_lines(folder: Path) -> None:
    """A spec that extends another differs from it by the keys that it names."""
    path = written(folder / "ablation.yaml", "extends: base.yaml\nname: ablation\nstages: {deep: {S: 3, M: 1}}\n")
    base = sparx_dsl.load_spec(folder / "base.yaml")
    assert sparx_dsl.load_spec(path) == base.edit({"name": "ablation", "stages.2.S": 3, "stages.2.M": 1})


def test_a_base_is_found_in_the_folder_above(folder: Path) -> None:
    """The base is looked for beside the spec first, and then one folder up, wherever the caller stands."""
    path = written(folder / "inner" / "ablation.yaml", "extends: base.yaml\nname: ablation\n")
    assert sparx_dsl.load_spec(path).stages[1].S == 2
    written(folder / "inner" / "base.yaml", TWO_STAGES.replace("S: 2", "S: 4"))
    assert sparx_dsl.load_spec(path).stages[1].S == 4


def test_a_relative_path_finds_the_folder_above(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A spec in the current folder finds its base one folder up."""
    written(folder / "inner" / "ablation.yaml", "extends: base.yaml\nname: ablation\n")
    monkeypatch.chdir(folder / "inner")
    assert sparx_dsl.load_spec("ablation.yaml").name == "ablation"


def test_extends_reaches_through_several_files(folder: Path) -> None:
    """What a file in the middle changes is seen at the end, and the end's own keys win."""
    written(folder / "middle.yaml", "extends: base.yaml\nname: middle\nstages: {2: {S: 4, M: 1}}\n")
    path = written(folder / "end.yaml", "extends: middle.yaml\nname: end\nstages: {2: {M: 2}}\nhead: {kind: none}\n")
    spec = sparx_dsl.load_spec(path)
    assert (spec.name, spec.stages[1].S, spec.stages[1].M, spec.head.kind) == ("end", 4, 2, "none")
    assert "extends" not in sparx_dsl.dump_spec(spec)


def chain_of(folder: Path, count: int) -> Path:
    """A chain of that many specs, base.yaml included; the last of them."""
    before = "base"
    for number in range(2, count + 1):
        written(folder / f"link{number}.yaml", f"extends: {before}.yaml\nname: link{number}\n")
        before = f"link{number}"
    return folder / f"{before}.yaml"


def test_a_chain_may_be_as_long_as_the_limit(folder: Path) -> None:
    """As many specs as the limit says may stand in one chain."""
    assert sparx_dsl.load_spec(chain_of(folder, 8)).name == "link8"
    assert sparx_dsl.load_spec(chain_of(folder, 3), limits=Limits(extends=3)).name == "link3"


def test_a_chain_that_is_too_long_is_refused(folder: Path) -> None:
    """A chain beyond the limit is refused at the file that reaches too far."""
    with pytest.raises(SparxError) as caught:
        sparx_dsl.load_spec(chain_of(folder, 9))
    code, _, line, column = place(caught)
    assert (code, line, column) == ("SPX110", 1, 10)


@pytest.mark.parametrize("first", ["a", "b", "c"])
def test_a_circle_is_refused(folder: Path, first: str) -> None:
    """A file that extends itself, at once or by way of others, is refused where the circle closes."""
    for name, other in (("a", "b"), ("b", "a"), ("c", "c")):
        written(folder / f"{name}.yaml", f"name: {name}\nextends: {other}.yaml\n")
    with pytest.raises(SparxError) as caught:
        sparx_dsl.load_spec(folder / f"{first}.yaml")
    closing = {"a": "b.yaml", "b": "a.yaml", "c": "c.yaml"}[first]
    assert place(caught) == ("SPX110", closing, 2, 10)


@pytest.mark.parametrize(
    "name",
    ["../base.yaml", "inner/../base.yaml", "..", "{root}/base.yaml", "base.yaml.txt", "base.json", '"base.yaml\\n"',
     "https://example.org/base.yaml", "[base.yaml]", "{file: base.yaml}", "3", "''", "C:/base.yaml", "inner\\base.yaml",
     "file:base.yaml", "//host/base.yaml"],
)  # fmt: skip
def test_a_base_is_a_path_that_leads_nowhere_else(folder: Path, name: str) -> None:
    """A way up, an absolute path, an address, or anything but a relative path is refused at its place."""
    path = written(folder / "inner" / "ablation.yaml", f"name: x\nextends: {name.replace('{root}', str(folder))}\n")
    with pytest.raises(SparxError) as caught:
        sparx_dsl.load_spec(path)
    assert place(caught) == ("SPX111", "ablation.yaml", 2, 10)


@pytest.mark.parametrize(
    "name", ["1_base.yaml", "My-Base.yaml", "my-base.yml", "a b.yaml", ".hidden.yaml", "bases/base.yaml", "plain"]
)
@pytest.mark.parametrize("above", [False, True])
def test_a_base_has_any_name_in_any_folder_below(folder: Path, name: str, above: bool) -> None:
    """Beside the spec, below its folder, or so from the folder above; a plain name has .yaml behind it."""
    base = (folder if above else folder / "inner") / (name if "." in name else f"{name}.yaml")
    base.parent.mkdir(exist_ok=True)
    written(base, TWO_STAGES)
    path = written(folder / "inner" / "ablation.yaml", f"name: x\nextends: {name}\n")
    assert sparx_dsl.load_spec(path).stages[1].S == 2


def test_a_root_opens_what_is_below_it_and_nothing_else(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """With a root, .. and links may lead to any file below it; without one, and beyond it, they are refused."""
    (folder / "inner" / "deep").mkdir()
    path = written(folder / "inner" / "deep" / "ablation.yaml", "name: x\nextends: ../../base.yaml\n")
    assert sparx_dsl.load_spec(path, root=folder).name == "x"
    with pytest.raises(SparxError) as caught:
        sparx_dsl.load_spec(path, root=folder / "inner")
    assert codes(caught) == ["SPX113"]
    with pytest.raises(SparxError) as caught:
        sparx_dsl.load_spec(path)
    assert codes(caught) == ["SPX111"]
    assert "--root" in (caught.value.diagnostics[0].help or "")
    os.symlink(written(tmp_path_factory.mktemp("outside") / "secret.yaml", TWO_STAGES), folder / "linked.yaml")
    with pytest.raises(SparxError) as caught:
        sparx_dsl.load_spec(written(folder / "x.yaml", "name: x\nextends: linked.yaml\n"), root=folder)
    assert codes(caught) == ["SPX113"]


@pytest.mark.parametrize("inner", ["one", "one/two", "one/two/three"])
@pytest.mark.parametrize("form", ["base.yaml", "{up}base.yaml", "{up}bases/base.yaml", "x/../{up}base.yaml"])
def test_the_advice_for_a_base_further_above_works(
    inner: str, form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Written and named as the message says, the file is read."""
    (tmp_path / inner).mkdir(parents=True)
    (tmp_path / "bases").mkdir()
    for base in ("base.yaml", "bases/base.yaml"):
        written(tmp_path / base, TWO_STAGES)
    value = form.replace("{up}", "../" * (inner.count("/") + 1))
    path = written(tmp_path / inner / "ablation.yaml", f"name: x\nextends: {value}\n")
    monkeypatch.chdir(tmp_path)
    if inner == "one" and form == "base.yaml":
        assert sparx_dsl.load_spec(path).name == "x"
        return
    with pytest.raises(SparxError) as caught:
        sparx_dsl.load_spec(path)
    advice = caught.value.diagnostics[0].help or ""
    to_write, root = re.search(r"write ([^\s,]+)", advice), re.search(r"--root (\S+)", advice)
    assert to_write or root
    written(path, f"name: x\nextends: {value if to_write is None else to_write[1]}\n")
    assert sparx_dsl.load_spec(path, root=None if root is None else root[1]).stages[1].S == 2


def test_every_command_takes_a_root(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With --root, what extends a file above the folder above is read as any other."""
    (folder / "inner" / "deep").mkdir()
    path = written(folder / "inner" / "deep" / "ablation.yaml", "name: x\nextends: ../../base.yaml\n")
    lines = ("compile {} --emit graph", "check {}", "cost {}", "explain {}", "diff {} {}", "compare {} {}",
             "set {} name=other", "draw {} -o a.dot")  # fmt: skip
    monkeypatch.chdir(folder)
    for line in lines:
        words = [str(path) if word == "{}" else word for word in line.split()]
        assert sparx(*words).status == 2
        done = sparx(*words, "--root", folder)
        assert done.status == 0, done.stderr


@pytest.mark.parametrize(
    ("stage", "written_as"),
    [("{S: 3}", "S: 3"), ("{layer: {dpe: false}, M: 1}", "M: 1"), (f"{{name: {'x' * 20}}}", "S: 2"), ("{}", "S: 2")],
)
def test_a_list_of_changes_is_advised_to_be_numbers(folder: Path, stage: str, written_as: str) -> None:
    """A list replaces all stages; one that was meant to change a stage is answered with what to write."""
    whole = "{channels: 8}"
    path = written(folder / "ablation.yaml", f"extends: base.yaml\nname: x\nstages:\n- {whole}\n- {stage}\n")
    with pytest.raises(SparxError) as caught:
        sparx_dsl.load_spec(path)
    assert place(caught) == ("SPX102", "ablation.yaml", 5, 3)
    assert f"write their numbers: stages: {{2: {{{written_as}}}}}" in (caught.value.diagnostics[0].help or "")


def test_a_list_of_whole_stages_replaces_those_of_the_base(folder: Path) -> None:
    """As any list does."""
    text = "extends: base.yaml\nname: x\nstages: [{channels: 16, depth: 1}]\n"
    spec = sparx_dsl.load_spec(written(folder / "ablation.yaml", text))
    assert [(stage.channels, stage.depth) for stage in spec.stages] == [(16, 1)]


def test_a_search_space_is_no_spec() -> None:
    """And says which commands take it."""
    with pytest.raises(SparxError) as caught:
        sparx_dsl.parse_spec("space: 1\nname: x\nbase: sparx_mamba_t.yaml\n")
    (diagnostic,) = caught.value.diagnostics
    assert (diagnostic.code, diagnostic.where.path) == ("SPX101", "space")
    assert "sparx search" in (diagnostic.help or "")


def test_a_missing_base_is_refused_with_a_guess(folder: Path) -> None:
    """A base that is in neither folder is refused, and a name like it is offered."""
    path = written(folder / "inner" / "ablation.yaml", "extends: bose.yaml\n")
    with pytest.raises(SparxError) as caught:
        sparx_dsl.load_spec(path)
    assert place(caught) == ("SPX113", "ablation.yaml", 1, 10)
    assert "base.yaml" in (caught.value.diagnostics[0].help or "")


def test_a_link_out_of_the_folder_is_not_followed(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A symbolic link to a file elsewhere is no base; one to a file beside it is."""
    outside = written(tmp_path_factory.mktemp("outside") / "secret.yaml", TWO_STAGES)
    os.symlink(outside, folder / "linked.yaml")
    path = written(folder / "ablation.yaml", "extends: linked.yaml\nname: x\n")
    with pytest.raises(SparxError) as caught:
        sparx_dsl.load_spec(path)
    assert place(caught) == ("SPX113", "ablation.yaml", 1, 10)
    os.symlink(folder / "base.yaml", folder / "same.yaml")
    assert sparx_dsl.load_spec(written(path, "extends: same.yaml\nname: x\n")).name == "x"


def test_a_text_without_a_file_cannot_extend() -> None:
    """A text or a mapping comes from no folder, so there is nothing to look in."""
    with pytest.raises(SparxError) as caught:
        sparx_dsl.parse_spec("name: x\nextends: base.yaml\n")
    assert place(caught) == ("SPX112", "<text>", 2, 10)
    with pytest.raises(SparxError) as caught:
        sparx_dsl.parse_spec({"extends": "base.yaml"})
    assert codes(caught) == ["SPX112"]


@pytest.mark.parametrize(
    ("base", "own", "expected"),
    [
        (TWO_STAGES.replace("S: 2", "S: 9"), "name: x\n", ("SPX205", "base.yaml", 7, 45)),
        (TWO_STAGES, "name: x\nstages:\n  deep: {S: 9}\n", ("SPX205", "ablation.yaml", 4, 13)),
        (
            TWO_STAGES.replace("depth: 4", "depht: 4"),
            "name: x\nstages: {2: {depth: 4}}\n",
            ("SPX101", "base.yaml", 7, 32),
        ),
        (TWO_STAGES, "name: X\n", ("SPX109", "ablation.yaml", 2, 7)),
        (TWO_STAGES, "name: x\nstages: {3: {chanels: 8, channels: 8, depth: 1}}\n", ("SPX101", "ablation.yaml", 3, 14)),
        (TWO_STAGES, "name: x\nstages: {deeper: {S: 1}}\n", ("SPX107", "ablation.yaml", 3, 10)),
        ("name: [\n", "name: x\n", ("SPX005", "base.yaml", 1, 8)),
        (TWO_STAGES, "name: x\nname: z\n", ("SPX009", "ablation.yaml", 3, 1)),
    ],
    ids=["base-rule", "own-rule", "base-key", "own-name", "own-key", "no-such-item", "base-syntax", "own-duplicate"],
)
def test_a_mistake_is_found_in_the_file_that_makes_it(folder: Path, base: str, own: str, expected: Any) -> None:
    """Of two files, the one is named in which the mistake stands, with its line and column there."""
    written(folder / "base.yaml", base)
    path = written(folder / "ablation.yaml", f"extends: base.yaml\n{own}")
    with pytest.raises(SparxError) as caught:
        sparx_dsl.load_spec(path)
    assert place(caught) == expected


def test_a_mistake_in_a_link_is_found_in_the_file_that_adds_it(folder: Path) -> None:
    """What the graph finds is placed as well: the link of the ablation, in the ablation."""
    path = written(
        folder / "ablation.yaml", "extends: base.yaml\nname: x\nlinks:\n  add:\n  - {from: stem, to: deep.layer9}\n"
    )
    with pytest.raises(SparxError) as caught:
        sparx_dsl.connect(path)
    assert place(caught) == ("SPX301", "ablation.yaml", 5, 22)
