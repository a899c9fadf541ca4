"""Picture files: what is written, with which program, and what is left when it fails."""

from __future__ import annotations

import os
import subprocess
import sysconfig
import xml.etree.ElementTree as ElementTree
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from graphviz import Digraph

import sparx_dsl
from sparx_dsl import SparxError
from sparx_dsl.errors.escape import visible
from sparx_dsl.render.dot_text import dot, escaped
from sparx_dsl.render.figure import figure
from sparx_dsl.render.files import write_text
from sparx_dsl.render.picture import draw
from sparx_dsl.render.svg import svg
from tests.support.dot import DEEP, FIGURE_2, graph_of, read_dot

SVG = "{http://www.w3.org/2000/svg}"
PAINT = {"fill", "stroke", "stroke-width", "stroke-dasharray"}
ALLOWED = {
    "svg": {"role", "width", "height", "viewBox", "font-family"}, "title": set[str](),
    "path": {"d", *PAINT}, "polygon": {"points", *PAINT}, "rect": {"x", "y", "width", "height", "rx", *PAINT},
    "text": {"x", "y", "text-anchor", "font-size", "fill"},
}  # fmt: skip
PURE = Path(sysconfig.get_path("scripts")) / "graphviz-pure"
"""Graphviz, written anew: draws what the DOT text says, independently of our own SVG."""


def program(folder: Path, script: str) -> None:
    """A program ``dot`` that is the only one in a folder."""
    (folder / "dot").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "dot").chmod(0o755)


def by_graphviz(text: str) -> ElementTree.Element:
    """The SVG that Graphviz makes of a DOT text with positions."""
    command = [PURE, "-Kneato", "-n2", "-Tsvg"]
    drawn = subprocess.run(command, input=text.encode(), capture_output=True, check=True).stdout
    return ElementTree.fromstring(drawn)  # noqa: S314


def texts(root: ElementTree.Element) -> list[str]:
    """All lines of text that a picture shows, sorted."""
    return sorted(element.text or "" for element in root.iter(f"{SVG}text"))


def places(root: ElementTree.Element) -> list[tuple[str, float, float]]:
    """Every text with its place, the first lane's title being at 0, 0."""
    found = [(e.text or "", float(e.attrib["x"]), float(e.attrib["y"])) for e in root.iter(f"{SVG}text")]
    _, left, top = next(place for place in found if place[0].startswith("Stage 1"))
    return sorted((text, x - left, y - top) for text, x, y in found)


def test_svg_has_only_allowed_parts(tmp_path: Path) -> None:
    """The SVG holds listed elements and attributes and refers to nothing outside."""
    draw(graph_of(DEEP), tmp_path / "deep.svg")
    text = (tmp_path / "deep.svg").read_text("utf-8")
    for element in ElementTree.fromstring(text).iter():  # noqa: S314
        tag = element.tag.removeprefix(SVG)
        assert set(element.attrib) <= ALLOWED[tag], tag
    assert text.count("http") == 1
    assert "url(" not in text


@pytest.mark.parametrize("text", [FIGURE_2, DEEP], ids=["figure2", "deep"])
def test_svg_shows_what_graphviz_draws(text: str) -> None:
    """Our SVG and Graphviz's drawing of our DOT text: the same texts in the same places, as many lines and shapes."""
    graph = graph_of(text)
    ours, theirs = ElementTree.fromstring(svg(figure(graph, fold=True))), by_graphviz(dot(graph))  # noqa: S314
    assert texts(ours) == texts(theirs)
    for (shown, *place), (expected, *wanted) in zip(places(ours), places(theirs), strict=True):
        assert shown == expected
        assert place == pytest.approx(wanted, abs=1.5)
    dashed = [[e.get("stroke-dasharray") for e in root.iter() if e.get("stroke-dasharray")] for root in (ours, theirs)]
    assert Counter(dashed[0]) == Counter(dashed[1])
    # The background and the stem are rectangles with us.
    assert len(list(ours.iter(f"{SVG}polygon"))) == len(list(theirs.iter(f"{SVG}polygon"))) - 2
    curves = [[e for e in root.iter(f"{SVG}path") if e.get("stroke-width")] for root in (ours, theirs)]
    assert len(curves[0]) == len(curves[1])


def test_svg_shows_every_label() -> None:
    """The texts of boxes, lanes and legend arrive in the SVG as they were meant, under the backbone's name."""
    root = ElementTree.fromstring(svg(figure(graph_of(FIGURE_2), fold=True)))  # noqa: S314
    assert {"Stage 1 · S=2, M=2", "96 channels · 56×56", "stem", *"12345678"} <= set(texts(root))
    assert "ganglion layer: DPE → DMCA → SS2D → FFN" in texts(root)
    assert [element.text for element in root.iter(f"{SVG}title")] == ["figure2"]


def test_hostile_text_stays_text() -> None:
    """Whatever a text holds, it adds no element to the SVG and steers no terminal."""
    evil = '<script>alert(1)</script>&amp;"\x1b]8;;\u202e'
    picture = figure(graph_of(FIGURE_2), fold=True)
    words = (replace(picture.words[0], text=evil), *picture.words[1:])
    text = svg(replace(picture, name=evil, words=words))
    root = ElementTree.fromstring(text)  # noqa: S314
    assert visible(evil) in texts(root)
    assert [element.text for element in root.iter(f"{SVG}title")] == [visible(evil)]
    assert "<script" not in text
    assert visible(text) == text.replace("\n", "\\n")


