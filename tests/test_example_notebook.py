"""The example notebook runs from top to bottom in a kernel of its own, and shows what it is meant to."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import nbformat
import pytest
from nbclient import NotebookClient

from tests.support.paths import ROOT

NOTEBOOK = ROOT / "examples" / "ablation.ipynb"


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_the_notebook_runs_and_shows_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No cell fails; a spec and a cost are shown as HTML, graphs and pictures as SVG; the figure is a PDF."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    book = cast("Any", nbformat.read(NOTEBOOK, as_version=4))  # pyright: ignore[reportUnknownMemberType]
    NotebookClient(book, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in book.cells if cell.cell_type == "code" for output in cell.outputs]
    shown: list[dict[str, str]] = [dict(output.data) for output in outputs if "data" in output]
    tables = [data["text/html"] for data in shown if "text/html" in data]
    assert len(tables) == 3
    assert sum("image/svg+xml" in data for data in shown) == 4
    assert "stage3.layer7" in tables[1], "the table of nodes is inside the cost"
    assert (tmp_path / "ganglion_layer.pdf").read_bytes().startswith(b"%PDF")


def test_the_notebook_is_kept_without_results() -> None:
    """Results are made anew by who runs it, so that a change of it can be read."""
    book = cast("Any", nbformat.read(NOTEBOOK, as_version=4))  # pyright: ignore[reportUnknownMemberType]
    cells = [cell for cell in book.cells if cell.cell_type == "code"]
    assert cells
    assert all(cell.outputs == [] and cell.execution_count is None for cell in cells)
