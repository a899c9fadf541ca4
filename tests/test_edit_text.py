"""Edits of a spec's text: they mean what ``Spec.edit`` does, and leave all other lines as they are."""

from __future__ import annotations

import difflib
import re
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sparx_dsl
from sparx_dsl import SparxError, edited_text, read_assignment
from tests.support.backbones import TWO_STAGES
from tests.support.commands import sparx
from tests.support.paths import SPECS
from tests.support.strategies import spec_mappings

COMMENTED = """\
# A backbone.
sparx: 1
name: commented   # its name

stem: {kind: patch}
layer:
  mixer: {kind: ss2d}
  # the fusion of every ganglion layer
  fusion:
    kind: dmca
    groups: 4     # of channels
stages:
  - channels: 32
    depth: 4
    S: 2
    # the second one
  - channels: 64
    depth: 2
"""
EDITS: tuple[dict[str, object], ...] = (
    {"stages.1.S": 1},
    {"stages.2.S": 1, "stages.2.layer": {"layer_scale": 1.0}},
    {"stages.1.M": 1},
    {"stages.1.S": None},
    {"layer.fusion": {"kind": "concat"}},
    {"layer.fusion.groups": None},
    {"layer.fusion": {"groups": 8}},
    {"layer": {"norm": "layer", "dpe": False}},
    {"name": None, "drop_path": 0.1},
    {"stages.3": {"channels": 8, "depth": 1, "name": "last"}},
    {"stages.2": None},
    {"head": {"kind": "linear", "classes": 10}, "links": {"add": [{"from": "stage1.layer1", "to": "stage2.layer2"}]}},
    {"layer.fusion.kind": "no_gcca"},
)


