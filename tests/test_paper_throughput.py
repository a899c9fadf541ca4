"""The paper's tables of speed beside what is measured: rows, ratios, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import sparx_dsl
from sparx_dsl.paper.throughput_figures import read_throughput
from tests.support.commands import sparx
from tests.support.paths import SPECS
from tests.support.schemas import check_stated

PRINTED = SPECS / "paper" / "throughput.yaml"
FIGURES = """
throughput:
  - {table: "1", size: 32, batch: 2, models: {vmamba_t: {images: 200, memory: 10}, other: {images: 150}}}
  - {table: "2", size: 32, batch: 2, models: {swin_t: {images: 400}, other: {images: 160}}}
  - {table: "2", size: 64, batch: 1, models: {vmamba_t: {images: 50}}}
"""


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of figures, with three small backbones beside its folder and one of them among the ablations."""
    root = tmp_path_factory.mktemp("zoo")
    for name, folder in (("vmamba_t", root), ("swin_t", root), ("other", root / "ablations")):
        folder.mkdir(exist_ok=True)
        spec = {"sparx": 1, "name": name, "stem": {"kind": "patch"}, "layer": {"mixer": {"kind": "depthwise"}},
                "stages": [{"channels": 8, "depth": 1}], "head": {"kind": "linear", "classes": 2}}  # fmt: skip
        (folder / f"{name}.yaml").write_text(sparx_dsl.dump_spec(sparx_dsl.parse_spec(spec)), encoding="utf-8")
    (root / "paper").mkdir()
    path = root / "paper" / "speed.yaml"
    path.write_text(FIGURES, encoding="utf-8")
    return path


def test_every_printed_row_has_a_spec() -> None:
    """VMamba-T is measured at every size, Swin-T at 224, and each name is that of a spec."""
    printed = read_throughput(PRINTED)
    assert printed.tables == ("4", "5", "16", "17")
    assert printed.sizes == (224, 384, 512, 768, 1024)
    assert sum(len(each.models) for each in printed.measurements) == 69
    names = {name for size in printed.sizes for name in printed.names(size)}
    assert names == {printed.spec(name).name for name in names}
    assert all(printed.printed("vmamba_t", size) for size in printed.sizes)
    assert [printed.printed("swin_t", size) for size in (224, 384)] == [2416, None]


def test_rows_have_ratios_of_what_is_printed_and_of_what_is_measured(figures: Path) -> None:
    """To both references, at sizes at which these are; one backbone has one speed in all tables."""
    lines: list[str] = []
    found = sparx_dsl.paper_throughput(figures, seconds=0, progress=lines.append).as_json()["rows"]
    assert [(row["table"], row["size"], row["batch"], row["name"]) for row in found] == [
        ("1", 32, 2, "vmamba_t"), ("1", 32, 2, "other"), ("2", 32, 2, "swin_t"), ("2", 32, 2, "other"),
        ("2", 64, 1, "vmamba_t"),
    ]  # fmt: skip
    vmamba, other, swin, again, large = found
    assert [row["printed_vmamba_t"] for row in found] == [1, 0.75, 2, 0.8, 1]
    assert [row["printed_swin_t"] for row in found] == [0.5, 0.375, 1, 0.4, None]
    assert (again["images"], large["swin_t"]) == (other["images"], None)
    assert other["swin_t"] == pytest.approx(other["images"] / swin["images"])
    assert other["vmamba_t"] == pytest.approx(other["images"] / vmamba["images"])
    assert [row["printed_memory"] for row in found] == [10, None, None, None, None]
    assert all(row["peak_bytes"] > 0 for row in found)
    assert any(line.startswith("other: ") for line in lines)


def test_the_command_measures_what_it_is_asked_for(figures: Path) -> None:
    """A table at a size in batches of one; its JSON satisfies the schema, and without --measure nothing runs."""
    words = ("paper", figures, "--measure", "throughput", "--tables", "2", "--sizes", "32", "--seconds", "0")
    found: dict[str, Any] = json.loads(sparx(*words, "--json").stdout)
    check_stated("paper_throughput", found)
    assert [("swin_t", 1), ("other", 1)] == [(row["name"], row["batch"]) for row in found["rows"]]
    assert found["rows"][1]["vmamba_t"] > 0
    assert "| other | 2 | 32 × 32 | 2 | 160 | 0.40 | 0.80 |" in sparx("paper", figures, "--markdown").stdout


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--measure", "throughput", "--tables", "3"), "SPX589"),
        (("--measure", "throughput", "--tables", "1", "--sizes", "64"), "SPX589"),
        (("--measure", "throughput", "--sizes", "small"), "SPX520"),
        (("--measure", "throughput", "--sizes", "32", "--device", "nope"), "SPX581"),
        (("--tables", "1"), "SPX523"),
    ],
    ids=lambda value: "" if isinstance(value, str) else " ".join(value),
)
def test_what_cannot_be_measured_is_said(options: tuple[str, ...], code: str, figures: Path) -> None:
    """Tables and sizes without figures, sizes that are no numbers, a device that is not here, nothing to measure."""
    done = sparx("paper", figures, *options, "--errors", "concise")
    assert (done.status, done.stdout) == (2, "")
    assert code in done.stderr
    assert "Traceback" not in done.stderr
