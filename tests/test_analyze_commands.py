"""``sparx analyze``: images of a folder, files of weights, pictures, tables, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import sparx_dsl
from sparx_dsl.analysis import ImageSettings, image_batches
from tests.support.commands import sparx
from tests.support.schemas import check_stated

SPEC: dict[str, Any] = {
    "sparx": 1, "name": "small", "input": {"channels": 1, "size": 16}, "stem": {"kind": "patch"},
    "layer": {"mixer": {"kind": "depthwise", "kernel": 3}},
    "stages": [{"channels": 8, "depth": 2, "S": 2}, {"channels": 12, "depth": 1}],
    "head": {"kind": "linear", "classes": 3},
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A spec, two files of weights, and eleven images in a folder and one below."""
    root = tmp_path_factory.mktemp("analyses")
    (root / "small.yaml").write_text(sparx_dsl.dump_spec(sparx_dsl.parse_spec(SPEC)), encoding="utf-8")
    random = np.random.default_rng(0)
    (root / "images" / "below").mkdir(parents=True)
    for number in range(11):
        place = root / "images" / ("below" if number % 2 else "") / f"{number}.png"
        Image.fromarray(random.integers(0, 256, (20, 30), dtype=np.uint8)).save(place)
    (root / "images" / "notes.txt").write_text("not an image", encoding="utf-8")
    for name in ("one", "two"):
        sparx_dsl.save_checkpoint(sparx_dsl.build(SPEC), root / f"{name}.safetensors")
    return root


@pytest.mark.parametrize("analysis", ["erf", "cka"])
def test_json_satisfies_its_schema_and_the_picture_is_there(analysis: str, folder: Path) -> None:
    """Two files of one spec are called by their files; a spec without weights is said to have none."""
    picture = folder / f"{analysis}.svg"
    words = ("analyze", analysis, folder / "one.safetensors", folder / "small.yaml", "--images", folder / "images")
    found = json.loads(sparx(*words, "--json", "--batch", "4", "--picture", picture).stdout)
    check_stated(f"analyze_{analysis}", found)
    assert [("one", "one.safetensors"), ("small", None)] == [(one["name"], one["weights"]) for one in found["models"]]
    assert found["images"] == 11
    assert len(found["stages"] if analysis == "erf" else found["pairs"]) == (4 if analysis == "erf" else 15)
    drawn = picture.read_text(encoding="utf-8")
    assert drawn.startswith("<?xml")
    assert all(name in drawn for name in ("one", "small"))


def test_text_names_weights_that_are_drawn(folder: Path) -> None:
    """And those of two files are compared."""
    words = ("analyze", "cka", folder / "small.yaml", folder / "small.yaml", "--images", folder / "images")
    drawn = sparx(*words).stdout
    assert "weights of small, small 2 are freshly drawn" in drawn
    loaded = sparx(*words, "--weights", folder / "one.safetensors", "--weights", folder / "two.safetensors").stdout
    assert "drawn" not in loaded
    assert loaded.count("two") == 3


def test_images_are_cropped_scaled_and_normalised(folder: Path) -> None:
    """The middle of each, to [−1, 1] where grey; the seed chooses, and batches are of nearly one size."""
    batches = image_batches(folder / "images", ImageSettings((20, 20), channels=1, batch=4))
    assert [6, 5] == [len(batch) for batch in batches]
    first = batches.paths.index(folder / "images" / "0.png")
    pixels = np.asarray(Image.open(folder / "images" / "0.png"))[:, 5:25]
    expected = torch.from_numpy(pixels / 127.5 - 1).float()  # pyright: ignore[reportUnknownMemberType]
    part, place = first % len(batches), first // len(batches)
    torch.testing.assert_close([*batches][part][place, 0], expected)
    some = [image_batches(folder / "images", ImageSettings((8, 8), 3, 5, seed=seed)) for seed in (0, 0, 1)]
    assert some[0].paths == some[1].paths != some[2].paths
    assert [(5, 3, 8, 8)] == [tuple(batch.shape) for batch in some[0]]


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("small.yaml", "--images", "nowhere"), "SPX591"),
        (("small.yaml", "--images", "empty"), "SPX591"),
        (("small.yaml", "--images", "broken"), "SPX591"),
        (
            ("small.yaml", "--images", "images", "--weights", "one.safetensors", "--weights", "two.safetensors"),
            "SPX590",
        ),
        (("one.safetensors", "--images", "images", "--weights", "two.safetensors"), "SPX590"),
        (("small.yaml", "swin_t", "--images", "images"), "SPX590"),
        (("small.yaml", "--images", "images", "--mean", "0.5,0.5"), "SPX590"),
        (("small.yaml", "--images", "images", "--std", "0"), "SPX590"),
        (("small.yaml", "--images", "images", "--picture", "erf.txt"), "SPX511"),
        (("small.yaml", "--images", "images", "--device", "nope"), "SPX590"),
    ],
    ids=lambda value: "" if isinstance(value, str) else " ".join(value),
)
def test_what_cannot_be_analysed_is_said(
    options: tuple[str, ...], code: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Folders without images, weights for others, images that not all read, a picture of an unknown format."""
    monkeypatch.chdir(folder)
    (folder / "empty").mkdir(exist_ok=True)
    (folder / "broken").mkdir(exist_ok=True)
    (folder / "broken" / "a.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    done = sparx("analyze", "erf", *options, "--errors", "concise")
    assert (done.status, done.stdout) == (2, "")
    assert code in done.stderr
    assert "Traceback" not in done.stderr
