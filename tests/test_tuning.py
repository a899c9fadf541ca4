"""Settings of the fused SS2D that are measured and kept, with durations that the tests give."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch

import sparx_dsl
from sparx_dsl.measuring.settings import Settings
from sparx_dsl.measuring.tune import Device, tune
from sparx_dsl.ops.arguments import SS2DInputs
from sparx_dsl.ops.triton_kernels.candidates import Direction, candidates
from sparx_dsl.ops.triton_kernels.launch_ss2d import walk_shape
from sparx_dsl.ops.triton_kernels.settings import WalkSettings, WalkShape, forward_settings, is_measured
from sparx_dsl.ops.triton_kernels.tuned_file import MOST_BYTES, MOST_CASES, Case, read_tuned, tuned_path, write_tuned
from sparx_dsl.ops.triton_kernels.tuning import Measure, Tuner, settings_for
from tests.support.commands import sparx
from tests.support.schemas import check_stated

SHAPE = WalkShape(16, 640, 196, 20, 1)
CASE = Case("forward", "a device", SHAPE)
OPTIONS = candidates("forward", SHAPE, (9, 0))
KNOWN: dict[str, Any] = {
    "channels": 16, "warps": 2, "ahead": 1, "segments": 32, "rows": 32, "images": 1, "dot": True, "group": 1,
}  # fmt: skip
GOOD: dict[str, Any] = {
    "direction": "forward", "device": "a device",
    "shape": {"batch": 16, "channels": 640, "positions": 196, "rank": 20, "state": 1, "precise": False},
    "settings": KNOWN,
}  # fmt: skip
"""An entry as the file has it."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file that is not there yet, in a folder that is not there either."""
    return tmp_path / "cache" / "tuned.json"


def of_its_place(settings: WalkSettings) -> float:
    """A duration in which the last option is the fastest, and the first does not run at all."""
    place = OPTIONS.index(settings)
    return 10.0 - place if place else math.inf


