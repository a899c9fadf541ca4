"""Picture files: what is written, with which program, and what is left when it fails."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import sysconfig
import xml.etree.ElementTree as ElementTree
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from graphviz import Digraph
from PIL import Image
from pypdf import PageObject, PdfReader

import sparx_dsl
from sparx_dsl import SparxError
from sparx_dsl.errors.escape import visible
from sparx_dsl.render.dot_text import dot, escaped
from sparx_dsl.render.drawing import Drawing
from sparx_dsl.render.figure import figure
from sparx_dsl.render.files import write_text
from sparx_dsl.render.look import Look
from sparx_dsl.render.marks import drawing
from sparx_dsl.render.page import page
from sparx_dsl.render.picture import make_picture
from sparx_dsl.render.svg import svg
from tests.support.dot import DEEP, FIGURE_2, graph_of

SVG = "{http://www.w3.org/2000/svg}"
PAINT = {"fill", "stroke", "stroke-width", "stroke-dasharray"}
ALLOWED = {
    "svg": {"role", "width", "height", "viewBox", "font-family"}, "title": set[str](),
    "path": {"d", *PAINT}, "polygon": {"points", *PAINT}, "rect": {"x", "y", "width", "height", "rx", *PAINT},
    "text": {"x", "y", "text-anchor", "font-size", "fill"},
}  # fmt: skip
PURE = Path(sysconfig.get_path("scripts")) / "graphviz-pure"
"""Graphviz, written anew: draws what the DOT text says, independently of our own SVG."""


def marks(text: str, *, fold: bool = True) -> Drawing:
    """The drawing of a backbone's connections."""
    look = Look(fold=fold)
    return drawing(figure(graph_of(text), look), look)


def by_graphviz(text: str) -> ElementTree.Element:
    """The SVG that Graphviz makes of a DOT text with positions."""
    command = [PURE, "-Kneato", "-n2", "-Tsvg"]
    drawn = subprocess.run(command, input=text.encode(), capture_output=True, check=True).stdout
    return ElementTree.fromstring(drawn)  # noqa: S314


def fonts(sheet: PageObject) -> list[Any]:
    """The fonts inside a page, described."""
    found = cast("dict[str, Any]", sheet["/Resources"])["/Font"].values()
    assert found
    return [font.get_object()["/DescendantFonts"][0].get_object() for font in found]


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
    sparx_dsl.draw(graph_of(DEEP), tmp_path / "deep.svg")
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
    ours, theirs = ElementTree.fromstring(make_picture(graph).svg), by_graphviz(dot(graph))  # noqa: S314
    assert texts(ours) == texts(theirs)
    for (shown, *place), (expected, *wanted) in zip(places(ours), places(theirs), strict=True):
        assert shown == expected
        # Graphviz does not know that a head's outline has a tip.
        assert shown == "head" or place == pytest.approx(wanted, abs=1.5)
    dashed = [[e.get("stroke-dasharray") for e in root.iter() if e.get("stroke-dasharray")] for root in (ours, theirs)]
    assert Counter(dashed[0]) == Counter(dashed[1])
    # The background and the stem are rectangles with us.
    assert len(list(ours.iter(f"{SVG}polygon"))) == len(list(theirs.iter(f"{SVG}polygon"))) - 2
    curves = [[e for e in root.iter(f"{SVG}path") if e.get("stroke-width")] for root in (ours, theirs)]
    assert len(curves[0]) == len(curves[1])


def test_svg_shows_every_label() -> None:
    """The texts of boxes, lanes and legend arrive in the SVG as they were meant, under the backbone's name."""
    root = ElementTree.fromstring(svg(marks(FIGURE_2)))  # noqa: S314
    assert {"Stage 1 · S=2, M=2", "96 channels · 56×56", "stem", *"12345678"} <= set(texts(root))
    assert "ganglion layer: DPE → DMCA → SS2D → FFN" in texts(root)
    assert [element.text for element in root.iter(f"{SVG}title")] == ["figure2"]


def test_hostile_text_stays_text() -> None:
    """Whatever a text holds, it adds no element to the SVG and steers no terminal."""
    evil = '<script>alert(1)</script>&amp;"\x1b]8;;\u202e\u200b\u3164\U000e0020'
    shown = figure(graph_of(FIGURE_2), Look())
    words = (replace(shown.words[0], text=evil), *shown.words[1:])
    text = svg(drawing(replace(shown, name=evil, words=words), Look()))
    root = ElementTree.fromstring(text)  # noqa: S314
    assert visible(evil) in texts(root)
    assert not {*"\x1b\u202e\u200b\u3164\U000e0020"} & {*text}
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
    sparx_dsl.draw(graph_of(FIGURE_2), path, fold=False)
    graph = graph_of(FIGURE_2)
    expected = make_picture(graph, Look(fold=False)).svg if extension == "svg" else sparx_dsl.dot(graph, fold=False)
    assert path.read_text("utf-8") == expected
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("text", [FIGURE_2, DEEP], ids=["figure2", "deep"])
def test_pdf_has_the_texts_and_the_size_of_the_svg(text: str) -> None:
    """A reader of PDF finds every word of the SVG as text, on one page of its size, in fonts that are embedded."""
    drawn = marks(text)
    (sheet,) = PdfReader(io.BytesIO(page(drawn, "pdf"))).pages
    expected = " ".join(texts(ElementTree.fromstring(svg(drawn)))).split()  # noqa: S314
    assert sorted(sheet.extract_text().split()) == sorted(expected)
    assert [float(sheet.mediabox.width), float(sheet.mediabox.height)] == pytest.approx(drawn.size, abs=0.1)
    for font in fonts(sheet):
        assert font["/Subtype"] == "/CIDFontType2"
        assert "/FontFile2" in font["/FontDescriptor"]


