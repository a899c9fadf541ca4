"""Speed and memory measured on this machine: what is counted, beside what, and what is refused."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

import sparx_dsl
from sparx_dsl.cli.progress import Progress
from tests.support.commands import sparx
from tests.support.paths import ROOT
from tests.support.schemas import check_stated

TINY: Mapping[str, Any] = {
    "sparx": 1, "name": "tiny", "input": {"size": 32}, "stem": {"kind": "patch"},
    "layer": {"mixer": {"kind": "window_attention", "window": 4, "head_width": 8}},
    "stages": [{"channels": 16, "depth": 2, "S": 1}, {"channels": 32, "depth": 1}],
    "head": {"kind": "linear", "classes": 10},
}  # fmt: skip


def row(**options: Any) -> dict[str, Any]:
    """What is measured of the tiny backbone."""
    return sparx_dsl.bench([TINY], seconds=0, **options).as_json()["models"][0]


def test_inference_holds_what_is_planned_and_more() -> None:
    """The measured peak counts the feature buffers, but for the images, and what parts hold inside themselves."""
    found = row(batch=2)
    schedule = sparx_dsl.plan(sparx_dsl.parse_spec(TINY), batch=2)
    images = 2 * 3 * 32 * 32 * 4
    assert found["planned_bytes"] == schedule.peak_bytes
    assert found["peak_bytes"] >= schedule.peak_bytes - images
    assert found["runs"] >= 5
    assert found["images_per_second"] == pytest.approx(2 / found["milliseconds"] * 1e3)
    assert found["least_milliseconds"] <= found["milliseconds"]


def test_training_holds_what_is_saved() -> None:
    """With the backward pass, the peak is at least what autograd saves beyond the images."""
    found, price = row(train=True), sparx_dsl.cost(TINY)
    assert found["planned_bytes"] == price.saved_bytes
    assert found["peak_bytes"] > price.saved_bytes - 3 * 32 * 32 * 4


def test_dtype_and_size_change_what_runs() -> None:
    """Half the bytes in bfloat16, for larger images more."""
    half, whole = row(dtype="bfloat16"), row(dtype="float32")
    assert half["planned_bytes"] * 2 == whole["planned_bytes"]
    assert half["params"] == whole["params"] == sparx_dsl.cost(TINY).params
    assert row(size=(64, 48))["planned_bytes"] > whole["planned_bytes"]


def test_a_model_of_timm_stands_beside() -> None:
    """By its name, with the size that was asked for; nothing is planned for it."""
    lines: list[str] = []
    listing = sparx_dsl.bench([TINY], ["test_resnet"], size=(32, 32), seconds=0, progress=lines.append)
    ours, theirs = listing.as_json()["models"]
    assert (ours["name"], theirs["name"]) == ("tiny", "timm:test_resnet")
    assert ours["ratio"] == 0
    assert theirs["planned_bytes"] is None
    assert any(line.startswith("tiny: ") for line in lines)
    assert any(line.startswith("run 5") for line in lines)


def test_the_command(tmp_path: Any) -> None:
    """Its JSON satisfies the schema; a deployed backbone has as many rows."""
    path = tmp_path / "tiny.yaml"
    path.write_text(sparx_dsl.dump_spec(sparx_dsl.parse_spec(TINY)), encoding="utf-8")
    found = json.loads(sparx("bench", path, "--seconds", "0", "--deploy", "--json").stdout)
    check_stated("bench", found)
    assert (found["deploy"], found["size"], len(found["models"])) == (True, [32, 32], 1)


def test_standard_error_has_the_progress_alone(tmp_path: Path) -> None:
    """Nothing that PyTorch's profiler says of itself."""
    (tmp_path / "tiny.yaml").write_text(sparx_dsl.dump_spec(sparx_dsl.parse_spec(TINY)), encoding="utf-8")
    command = [sys.executable, "-m", "sparx_dsl", "bench", "tiny.yaml", "--seconds", "0", "--csv"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, check=True, cwd=tmp_path, env=environment, text=True)
    assert done.stderr == "tiny: building and warming up\n"
    assert done.stdout.splitlines()[1].startswith("tiny,")


def test_the_line_of_a_terminal_is_cleared_where_an_error_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the message begins in an empty line."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stderr", terminal := Terminal())

    def fail() -> None:
        with Progress() as progress:
            progress.report("tiny: building")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert terminal.getvalue().endswith("tiny: building\r\x1b[K")


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--device", "nope"), "SPX581"),
        (("--train", "--deploy"), "SPX523"),
        (("timm:resnet5O",), "SPX581"),
        pytest.param(
            ("--device", "cuda"), "SPX581", marks=pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is here")
        ),
    ],
    ids=lambda value: "" if isinstance(value, str) else " ".join(value),
)
def test_what_cannot_be_measured_is_said(options: tuple[str, ...], code: str) -> None:
    """A device that is not here, modes that exclude each other, an unknown model."""
    done = sparx("bench", "ablations/stride_1", *options, "--size", "32", "--seconds", "0", "--errors", "concise")
    assert (done.status, done.stdout) == (2, "")
    assert code in done.stderr
    assert "Traceback" not in done.stderr