def changed(before: str, after: str) -> list[str]:
    """The lines that differ, with their signs."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
    return [line for line in lines if not line.startswith(("---", "+++", "@@"))]


def outcome(call: Any) -> Any:
    """What a call gives, or the codes that it raises."""
    try:
        return call()
    except SparxError as error:
        return {diagnostic.code for diagnostic in error.diagnostics}


@pytest.mark.parametrize("changes", EDITS, ids=str)
def test_a_text_means_what_the_edited_spec_does(changes: dict[str, object], tmp_path: Path) -> None:
    """And every comment is still there, but for those on lines that are gone."""
    path = tmp_path / "commented.yaml"
    path.write_text(COMMENTED, encoding="utf-8")
    expected = outcome(lambda: sparx_dsl.load_spec(path).edit(changes))
    text = outcome(lambda: edited_text(path, changes))
    if isinstance(expected, set):
        assert text == expected
        return
    assert sparx_dsl.parse_spec(text) == expected
    kept = {"# A backbone.", "# the fusion of every ganglion layer"}
    kept |= {"# the second one"} if "stages.2" not in changes else set()
    assert kept <= set(re.findall(r"#.*", text))


@pytest.mark.parametrize(
    "before", ["stem: {kind: patch}", "stem:\n  kind: patch  # small", "stem:\n  kind: patch\n  # a"]
)
def test_a_comment_below_a_removed_key_stays(before: str, tmp_path: Path) -> None:
    """What is written between it and the next key is about that, also behind a mapping in a block or in braces."""
    rest = "# about the layers\nlayer: {mixer: {kind: ss2d}}\nstages: [{channels: 8, depth: 1}]\n"
    (tmp_path / "a.yaml").write_text(f"sparx: 1\nname: a\n{before}\ndrop_path: 0.1  # goes too\n{rest}")
    text = edited_text(tmp_path / "a.yaml", {"drop_path": None})
    assert text == f"sparx: 1\nname: a\n{before}\n{rest}"


@pytest.mark.parametrize("changes", EDITS, ids=str)
def test_an_extending_file_is_edited_as_the_whole(changes: dict[str, object], tmp_path: Path) -> None:
    """What the base has is overridden or removed in the file that extends it; the base stays."""
    (tmp_path / "commented.yaml").write_text(COMMENTED, encoding="utf-8")
    path = tmp_path / "ablation.yaml"
    path.write_text("extends: commented.yaml   # three lines\nname: ablation\nstages: {1: {M: 1}}\n", encoding="utf-8")
    expected = outcome(lambda: sparx_dsl.load_spec(path).edit(changes))
    text = outcome(lambda: edited_text(path, changes))
    if isinstance(expected, set):
        assert text == expected
        return
    assert text.startswith("extends: commented.yaml   # three lines\n")
    (tmp_path / "edited.yaml").write_text(text, encoding="utf-8")
    assert sparx_dsl.load_spec(tmp_path / "edited.yaml") == expected
    assert (tmp_path / "commented.yaml").read_text(encoding="utf-8") == COMMENTED


@pytest.mark.parametrize("path", sorted(SPECS.glob("*.yaml")), ids=lambda path: path.stem)
def test_only_the_line_of_the_value_changes(path: Path) -> None:
    """In every spec of the zoo."""
    text = path.read_text(encoding="utf-8")
    lines = changed(text, edited_text(path, {"name": "renamed"}))
    assert [line[0] for line in lines] == ["-", "+"]
    assert lines[1] == lines[0].replace(path.stem, "renamed", 1).replace("-", "+", 1)


@given(
    spec_mappings(),
    st.sampled_from([("drop_path", 0.25), ("stages.1.depth", 4), ("stages.1.channels", 24), ("stages.1.S", None)]),
)
@settings(max_examples=30)
def test_any_spec_can_be_edited(mapping: dict[str, Any], edit: tuple[str, object]) -> None:
    """Whatever the spec, the text means what ``Spec.edit`` gives, or both refuse alike."""
    spec, (key, value) = sparx_dsl.parse_spec(mapping), edit
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "any.yaml"
        path.write_text(sparx_dsl.dump_spec(spec), encoding="utf-8")
        check_edit(spec, path, key, value)


def check_edit(spec: sparx_dsl.Spec, path: Path, key: str, value: object) -> None:
    """Compare the edit of a text with that of the spec."""
    expected = outcome(lambda: spec.edit({key: value}))
    found = outcome(lambda: sparx_dsl.parse_spec(edited_text(path, {key: value})))
    assert found == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a.b=3", ("a.b", 3)), ("a=", ("a", None)), ("a = x=1", ("a", "x=1")), ("a={kind: ssm}", ("a", {"kind": "ssm"})),
     ("a=[1, 2]", ("a", [1, 2])), ("a='3'", ("a", "3")), ("a=true", ("a", True))],
)  # fmt: skip
def test_a_value_is_yaml(text: str, expected: tuple[str, object]) -> None:
    """Read as in a spec."""
    assert read_assignment(text) == expected


def test_the_command(tmp_path: Path) -> None:
    """It prints the text, or writes it; the file that is edited may be the one that is written."""
    path = tmp_path / "mine.yaml"
    path.write_text(COMMENTED, encoding="utf-8")
    shown = sparx("set", path, "stages.1.S=1", "name=other").stdout
    assert changed(COMMENTED, shown) == [
        "-name: commented   # its name", "+name: other       # its name", "-    S: 2", "+    S: 1"
    ]  # fmt: skip
    assert sparx("set", path, "stages.1.S=1", "name=other", "-o", path).status == 0
    assert path.read_text(encoding="utf-8") == shown


@pytest.mark.parametrize(
    ("edits", "code"),
    [(("stages.1.S",), "SPX526"), (("=3",), "SPX526"), (("name=a", "name=b"), "SPX526"), (("stages.9.S=3",), "SPX107"),
     (("stages.1.S=3.5",), "SPX103"), (("name=[",), "SPX00"), (("name=!!python/object:os.system x",), "SPX00")],
)  # fmt: skip
def test_an_edit_that_is_wrong(edits: tuple[str, ...], code: str, tmp_path: Path) -> None:
    """Is refused with its code, and nothing is written."""
    path = tmp_path / "new.yaml"
    done = sparx("set", "sparx_mamba_t", *edits, "-o", path, "--errors", "concise")
    assert done.status == 2
    assert code in done.stderr, done.stderr
    assert not path.exists()


def test_an_edit_that_the_text_cannot_take_is_refused(tmp_path: Path) -> None:
    """Where a file changes one stage under its number and under its name, the later of the two would win."""
    (tmp_path / "base.yaml").write_text(TWO_STAGES, encoding="utf-8")
    path = tmp_path / "ablation.yaml"
    path.write_text("extends: base.yaml\nname: x\nstages: {2: {M: 1}, deep: {S: 3}}\n", encoding="utf-8")
    assert sparx_dsl.load_spec(path).edit({"stages.2.S": 1}).stages[1].S == 1
    with pytest.raises(SparxError, match=r"SPX526 this edit cannot be made in the text"):
        edited_text(path, {"stages.2.S": 1})


def test_a_base_must_be_found_from_the_new_place(tmp_path: Path) -> None:
    """A file that would no longer find what it extends is not written."""
    (tmp_path / "base.yaml").write_text(COMMENTED, encoding="utf-8")
    path = tmp_path / "ablation.yaml"
    path.write_text("extends: base.yaml\nname: ablation\n", encoding="utf-8")
    target = tmp_path / "a" / "b" / "new.yaml"
    target.parent.mkdir(parents=True)
    done = sparx("set", path, "stages.1.S=1", "-o", target, "--errors", "concise")
    assert (done.status, target.exists()) == (2, False)
