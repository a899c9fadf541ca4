"""The example of training on a folder of images: it ends with the same weights, stopped or not."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, cast

import pytest
import torch

import sparx_dsl
from tests.support.backbones import small
from tests.support.differences import differences
from tests.support.paths import ROOT
from tests.support.photos import image_folder

# Some libraries script functions when they are imported, and timm leaves it to the garbage collector to close images.
pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore:unclosed file:ResourceWarning"
)

EPOCHS, EPOCH_STEPS, BATCH = 2, 4, 4
LAST_SAVED, STOPPED = 4, 6
"""The checkpoint that training goes on from, and the step at which it was stopped."""


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen images for training, and a spec for them beside."""
    folder = tmp_path_factory.mktemp("photos")
    spec = sparx_dsl.parse_spec(small("ss2d", name="small_t", input={"size": 32}))
    (folder / "small_t.yaml").write_text(sparx_dsl.dump_spec(spec), encoding="utf-8")
    return image_folder(folder, train=8, val=3)


def words(photos: Path, output: Path, *more: object) -> list[str]:
    """The arguments of a short run; the options in ``more`` come last, and so are those that count."""
    given = [photos, "--model", photos / "small_t.yaml", "--output", output, "--batch", BATCH, "--epochs", EPOCHS,
             "--lr", 0.002, "--workers", 0, "--checkpoint-every", 2, *more]  # fmt: skip
    return [str(word) for word in given]


def options(photos: Path, output: Path, *more: object) -> argparse.Namespace:
    """The same as values."""
    from examples.train_imagenet import parsed

    return parsed(words(photos, output, *more))


def checkpoint(output: Path) -> dict[str, Any]:
    """What a run wrote last."""
    return torch.load(output / "checkpoint.pt", weights_only=True)


def test_stopped_training_ends_with_the_same_weights(photos: Path, tmp_path: Path) -> None:
    """Bit for bit in model, average and optimizer, though it stopped between checkpoints and others drew numbers."""
    from rich.progress import Progress

    from examples.train_imagenet import Reports, prepared, run_training, train

    class Stopped(Reports):
        """Raises before the checkpoint of a step is written."""

        def step(self, done: int, loss: float, rate: float) -> None:
            if done == STOPPED:
                raise KeyboardInterrupt

    cpu, (whole, parts) = torch.device("cpu"), (tmp_path / "whole", tmp_path / "parts")
    run_training(options(photos, whole), cpu)
    parts.mkdir()
    bar = Progress(disable=True)
    with pytest.raises(KeyboardInterrupt):
        train(prepared(options(photos, parts), cpu), 2, Stopped(bar, bar.add_task("")))
    assert checkpoint(parts)["step"] == LAST_SAVED
    torch.manual_seed(99)
    run_training(options(photos, parts), cpu)
    ends = checkpoint(whole), checkpoint(parts)
    assert ends[0]["step"] == EPOCHS * EPOCH_STEPS
    assert differences(*ends) == []
    for name in ("model", "average"):
        loaded = sparx_dsl.build(parts / f"{name}.safetensors").state_dict()
        assert differences(loaded, ends[0][name]) == []
    assert differences(ends[0]["model"], ends[0]["average"])


def test_a_step_draws_from_its_number(photos: Path, tmp_path: Path) -> None:
    """The mixing, erasing and dropped paths are the same whatever was drawn before, and others at another step."""
    from examples.train_imagenet import prepared

    arguments = options(photos, tmp_path, "--drop-path", 0.5)
    jobs = [prepared(arguments, torch.device("cpu")) for _ in range(3)]
    images, classes = next(iter(jobs[0].loader))
    losses: list[torch.Tensor] = []
    for seed, (number, job) in enumerate(zip((0, 0, 1), jobs, strict=True)):
        torch.manual_seed(seed)
        losses.append(job.run.step(number, images, classes))
    assert torch.equal(losses[0], losses[1])
    assert not torch.equal(losses[0], losses[2])


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--batch", 32], "16 images do not fill a batch of 32"),
        (["--batch", 3], "each process has 3 images of a batch, which are mixed in pairs"),
        (["--epochs", 0], "epochs: Input should be greater than or equal to 1"),
        (["--lr", "nan"], "lr: Input should be"),
        (["--recipe", "none.yaml"], "none.yaml"),
        (["--model", "sparx_mamba_x"], "sparx_mamba_x"),
        (["--model", "examples/digits.yaml"], "the images have 3 channels, and digits takes 1"),
        (["--drop-path", 1.5], "drop_path"),
    ],
)
def test_what_cannot_be_trained_is_refused(photos: Path, tmp_path: Path, more: list[object], message: str) -> None:
    """With the values, and before anything is written."""
    from examples.train_imagenet import prepared

    with (
        contextlib.chdir(ROOT),
        pytest.raises((ValueError, OSError, sparx_dsl.SparxError), match=re.escape(message)),
    ):
        prepared(options(photos, tmp_path / "output", *more), torch.device("cpu"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("auto_augment: rand-m9-x3", "'rand-m9-x3' is not a policy of timm"),
        ("auto_augment: best", "'best' is not a policy of timm"),
        ("ema: 0.9", "ema: Extra inputs are not permitted"),
        ("- 1", "is not YAML"),
    ],
)
def test_recipes_with_errors_are_refused(photos: Path, tmp_path: Path, line: str, message: str) -> None:
    """By the key, and what is wrong with it."""
    from examples.imagenet_recipe import RECIPES
    from examples.train_imagenet import prepared

    lines = (RECIPES / "imagenet.yaml").read_text(encoding="utf-8").splitlines()
    changed = [each for each in lines if not each.startswith(line.partition(":")[0] + ":")] + [line]
    (tmp_path / "mine.yaml").write_text("\n".join(changed), encoding="utf-8")
    with pytest.raises(ValueError, match=re.escape(message)):
        prepared(options(photos, tmp_path, "--recipe", tmp_path / "mine.yaml"), torch.device("cpu"))


