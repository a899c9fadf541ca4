"""Picture files: what is written, with which program, and what is left when it fails."""

from __future__ import annotations

import os
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

import sparx_dsl
from sparx_dsl import SparxError
from sparx_dsl.render import programs
from sparx_dsl.render.files import write_text
from sparx_dsl.render.picture import draw
from sparx_dsl.render.quoting import quote
from sparx_dsl.render.svg import reduce_svg
from tests.support.dot import DEEP, FIGURE_2, graph_of

ALLOWED = {
    "svg": {"width", "height", "viewBox"}, "title": set[str](), "g": {"class", "transform"},
    "path": {"fill", "stroke", "stroke-width", "stroke-dasharray", "d"},
    "polygon": {"fill", "stroke", "stroke-width", "stroke-dasharray", "points"},
    "polyline": {"fill", "stroke", "stroke-width", "points"}, "ellipse": {"fill", "stroke", "cx", "cy", "rx", "ry"},
    "text": {"x", "y", "text-anchor", "font-family", "font-size", "fill"},
}  # fmt: skip
INSTALLED = [name for name in programs.PROGRAMS if programs.find_program(name)]
HOSTILE = """<?xml version="1.0"?><!DOCTYPE svg PUBLIC "x" "http://example.org/x.dtd"><!-- said -->
<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" onload="alert(1)">
<script>alert(1)</script><style>@import url(http://example.org/x.css)</style><image xlink:href="http://example.org/x.png"/>
<a xlink:href="javascript:alert(1)"><text>link</text></a><g id="g" onclick="alert(1)"><title>tip</title>
<path d="M0,0" fill="url(http://example.org/#x)" style="x"/></g><foreignObject><text>x</text></foreignObject></svg>"""


def only(*names: str) -> programs.Find:
    """Finds these programs and no others."""
    return lambda name: programs.find_program(name) if name in names else None


@pytest.mark.parametrize("name", INSTALLED)
def test_svg_has_only_allowed_parts(name: str, tmp_path: Path) -> None:
    """With either program, the SVG holds listed elements and attributes and refers to nothing outside."""
    draw(graph_of(DEEP), tmp_path / "deep.svg", find=only(name))
    text = (tmp_path / "deep.svg").read_text("utf-8")
    for element in ElementTree.fromstring(text).iter():  # noqa: S314
        tag = element.tag.removeprefix("{http://www.w3.org/2000/svg}")
        assert set(element.attrib) <= ALLOWED[tag], tag
    assert text.count("http") == 1
    assert "url(" not in text


@pytest.mark.parametrize("name", INSTALLED)
def test_svg_shows_every_label(name: str, tmp_path: Path) -> None:
    """The texts of boxes, lanes and legend arrive in the SVG as they were meant."""
    draw(graph_of(FIGURE_2), tmp_path / "figure.svg", find=only(name))
    root = ElementTree.fromstring((tmp_path / "figure.svg").read_text("utf-8"))  # noqa: S314
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"Stage 1 · S=2, M=2", "96 channels · 56×56", "stem", *"12345678"} <= set(texts)
    assert "ganglion layer: DPE → DMCA → SS2D → FFN" in texts


