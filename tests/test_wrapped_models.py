"""Models within the wrappers of PyTorch: seen through, or refused by name."""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import nn

import sparx_dsl
from sparx_dsl.lowering.wrapped import WRAPPERS, backbone_within
from tests.support.backbones import small
from tests.support.compiled import images_for
from tests.support.wrapped import SEEN_THROUGH, Wrap, compiled, fsdp, fsdp2, fsdp2_layer


@pytest.fixture(scope="module", autouse=True)
def one_process(tmp_path_factory: pytest.TempPathFactory) -> Generator[None]:
    """A group of this process alone, for the wrappers that want one."""
    meeting = tmp_path_factory.mktemp("group") / "store"
    dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=0, world_size=1)
    yield
    dist.destroy_process_group()


REFUSED: dict[str, tuple[Wrap, str]] = {
    "FSDP": (fsdp, "FullyShardedDataParallel"),
    "FSDP2": (fsdp2, "FSDPModule"),
    "FSDP2 on a layer": (fsdp2_layer, "its module stage1.layer1 is a FSDPModule"),
    "a compiled FSDP2": (lambda model: compiled(fsdp2(model)), "FSDPModule"),
    "a detector": (lambda model: nn.ModuleDict({"body": model}), "ModuleDict"),
    "a model of another kind": (lambda model: nn.Linear(1, 1), "Linear"),
}  # fmt: skip


def test_every_wrapper_is_tried() -> None:
    """Each that is seen through has a test here."""
    assert WRAPPERS.keys() <= SEEN_THROUGH.keys()


@pytest.mark.parametrize("name", SEEN_THROUGH)
@torch.no_grad()
def test_wrappers_are_seen_through(name: str, tmp_path: Path) -> None:
    """Saving, loading, deploying, transfer and groups do to the model within what they do to it alone."""
    plain = sparx_dsl.build(small("ss2d")).eval()
    wrapped, path = SEEN_THROUGH[name](plain).eval(), tmp_path / "model.safetensors"
    images = images_for(plain.spec, 2)
    sparx_dsl.save_checkpoint(wrapped, path)
    assert torch.equal(sparx_dsl.build(path).eval()(images), plain(images))
    assert torch.equal(sparx_dsl.deploy(wrapped)(images), sparx_dsl.deploy(plain)(images))
    other = sparx_dsl.build(small("ss2d")).eval()
    around = SEEN_THROUGH[name](other).eval()
    inside = backbone_within(around, "tested")
    assert sparx_dsl.load_checkpoint(around, wrapped.state_dict()).complete
    assert torch.equal(inside(images), plain(images))
    third = SEEN_THROUGH[name](sparx_dsl.build(small("ss2d")))
    assert sparx_dsl.transfer(wrapped, third).complete
    assert torch.equal(backbone_within(third, "tested").eval()(images), plain(images))
    rates, plain_rates = (sparx_dsl.param_groups(each, layer_decay=0.5) for each in (wrapped, plain))
    assert [(len(each["params"]), each["lr_scale"], each["weight_decay"]) for each in rates] == [
        (len(each["params"]), each["lr_scale"], each["weight_decay"]) for each in plain_rates
    ]


CALLS: dict[str, Callable[[Any, Path], object]] = {
    "loaded into": lambda model, folder: sparx_dsl.load_checkpoint(model, sparx_dsl.build(small("ss2d")).state_dict()),
    "saved": lambda model, folder: sparx_dsl.save_checkpoint(model, folder / "model.safetensors"),
    "exported": lambda model, folder: sparx_dsl.export(model, folder / "model.pt2"),
    "deployed": lambda model, folder: sparx_dsl.deploy(model),
    "trained within a budget": lambda model, folder: sparx_dsl.recompute(model, "1GiB"),
    "the source of a transfer": lambda model, folder: sparx_dsl.transfer(model, sparx_dsl.build(small("ss2d"))),
    "the target of a transfer": lambda model, folder: sparx_dsl.transfer(sparx_dsl.build(small("ss2d")), model),
}
"""What is asked of a model, by what a refusal says that it cannot be."""


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("name", REFUSED)
def test_others_are_refused_by_name(name: str, call: str, tmp_path: Path) -> None:
    """With what it is and cannot be, and with what to pass in its place; nothing is written."""
    wrap, text = REFUSED[name]
    with pytest.raises(sparx_dsl.SparxError, match="SPX328") as caught:
        CALLS[call](wrap(sparx_dsl.build(small("ss2d"))), tmp_path)
    (error,) = caught.value.diagnostics
    assert text in error.message
    assert f"cannot be {call}" in error.message
    assert error.help is not None
    assert not list(tmp_path.iterdir())
    if name == "a detector":
        assert error.help == "pass the backbone itself: model.body"


@pytest.mark.parametrize("name", SEEN_THROUGH)
def test_a_budget_is_not_for_a_wrapped_model(name: str) -> None:
    """The result would be without its wrapper, and train without what that does."""
    with pytest.raises(sparx_dsl.SparxError, match="SPX328") as caught:
        sparx_dsl.recompute(SEEN_THROUGH[name](sparx_dsl.build(small("ss2d"))), "1GiB")
    assert "its result would be without that" in caught.value.diagnostics[0].message


def test_groups_of_flat_parameters_are_refused() -> None:
    """One parameter of FSDP holds norms and weights; with the original ones the groups are right."""
    with pytest.raises(sparx_dsl.SparxError, match="SPX328"):
        sparx_dsl.param_groups(fsdp(sparx_dsl.build(small("ss2d"))))
    kept = fsdp(sparx_dsl.build(small("ss2d")), use_orig_params=True)
    plain = sparx_dsl.param_groups(sparx_dsl.build(small("ss2d")))
    assert [len(group["params"]) for group in sparx_dsl.param_groups(kept)] == [len(each["params"]) for each in plain]