def written(path: Path, **changes: Any) -> Path:
    """A file with one entry, changed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"version": 1, "tuned": [GOOD | changes]}), encoding="utf-8")
    return path


def test_the_fastest_is_kept_and_found_again(path: Path) -> None:
    """By this tuner and the next, without measuring again; elsewhere the default serves."""
    assert Tuner(path).choose(CASE, OPTIONS, None) == OPTIONS[0] == forward_settings(SHAPE)
    tuner = Tuner(path)
    assert tuner.choose(CASE, OPTIONS, of_its_place) == OPTIONS[-1] != OPTIONS[0]
    assert read_tuned(path) == {CASE: OPTIONS[-1]}

    def never(settings: WalkSettings) -> float:
        raise AssertionError(settings)

    for found in (tuner, Tuner(path)):
        assert found.choose(CASE, OPTIONS, never) == OPTIONS[-1]
    other = Case("forward", "another device", SHAPE)
    assert Tuner(path).choose(other, OPTIONS, None) == OPTIONS[0]


def test_where_nothing_runs_nothing_is_kept(path: Path) -> None:
    """The default is what is tried then."""
    assert Tuner(path).choose(CASE, OPTIONS, lambda settings: math.inf) == OPTIONS[0]
    assert not path.exists()


def test_settings_that_are_no_candidates_are_not_taken(path: Path) -> None:
    """Whatever a file says, only what could have been measured ever runs."""
    written(path, settings=KNOWN | {"warps": 64})
    assert Tuner(path).choose(CASE, OPTIONS, None) == OPTIONS[0]
    assert Tuner(path).choose(CASE, OPTIONS, of_its_place) == OPTIONS[-1]
    assert read_tuned(path) == {CASE: OPTIONS[-1]}


def test_files_are_bounded_and_keep_what_others_wrote(path: Path) -> None:
    """The oldest are dropped, and nothing is left beside the file."""
    cases = [Case("backward", str(each), SHAPE) for each in range(MOST_CASES)]
    write_tuned(path, {CASE: OPTIONS[1]})
    write_tuned(path, dict.fromkeys(cases[:-1], OPTIONS[0]))
    assert read_tuned(path)[CASE] == OPTIONS[1]
    write_tuned(path, {cases[-1]: OPTIONS[0]})
    assert list(read_tuned(path)) == cases
    assert path.stat().st_size < MOST_BYTES
    assert list(path.parent.iterdir()) == [path]


CHANGES: list[dict[str, Any]] = [
    {"direction": "sideways"}, {"device": 1}, {"device": "x" * 300}, {"more": 1}, {"shape": []}, {"settings": {}},
    *({"settings": KNOWN | change} for change in (
        {"warps": 1.0}, {"dot": 1}, {"rows": -1}, {"rows": True}, {"rows": 1 << 80}, {"rows": math.nan}
    )),
]  # fmt: skip
"""What no entry has."""
DAMAGED = [
    "", "[]", "{", "nan", "[" * 100_000, "\xff", "1" * 100_000, " " * (MOST_BYTES + 1), '{"version": 1}',
    '{"version": 2, "tuned": []}', '{"version": 1, "tuned": {}}', '{"version": 1, "tuned": [1]}',
    *(json.dumps({"version": 1, "tuned": entries}) for entries in (
        [GOOD] * (MOST_CASES + 1), *([GOOD | change] for change in CHANGES)
    )),
]  # fmt: skip
"""Texts that are no file of tuned settings."""


@pytest.mark.parametrize("text", DAMAGED, ids=range(len(DAMAGED)))
def test_damaged_files_are_refused(path: Path, text: str) -> None:
    """By their name, whole; what is there is not written over."""
    path.parent.mkdir()
    path.write_bytes(text.encode("latin-1"))
    for call in (lambda: Tuner(path), lambda: write_tuned(path, {CASE: OPTIONS[0]})):
        with pytest.raises(sparx_dsl.SparxError, match=r"tuned\.json' is not a file of tuned settings") as caught:
            call()
        assert caught.value.diagnostics[0].code == "SPX557"
    assert path.read_bytes() == text.encode("latin-1")


def test_files_that_cannot_be_read_or_written(tmp_path: Path) -> None:
    """A folder in the place of the file, a file in the place of the folder."""
    with pytest.raises(sparx_dsl.SparxError, match="cannot be read") as caught:
        read_tuned(tmp_path)
    assert caught.value.diagnostics[0].code == "SPX557"
    (tmp_path / "file").touch()
    with pytest.raises(sparx_dsl.SparxError):
        write_tuned(tmp_path / "file" / "tuned.json", {CASE: OPTIONS[0]})
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_the_environment_says_where_and_whether(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The file's place, and values of SPARX_TUNE; on the CPU nothing is read."""
    monkeypatch.delenv("SPARX_TUNED_FILE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert tuned_path() == tmp_path / "sparx_dsl" / "tuned.json"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert tuned_path() == tmp_path / ".cache" / "sparx_dsl" / "tuned.json"
    monkeypatch.setenv("SPARX_TUNED_FILE", str(tmp_path))
    assert tuned_path() == tmp_path
    x = torch.zeros(1, 1, 1, 1)

    def chosen() -> WalkSettings:
        return settings_for("forward", SHAPE, x, lambda settings: None)

    for said in ("", "0", "1"):
        monkeypatch.setenv("SPARX_TUNE", said)
        assert chosen() == forward_settings(SHAPE)
    monkeypatch.setenv("SPARX_TUNE", "yes")
    with pytest.raises(sparx_dsl.SparxError, match="SPARX_TUNE is 'yes'") as caught:
        chosen()
    assert caught.value.diagnostics[0].code == "SPX558"


def test_what_the_table_has_is_not_measured() -> None:
    """The sizes of SparX-Mamba-T at the two batches, in bfloat16, on the device of the table."""
    shape = WalkShape(128, 192, 3136, 6, 1)
    assert is_measured(shape, (9, 0))
    assert not is_measured(shape, (8, 0))
    for other in (WalkShape(64, 192, 3136, 6, 1), WalkShape(128, 192, 3136, 6, 2), WalkShape(128, 96, 3136, 6, 1),
                  WalkShape(1, 192, 3136, 6, 1, precise=True)):  # fmt: skip
        assert not is_measured(other, (9, 0))


def test_a_spec_is_tuned_scan_by_scan(path: Path) -> None:
    """Every different one once, in both directions, and what is printed satisfies the schema."""
    graph = sparx_dsl.connect("sparx_mamba_t")
    settings = Settings("cuda", 2, (64, 64), "bfloat16", train=True)
    asked: list[tuple[str, tuple[int, ...]]] = []

    def clock(direction: Direction, inputs: SS2DInputs) -> Measure:
        asked.append((direction, tuple(inputs.x.shape)))
        fastest = candidates(direction, walk_shape(inputs), (9, 0))[-1]
        return lambda each: 0.5 if each == fastest else 1.0

    listing = tune(graph, settings, Tuner(path), Device("a device", (9, 0), clock))
    shapes = [(2, 192, 16, 16), (2, 384, 8, 8), (2, 640, 4, 4), (2, 1024, 2, 2)]
    assert asked == [(direction, shape) for direction in ("forward", "backward") for shape in shapes]
    found = listing.as_json()
    check_stated("tune", found)
    assert [row["ratio"] for row in found["scans"]] == [1.0] * 8
    for case, kept in read_tuned(path).items():
        assert kept == candidates(case.direction, case.shape, (9, 0))[-1]
    assert not any(case.shape.precise for case in read_tuned(path))


def test_what_cannot_be_tuned_is_said(path: Path) -> None:
    """A spec without SS2D, and a machine without a CUDA device."""

    def clock(direction: Direction, inputs: SS2DInputs) -> Measure:
        raise AssertionError(direction)

    with pytest.raises(sparx_dsl.SparxError, match="swin_t has no mixer that the fused SS2D serves") as caught:
        tune(sparx_dsl.connect("swin_t"), Settings("cuda"), Tuner(path), Device("", (9, 0), clock))
    assert caught.value.diagnostics[0].code == "SPX556"
    if not torch.cuda.is_available():
        done = sparx("tune", "sparx_mamba_t", "--errors", "concise")
        assert (done.status, done.stdout) == (2, "")
        assert "SPX556" in done.stderr