@pytest.mark.parametrize("text", ["\\N", "&lt;b&gt;", "a\\", '"]; x [URL="y"', "<b>x</b>", "&amp;amp;", "\\\\l", "a:b"])
def test_graphviz_shows_escaped_text_letter_for_letter(text: str) -> None:
    """Graphviz itself reads an escaped text as it was meant: one node that shows just this."""
    drawing = Digraph()
    drawing.node("n", escaped(text), pos="0,0")
    assert texts(by_graphviz(drawing.source)) == [text]


@pytest.mark.parametrize("extension", ["svg", "dot", "gv"])
def test_svg_and_text_need_no_program(extension: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are written where nothing is installed that can draw, and nothing else is left beside them."""
    monkeypatch.setenv("PATH", "")
    path = tmp_path / f"figure.{extension.upper()}"
    draw(graph_of(FIGURE_2), path, fold=False)
    graph = graph_of(FIGURE_2)
    expected = svg(figure(graph, fold=False)) if extension == "svg" else sparx_dsl.dot(graph, fold=False)
    assert path.read_text("utf-8") == expected
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(("extension", "option"), [("png", "dpi=200"), ("pdf", "layout=neato")])
def test_graphviz_draws_the_rest(
    extension: str, option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``dot`` is given the DOT text and told that it has positions; what it writes becomes the file."""
    program(tmp_path, 'echo "$@"; cat')
    monkeypatch.setenv("PATH", os.pathsep.join((str(tmp_path), os.environ["PATH"])))
    draw(graph_of(FIGURE_2), tmp_path / f"figure.{extension}")
    arguments, text = (tmp_path / f"figure.{extension}").read_text("utf-8").split("\n", 1)
    assert {"-Kneato", "-n2", f"-T{extension}"} <= set(arguments.split())
    assert option in text
    assert read_dot(text) == read_dot(dot(graph_of(FIGURE_2)))


@pytest.mark.parametrize("extension", ["png", "pdf"])
def test_no_program(extension: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing can draw, the diagnostic says what to install or write, and no file appears."""
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SparxError) as raised:
        draw(graph_of(FIGURE_2), tmp_path / f"figure.{extension}")
    (diagnostic,) = raised.value.diagnostics
    assert diagnostic.code == "SPX510"
    assert ".svg" in (diagnostic.help or "")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("script", "reason"), [("echo broken >&2; exit 3", "broken"), ("exit 3", "exit status 3"), ("exit 0", "nothing")]
)
def test_failing_program_leaves_the_old_file(
    script: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that fails or gives nothing: SPX512 with its last words, and what was there before stays."""
    program(tmp_path, f"cat >/dev/null; {script}")
    monkeypatch.setenv("PATH", os.pathsep.join((str(tmp_path), os.environ["PATH"])))
    path = tmp_path / "figure.png"
    path.write_text("before")
    with pytest.raises(SparxError) as raised:
        draw(graph_of(FIGURE_2), path)
    (diagnostic,) = raised.value.diagnostics
    assert diagnostic.code == "SPX512"
    assert reason in diagnostic.notes[0]
    assert path.read_text() == "before"
    assert sorted(tmp_path.iterdir()) == [tmp_path / "dot", path]


@pytest.mark.parametrize("name", ["figure.jpg", "figure", ".svg"])
def test_unknown_extension(name: str, tmp_path: Path) -> None:
    """An extension that says nothing is refused before anything is drawn."""
    with pytest.raises(SparxError) as raised:
        sparx_dsl.draw(graph_of(FIGURE_2), tmp_path / name)
    assert [diagnostic.code for diagnostic in raised.value.diagnostics] == ["SPX511"]


@pytest.mark.parametrize("name", ["none/figure.dot", "folder.dot"])
def test_unwritable_place(name: str, tmp_path: Path) -> None:
    """A missing folder, or a folder in the file's place, is SPX502, and nothing is left behind."""
    (tmp_path / "folder.dot").mkdir()
    with pytest.raises(SparxError) as raised:
        sparx_dsl.draw(graph_of(FIGURE_2), tmp_path / name)
    assert [diagnostic.code for diagnostic in raised.value.diagnostics] == ["SPX502"]
    assert [path.name for path in tmp_path.iterdir()] == ["folder.dot"]


def test_a_link_is_followed_and_a_mode_is_kept(tmp_path: Path) -> None:
    """Writing to a link writes to what it leads to; a private file stays private."""
    real, link = tmp_path / "real.txt", tmp_path / "link.txt"
    real.write_text("old")
    real.chmod(0o600)
    link.symlink_to(real)
    write_text(link, "new")
    assert link.is_symlink()
    assert ("new", 0o600) == (real.read_text(), real.stat().st_mode & 0o777)
    assert {"real.txt", "link.txt"} == {path.name for path in tmp_path.iterdir()}


def test_what_is_no_regular_file_is_not_replaced(tmp_path: Path) -> None:
    """A pipe stays a pipe, and its reader gets the text."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_text(pipe, "text")
    assert b"text" == os.read(reader, 10)
    os.close(reader)
    assert pipe.is_fifo()


@pytest.mark.parametrize("path", ["", "/", ".", "a\0b"])
def test_paths_that_are_no_files_are_mistakes(path: str) -> None:
    """Each is a diagnostic, none a traceback."""
    with pytest.raises(SparxError) as caught:
        write_text(path, "text")
    assert ["SPX502"] == [mistake.code for mistake in caught.value.diagnostics]