def test_pdf_has_the_curves_of_the_svg() -> None:
    """Lines stay lines: as many cubic pieces as the SVG has, round corners aside, and no image."""
    (sheet,) = PdfReader(io.BytesIO(page(marks(FIGURE_2), "pdf"))).pages
    root = ElementTree.fromstring(svg(marks(FIGURE_2)))  # noqa: S314
    pieces = sum(len(path.attrib["d"].split("C")[1].split()) // 3 for path in root.iter(f"{SVG}path"))
    round_corners = 4 * sum(rect.get("rx", "0") != "0" for rect in root.iter(f"{SVG}rect"))
    contents = sheet.get_contents()
    assert contents is not None
    drawn = [operator for _, operator in contents.operations]
    assert drawn.count(b"c") == pieces + round_corners
    assert not sheet.images


def test_pages_are_the_same_each_time() -> None:
    """No date and no random name is in a file."""
    assert page(marks(FIGURE_2), "pdf") == page(marks(FIGURE_2), "pdf")
    assert b"Date" not in page(marks(FIGURE_2), "pdf")
    assert page(marks(FIGURE_2), "png") == page(marks(FIGURE_2), "png")


def test_png_has_the_pixels_of_its_size() -> None:
    """At 300 dots per inch; its corners are white, and colours are those of the style."""
    drawn = marks(FIGURE_2)
    with Image.open(io.BytesIO(page(drawn, "png"))) as image:
        assert image.size == tuple(pytest.approx(side * 300 / 72, abs=1) for side in drawn.size)
        colours = {colour for _, colour in image.convert("RGB").getcolors(1 << 20) or ()}
        assert image.convert("RGB").getpixel((0, 0)) == (255, 255, 255)
    assert {(0xF5, 0xB3, 0x35), (0xD5, 0x5E, 0x00)} <= colours, "ganglion layers and inter-connections"


@pytest.mark.parametrize("extension", ["png", "pdf"])
def test_no_program_is_needed(extension: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A PDF and a PNG are written where there is no program at all."""
    monkeypatch.setenv("PATH", "")
    sparx_dsl.draw(graph_of(FIGURE_2), tmp_path / f"figure.{extension}")
    assert (tmp_path / f"figure.{extension}").read_bytes()[:4] in (b"%PDF", b"\x89PNG")


def test_without_matplotlib_a_message_says_what_to_install(tmp_path: Path) -> None:
    """In a process in which it cannot be imported: SPX750, no traceback, no file."""
    block = "import sys; sys.modules['matplotlib'] = None; from sparx_dsl.cli.main import main; main()"
    command = [sys.executable, "-c", block, "draw", "sparx_mamba_t", "-o", "figure.pdf"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert "SPX750" in run.stderr
    assert "sparx_dsl[pictures]" in run.stderr
    assert not list(tmp_path.iterdir())


def test_an_unknown_font_is_refused_where_it_would_be_embedded() -> None:
    """SPX513 for a PDF, with a family that is there; an SVG names the family and leaves it to the viewer."""
    named = replace(marks(FIGURE_2), font="DejaVu Snas")
    with pytest.raises(SparxError) as raised:
        page(named, "pdf")
    (diagnostic,) = raised.value.diagnostics
    assert diagnostic.code == "SPX513"
    assert "DejaVu Sans" in (diagnostic.help or "")
    assert "DejaVu Snas" in svg(named)
    (sheet,) = PdfReader(io.BytesIO(page(replace(named, font="DejaVu Serif"), "pdf"))).pages
    assert any("DejaVuSerif" in font["/BaseFont"] for font in fonts(sheet))


def test_a_letter_that_no_font_has_is_refused(tmp_path: Path) -> None:
    """SPX513 with the letter, where an empty box would be set; a letter of the fallback font is set."""
    with pytest.raises(SparxError) as raised:
        sparx_dsl.draw(graph_of(FIGURE_2), tmp_path / "a.pdf", title="\U00012000 \u03b1")
    (diagnostic,) = raised.value.diagnostics
    assert diagnostic.code == "SPX513"
    assert "\U00012000" in diagnostic.message
    assert "\u03b1" not in diagnostic.message
    drawn = sparx_dsl.draw(graph_of(FIGURE_2), title="\u2135 \u03b1")
    (sheet,) = PdfReader(io.BytesIO(drawn.pdf)).pages
    assert "\u2135" in sheet.extract_text()


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
