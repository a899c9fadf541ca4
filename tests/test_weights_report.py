"""The report of a load as text, and the code of the page on weights."""

from __future__ import annotations

import contextlib
import re
import runpy
import shutil
from pathlib import Path

import pytest

from sparx_dsl.weights import LoadReport
from tests.support.paths import SPECS


@pytest.mark.parametrize("number", range(4))
def test_code_of_the_page_runs(number: int, tmp_path: Path) -> None:
    """Each Python block of docs/weights.md runs by itself, beside the zoo and the examples."""
    docs = SPECS.parent / "docs"
    page = (docs / "weights.md").read_text(encoding="utf-8")
    found = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert len(found) == 4
    for folder in (SPECS, docs / "examples"):
        shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    (tmp_path / "block.py").write_text(found[number], encoding="utf-8")
    with contextlib.chdir(tmp_path):
        runpy.run_path("block.py")


def test_a_report_reads_as_text() -> None:
    """What matched, what did not, and what to know, a line each; long lists are counted."""
    names = tuple(f"tensor{number}" for number in range(10))
    report = LoadReport("swin", ("a",), missing=names, computed=("m",), unbuilt=("h", "i"), notes=("be warned",))
    assert str(report).splitlines() == [
        "swin: 1 tensor loaded as they are",
        "missing in the source, left as they were: 10",
        *(f"    tensor{number}" for number in range(8)),
        "    and 2 more",
        "computed here, so not loaded: 1 buffer",
        "of parts that this model was built without: 2 tensors",
        "note: be warned",
    ]
