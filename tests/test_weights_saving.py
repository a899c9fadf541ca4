"""How checkpoint files are written: whole or not at all, with the mode that was asked for."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import resource
import stat
from collections.abc import Generator
from pathlib import Path

import pytest
import torch

import sparx_dsl
from sparx_dsl.weights import load_checkpoint, save_checkpoint
from tests.support.checkpoints import SMALL, image, small, snapshot

FILES = [("model.safetensors", "sparx_dsl"), ("model.pth", "swin")]
"""A file of each kind that is written, and its format."""


@pytest.mark.parametrize(
    ("family", "format", "file", "code"),
    [
        ("sparx_mamba", "vmamba", "a.pth", "SPX640"),
        ("sparx_mamba", "swin", "a.pth", "SPX640"),
        ("swin", "swin", "a.safetensors", "SPX641"),
        ("swin", "sparx_dsl", "a.pth", "SPX641"),
        ("swin", "sparx", "a.pth", "SPX621"),
        ("swin", "sparx_dsl", "no/folder/a.safetensors", "SPX502"),
        ("swin", "swin", "no/folder/a.pth", "SPX502"),
    ],
)
def test_what_cannot_be_saved_leaves_nothing_behind(
    family: str, format: str, file: str, code: str, tmp_path: Path
) -> None:
    """A format without names for the parts, a wrong ending, an unknown format, a folder that is not there."""
    with pytest.raises(sparx_dsl.SparxError) as caught:
        save_checkpoint(small(family), tmp_path / file, format=format)
    assert [mistake.code for mistake in caught.value.diagnostics] == [code]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("file", "format"), FILES)
def test_equal_weights_are_equal_bytes(file: str, format: str, tmp_path: Path) -> None:
    """Of two models, under other names, in other processes' random order; another value is other bytes."""
    written: list[bytes] = []
    model, other = small("swin"), small("swin")
    other.load_state_dict(model.state_dict())
    for place, each in enumerate((model, model, other, other)):
        path = tmp_path / f"{place}_{file}"
        save_checkpoint(each, path, format=format)
        assert load_checkpoint(small("swin"), path).complete
        written.append(path.read_bytes())
    assert len(set(written)) == 1
    with torch.no_grad():
        next(other.parameters()).add_(1)
    save_checkpoint(other, tmp_path / file, format=format)
    assert (tmp_path / file).read_bytes() not in written


@contextlib.contextmanager
def small_disk(file_bytes: int) -> Generator[None, None, None]:
    """Within, no file of this process grows beyond that."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextlib.contextmanager
def umask(mask: int) -> Generator[None, None, None]:
    """Within, new files get no more than the mask leaves them."""
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def mode(path: Path) -> int:
    """The permissions of a file."""
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize(("file", "format"), FILES)
def test_a_file_appears_whole_or_not_at_all(file: str, format: str, there: bool, tmp_path: Path) -> None:
    """When the disk is full halfway, the file that was there before is still there, and nothing lies beside it."""
    path = tmp_path / file
    if there:
        save_checkpoint(small("swin"), path, format=format)
    before = path.read_bytes() if there else None
    with small_disk(20_000), pytest.raises(sparx_dsl.SparxError, match=r"SPX502.*(too large|No space)"):
        save_checkpoint(small("swin", 1), path, format=format)
    assert list(tmp_path.iterdir()) == ([path] if there else [])
    assert before is None or path.read_bytes() == before


@pytest.mark.parametrize(("file", "format"), FILES)
def test_a_model_that_is_refused_leaves_the_file_that_was_there(file: str, format: str, tmp_path: Path) -> None:
    """What cannot be saved does not cost what was saved before."""
    path = tmp_path / file
    save_checkpoint(small("swin"), path, format=format)
    before = path.read_bytes()
    model = small("swin", 1)
    model.get_parameter("head.linear.bias").data[0] = float("nan")
    with pytest.raises(sparx_dsl.SparxError, match="SPX628"):
        save_checkpoint(model, path, format=format)
    assert (list(tmp_path.iterdir()), path.read_bytes()) == ([path], before)


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
@pytest.mark.parametrize(("file", "format"), FILES)
def test_a_new_file_has_the_mode_that_the_umask_asks_for(file: str, format: str, mask: int, tmp_path: Path) -> None:
    """Whatever the library that writes it would give it."""
    with umask(mask):
        save_checkpoint(small("swin"), tmp_path / file, format=format)
    assert mode(tmp_path / file) == 0o666 & ~mask


@pytest.mark.parametrize(("file", "format"), FILES)
def test_a_file_keeps_its_mode_and_a_link_leads_where_it_led(file: str, format: str, tmp_path: Path) -> None:
    """Writing anew changes the content alone; a link is followed."""
    path, link = tmp_path / file, tmp_path / f"last-{file}"
    save_checkpoint(small("swin"), path, format=format)
    path.chmod(0o640)
    link.symlink_to(path)
    before = path.read_bytes()
    save_checkpoint(small("swin", 1), link, format=format)
    assert link.is_symlink()
    assert mode(path) == 0o640
    assert path.read_bytes() != before


@pytest.mark.parametrize(("file", "format"), FILES)
def test_what_is_no_file_is_not_replaced(file: str, format: str, tmp_path: Path) -> None:
    """A pipe, or a link to a device, stays what it is."""
    pipe, link = tmp_path / file, tmp_path / f"null-{file}"
    os.mkfifo(pipe)
    link.symlink_to(os.devnull)
    for path in (pipe, link):
        with pytest.raises(sparx_dsl.SparxError, match="SPX502"):
            save_checkpoint(small("swin"), path, format=format)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert stat.S_ISCHR(Path(os.devnull).stat().st_mode)
    assert sorted(tmp_path.iterdir()) == sorted([pipe, link])


def test_a_package_without_metadata_saves_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The version in the file is the package's own word, which is there without an installation."""
    real = importlib.metadata.version

    def version(name: str) -> str:
        if name == "sparx_dsl":
            raise importlib.metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    save_checkpoint(small("swin"), tmp_path / "model.safetensors")
    assert sparx_dsl.build(tmp_path / "model.safetensors")(image()).shape == (2, 5)


def test_a_model_without_storage_is_neither_saved_nor_loaded(tmp_path: Path) -> None:
    """The device meta has no values, on either side."""
    model = sparx_dsl.build(SMALL["vmamba"], device="meta")
    for call in (
        lambda: load_checkpoint(model, snapshot(small("vmamba"))),
        lambda: load_checkpoint(small("vmamba"), model.state_dict()),
        lambda: save_checkpoint(model, tmp_path / "model.safetensors"),
        lambda: save_checkpoint(model, tmp_path / "model.pth", format="vmamba"),
    ):
        with pytest.raises(sparx_dsl.SparxError, match="SPX630"):
            call()
    assert list(tmp_path.iterdir()) == []
