"""The site of the pages in docs/ is built without a warning, and says all that it should."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import sparx_dsl
from tests.support.paths import DOCS, ROOT


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, of a copy of the pages, beside which nothing is written."""
    pytest.importorskip("sphinx", reason="the extra docs is not installed")
    pages, built = tmp_path_factory.mktemp("pages") / "docs", tmp_path_factory.mktemp("site")
    shutil.copytree(DOCS, pages, ignore=shutil.ignore_patterns("_generated"))
    words = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", str(pages), str(built)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return built


@pytest.mark.slow
def test_the_reference_has_every_public_name(site: Path) -> None:
    """Each with its docstring; the modules ``search`` and ``analysis`` have pages of their own."""
    page = (site / "_generated" / "reference.html").read_text(encoding="utf-8")
    found = set(re.findall(r'id="sparx_dsl\.(\w+)"', page))
    assert found == {*sparx_dsl.__all__} - {"__version__", "search", "analysis"}


@pytest.mark.slow
def test_the_gallery_has_every_spec_of_the_zoo(site: Path) -> None:
    """With its picture."""
    page = (site / "_generated" / "gallery.html").read_text(encoding="utf-8")
    names = sparx_dsl.list_specs()
    assert len(re.findall(r'<img alt="the connections of ', page)) == len(names)
    assert len(list((site / "_images").glob("*.svg"))) >= len(names)


@pytest.mark.slow
def test_every_page_can_be_reached_and_found(site: Path) -> None:
    """Each page of docs/ is in the contents and in the index of the search; nothing is loaded from a network."""
    start = (site / "index.html").read_text(encoding="utf-8")
    words = (site / "searchindex.js").read_text(encoding="utf-8")
    for page in DOCS.glob("*.md"):
        assert f'href="{page.stem}.html"' in start or page.stem == "index"
        assert f'"{page.stem}"' in words
    for page in site.rglob("*.html"):
        assert re.findall(r'(?:src|<link[^>]*href)="https?:[^"]*"', page.read_text(encoding="utf-8")) == []