@pytest.mark.parametrize("text", ["\\N", "&lt;b&gt;", "a\\", '"]; x [URL="y"', "<b>x</b>", "&amp;amp;", "\\\\l", "a:b"])
@pytest.mark.parametrize("name", INSTALLED)
def test_programs_show_quoted_text_letter_for_letter(name: str, text: str) -> None:
    """The programs themselves read a quoted text as it was meant: one node that shows just this."""
    drawn = programs.render(f'graph {{ n [pos="0,0", label={quote(text)}] }}', "svg", find=only(name)).decode()
    root = ElementTree.fromstring(drawn)  # noqa: S314
    assert [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")] == [text]


def test_hostile_svg_is_reduced() -> None:
    """Scripts, styles, images, links, handlers and outside references are dropped."""
    text = reduce_svg(HOSTILE, "<name> & more")
    for word in ("script", "alert", "style", "image", "link", "example", "DOCTYPE", "said", "tip", "foreign"):
        assert word not in text
    assert "<title>&lt;name&gt; &amp; more</title>" in text
    assert '<path d="M0,0" fill="none" />' in text


@pytest.mark.parametrize("text", ["", "<html/>", "<svg"])
def test_what_is_no_svg_is_refused(text: str) -> None:
    """Anything but an SVG raises instead of being written."""
    with pytest.raises(ValueError, match="no SVG"):
        reduce_svg(text, "name")


@pytest.mark.parametrize("suffix", ["svg", "png"])
@pytest.mark.parametrize("name", INSTALLED)
def test_pictures_are_of_their_kind(name: str, suffix: str, tmp_path: Path) -> None:
    """The file begins as its kind does, and nothing else is left beside it."""
    path = tmp_path / f"figure.{suffix.upper()}"
    draw(graph_of(FIGURE_2), path, find=only(name))
    assert path.read_bytes().startswith({"svg": b"<svg", "png": b"\x89PNG"}[suffix])
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("suffix", ["dot", "gv"])
def test_text_needs_no_program(suffix: str, tmp_path: Path) -> None:
    """DOT text is written where nothing is installed that can draw."""
    draw(graph_of(FIGURE_2), tmp_path / f"figure.{suffix}", fold=False, find=only())
    written = (tmp_path / f"figure.{suffix}").read_text("utf-8")
    assert written == sparx_dsl.dot(graph_of(FIGURE_2), fold=False)


def test_no_program(tmp_path: Path) -> None:
    """Where nothing can draw, the diagnostic says what to install, and no file appears."""
    with pytest.raises(SparxError) as raised:
        draw(graph_of(FIGURE_2), tmp_path / "figure.svg", find=only())
    (diagnostic,) = raised.value.diagnostics
    assert diagnostic.code == "SPX510"
    assert diagnostic.help is not None
    assert 'pip install "sparx_dsl[viz]"' in diagnostic.help
    assert ".dot" in diagnostic.help
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif("graphviz-pure" not in INSTALLED, reason="needs the extra viz")
def test_pdf_needs_the_graphviz_program(tmp_path: Path) -> None:
    """graphviz-pure writes no PDF; the diagnostic names the program that does."""
    with pytest.raises(SparxError) as raised:
        draw(graph_of(FIGURE_2), tmp_path / "figure.pdf", find=only("graphviz-pure"))
    (diagnostic,) = raised.value.diagnostics
    assert (diagnostic.code, diagnostic.help) == ("SPX510", programs.ONLY_DOT)


@pytest.mark.parametrize("name", ["figure.jpg", "figure", ".svg"])
def test_unknown_extension(name: str, tmp_path: Path) -> None:
    """An extension that says nothing is refused before anything is drawn."""
    with pytest.raises(SparxError) as raised:
        sparx_dsl.draw(graph_of(FIGURE_2), tmp_path / name)
    assert [diagnostic.code for diagnostic in raised.value.diagnostics] == ["SPX511"]


@pytest.mark.parametrize("script", ["echo broken >&2; exit 3", "exit 0", "echo '<html/>'", "sleep 30"])
def test_failing_program_leaves_the_old_file(script: str, tmp_path: Path) -> None:
    """A program that fails, gives nothing, gives no SVG or hangs: SPX512, and what was there before stays."""
    program = tmp_path / "bad"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)

    def find(name: str) -> str | None:
        return str(program) if name == "dot" else None

    path = tmp_path / "figure.svg"
    path.write_text("before")
    with pytest.raises(SparxError) as raised:
        draw(graph_of(FIGURE_2), path, find=find, timeout=0.5)
    assert [diagnostic.code for diagnostic in raised.value.diagnostics] == ["SPX512"]
    assert path.read_text() == "before"
    assert sorted(tmp_path.iterdir()) == [program, path]


def test_second_program_helps_out(tmp_path: Path) -> None:
    """Where the first program cannot write the kind, the next one is asked."""
    for name, script in {"dot": "exit 1", "graphviz-pure": "cat >/dev/null; echo '<svg/>'"}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    draw(graph_of(FIGURE_2), tmp_path / "figure.svg", find=lambda name: str(tmp_path / name))
    assert "<title>figure2</title>" in (tmp_path / "figure.svg").read_text()


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