def test_folders_without_images_are_refused(photos: Path, tmp_path: Path) -> None:
    """A missing folder, an empty one, and classes that validation has not."""
    from examples.train_imagenet import prepared

    def refused(message: str) -> None:
        arguments = options(photos, tmp_path / "output")
        arguments.data = tmp_path
        with pytest.raises(ValueError, match=message):
            prepared(arguments, torch.device("cpu"))

    refused("train is not a folder")
    (tmp_path / "train").mkdir()
    refused("train has no images")
    (tmp_path / "train").rmdir()
    image_folder(tmp_path, train=1, val=1)
    shutil.rmtree(tmp_path / "val" / "china")
    refused("have different classes")


def test_checkpoints_of_other_runs_are_refused(photos: Path, tmp_path: Path) -> None:
    """What differs is named; a part of a file is not a checkpoint; neither is changed."""
    from examples.imagenet_run import save
    from examples.train_imagenet import prepared

    cpu, path = torch.device("cpu"), tmp_path / "checkpoint.pt"
    save(prepared(options(photos, tmp_path), cpu).run, 3, path)
    assert prepared(options(photos, tmp_path), cpu).first == 3
    with pytest.raises(ValueError, match="another lr of the recipe;"):
        prepared(options(photos, tmp_path, "--lr", 0.003), cpu)
    with pytest.raises(ValueError, match="another spec;"):
        prepared(options(photos, tmp_path, "--drop-path", 0.4), cpu)
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(ValueError, match="cannot be read as a checkpoint"):
        prepared(options(photos, tmp_path), cpu)
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_a_checkpoint_is_whole_or_not_there(photos: Path, tmp_path: Path) -> None:
    """Where writing ends halfway, training goes on from the checkpoint before."""
    from examples.imagenet_run import save
    from examples.train_imagenet import prepared

    class Unwritable:
        """An optimizer whose state cannot be pickled."""

        def state_dict(self) -> dict[str, Any]:
            return {"state": (each for each in ())}

    path, job = tmp_path / "checkpoint.pt", prepared(options(photos, tmp_path), torch.device("cpu"))
    save(job.run, 3, path)
    written = path.read_bytes()
    with pytest.raises(TypeError, match="cannot pickle"):
        save(dataclasses.replace(job.run, optimizer=cast("Any", Unwritable())), 4, path)
    assert path.read_bytes() == written


@pytest.mark.parametrize(("name", "rate"), [("imagenet", 0.004 / 2048), ("imagenet_deit", 0.0005 / 512)])
def test_recipes_are_what_the_authors_name(name: str, rate: float) -> None:
    """Drop path by the size of the model, and the rate for an image: the releases' is twice that of DeiT."""
    from examples.imagenet_recipe import RECIPES, load_recipe, spec_for

    recipe = load_recipe(RECIPES / f"{name}.yaml")
    rates = [spec_for(f"sparx_mamba_{size}", recipe, 10).drop_path for size in "tsb"]
    assert rates == [0.2, 0.3, 0.5]
    assert spec_for("sparx_mamba_t", recipe, 10, 0.1).drop_path == 0.1
    assert recipe.lr / recipe.batch == rate


def command(*more: str) -> list[str]:
    """The example in one process of its own, or in as many as torchrun starts."""
    return [sys.executable, *more, "-m", "examples.train_imagenet"]


@pytest.mark.slow
def test_killed_command_goes_on(photos: Path, tmp_path: Path) -> None:
    """Killed after a checkpoint, the same command ends with the same weights; two processes can go on as well."""
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    more = ("--epochs", "12", "--workers", "1")
    subprocess.run(command() + words(photos, whole, *more), cwd=ROOT, check=True, timeout=200)
    again = command() + words(photos, parts, *more)
    with subprocess.Popen(again, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while not (parts / "checkpoint.pt").exists():
            assert process.poll() is None
            time.sleep(0.01)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert checkpoint(parts)["step"] < 12 * EPOCH_STEPS
    shutil.copytree(parts, tmp_path / "two")
    subprocess.run(again, cwd=ROOT, check=True, timeout=200)
    assert differences(checkpoint(parts), checkpoint(whole)) == []
    torchrun = command("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    two = subprocess.run(
        torchrun + words(photos, tmp_path / "two", *more), cwd=ROOT, timeout=200, capture_output=True, text=True
    )
    assert two.returncode == 0, two.stderr[-3000:]
    assert checkpoint(tmp_path / "two")["step"] == 12 * EPOCH_STEPS
