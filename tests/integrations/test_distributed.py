"""The examples of training in several processes, each run as its first lines say, by two processes on this machine."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import sparx_dsl
from tests.support.backbones import small
from tests.support.paths import ROOT

pytestmark = pytest.mark.slow  # several interpreters import torch, one of them Lightning

LAYER: Any = small("window_attention")["layer"]
SOURCE: dict[str, Any] = small(
    "window_attention",
    input={"channels": 1, "size": 16},
    stem={"kind": "patch", "size": 2, "norm": "layer"},
    downsample={"kind": "conv", "norm": "layer"},
    layer={**LAYER, "fusion": {"kind": "concat"}},
    head={"kind": "linear", "classes": 10},
)
"""Without BatchNorm, whose running statistics need more steps than a test has."""
BUDGET = "1MB"
"""Within which training on SOURCE computes parts of layers again."""
STEPS = "40"
"""Few enough that rounding in another order does not grow to another loss."""
RESULT = re.compile(r"loss (?P<first>[\d.]+)(?: to (?P<last>[\d.]+))?, test accuracy (?P<accuracy>[\d.]+)%")


@cache
def digits() -> Any:
    """Test images of the digits and their classes; scikit-learn is imported when they are first wanted."""
    from examples.train_digits import digits

    return digits()[2:]


def torchrun(module: str) -> list[str]:
    """Two processes of an example."""
    return ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", f"examples.{module}"]


def trained(command: list[str], folder: Path, *options: str) -> tuple[re.Match[str], str]:
    """What an example prints at the end, and before; what it wrote is as good as it says."""
    from examples.train_digits import accuracy

    spec, weights = folder / "small.yaml", folder / "small.safetensors"
    spec.write_text(sparx_dsl.dump_spec(sparx_dsl.parse_spec(SOURCE)), encoding="utf-8")
    run = subprocess.run(
        [sys.executable, *command, "--spec", str(spec), "--save", str(weights), "--steps", STEPS, *options],
        cwd=ROOT, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    found = RESULT.search(run.stdout)
    assert run.returncode == 0, run.stderr[-3000:]
    assert found is not None, run.stdout
    measured = accuracy(sparx_dsl.build(weights), *digits())
    assert f"{measured:.2%}" == f"{found['accuracy']}%"
    return found, run.stdout


def test_ddp_and_fsdp2_train_alike(tmp_path: Path) -> None:
    """From the same loss to the same loss: within a budget on every process, and sharded and checkpointed by layer."""
    results: list[tuple[float, float]] = []
    for module, options in (("train_ddp", ["--budget", BUDGET]), ("train_fsdp2", [])):
        found, printed = trained(torchrun(module), tmp_path, *options)
        results.append((float(found["first"]), float(found["last"])))
        if module == "train_ddp":
            parts = re.search(rf"(\d+) parts of layers are computed again to save at most {BUDGET}", printed)
            assert parts is not None
            assert int(parts[1]) > 0
    (first, last), other = results
    assert other == pytest.approx((first, last), abs=0.01)
    assert last < first - 0.1


def test_lightning_trains(tmp_path: Path) -> None:
    """By its own Trainer, which starts the second process."""
    found, _ = trained(["-m", "examples.train_lightning", "--devices", "2"], tmp_path)
    assert float(found["first"]) < 2.25
