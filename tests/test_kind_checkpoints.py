"""What kinds tell of checkpoints: true of their modules, told nowhere else, and open to kinds of other packages."""

from __future__ import annotations

import ast
import copy
from collections import defaultdict
from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from torch import Tensor, nn

import sparx_dsl
from sparx_dsl.kind import Kind, load
from sparx_dsl.kinds.checkpoint import KindCheckpoint, ReleasedNames, normed
from sparx_dsl.language.base import Site
from sparx_dsl.language.roles import FfnOptions
from sparx_dsl.registry import default_registry
from sparx_dsl.weights import load_checkpoint, save_checkpoint
from sparx_dsl.weights.kind_modules import KindModules
from tests.support import backbones
from tests.support.checkpoints import SMALL, same, snapshot
from tests.support.kinds import registered
from tests.support.paths import ROOT


def checkpoints() -> dict[Kind, KindCheckpoint]:
    """What each kind tells, if it does."""
    return {kind: load(kind.checkpoint) for kind in default_registry() if kind.checkpoint is not None}


def spelt_out() -> list[dict[str, Any]]:
    """Backbones that together have every module that a kind with released names can have."""
    full = copy.deepcopy(SMALL["sparx_mamba"])
    full["stem"] |= {"convs": 8, "position_embedding": True}
    full["stages"][0] |= {"S": 1}
    swin = copy.deepcopy(SMALL["swin"])
    swin["stem"]["position_embedding"] = True
    inception = backbones.small("depthwise", layer={"mixer": {"kind": "inception"}}, head={"kind": "mlp_classifier"})
    deep = dict(backbones.small("depthwise")), dict(backbones.attending()), inception
    return [*SMALL.values(), full, swin, *deep]


def inner_paths() -> dict[tuple[str, str], set[str]]:
    """The paths of modules and tensors within each kind's module, by role and kind."""
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for spec in spelt_out():
        model = sparx_dsl.build(spec, device="meta")
        modules = KindModules.of(model.schedule.graph)
        for name in model.state_dict():
            located = modules.locate(name)
            if located is not None:
                module, inner = located
                parts = inner.split(".")
                paths = {".".join(parts[:length]) for length in range(1, len(parts) + 1)}
                found[module.role, module.options.kind] |= paths
    return found


def test_every_path_of_ours_is_one_of_the_kinds_modules() -> None:
    """No name, shape, adaptation or classifier is told of a tensor that the kind does not have."""
    there = inner_paths()
    for kind, checkpoint in checkpoints().items():
        told = {*checkpoint.resized, *checkpoint.class_modules}
        for released in checkpoint.released.values():
            told |= {*released.names, *released.shapes}
        assert told <= there[kind.role, kind.name], kind


def test_every_sign_is_one_of_the_released_names() -> None:
    """A format is recognised by names that it has."""
    for kind, checkpoint in checkpoints().items():
        for released in checkpoint.released.values():
            assert released.signs <= set(released.names.values()), kind


def texts(path: Path) -> set[str]:
    """The texts that a file writes down, its docstrings too."""
    constants = (node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Constant))
    return {node.value for node in constants if isinstance(node.value, str)}


def test_no_room_but_the_kinds_knows_their_released_names() -> None:
    """What a checkpoint calls a kind's tensors is told in the kind's own folder."""
    released = [found for checkpoint in checkpoints().values() for found in checkpoint.released.values()]
    # Names of one word, such as those of norms, are everyone's.
    names = {name for found in released for name in found.names.values() if "." in name}
    # timm calls the norm of a head as this project does.
    names.remove("head.norm")
    assert {"op.d_proj.0", "attn.qkv", "classifier.head", "patch_embed.35"} <= names
    package = ROOT / "sparx_dsl"
    files = [path for path in package.rglob("*.py") if path.relative_to(package).parts[0] != "kinds"]
    knowing: dict[Path, list[str]] = {}
    for path in files:
        text = "\n".join(texts(path))
        knowing[path] = sorted(name for name in names if name in text)
    assert {path: found for path, found in knowing.items() if found} == {}


class Scaling(FfnOptions, frozen=True):
    """A network of another package: one number for each channel."""

    kind: Literal["scaling"] = "scaling"
    norm: str = "layer"


class Scaled(nn.Module):
    """Every channel by a number of its own."""

    def __init__(self, channels: int, device: torch.device | str | None, dtype: torch.dtype | None) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.ones(channels, device=device, dtype=dtype))

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, height, width) to the same shape."""
        return x * self.factor[:, None, None]


def build(
    options: Scaling, site: Site, *, device: torch.device | str | None = None, dtype: torch.dtype | None = None
) -> Scaled:
    """Make the module."""
    del options
    return Scaled(site.channels, device, dtype)


def cost(options: Scaling, site: Site, tape: Any, x: Any) -> Any:
    """The factors."""
    del options
    tape.weight(site.channels)
    tape.save(x)
    return tape.elementwise(x)


def kind(checkpoint: KindCheckpoint | None) -> Kind:
    """The kind with what it tells of checkpoints."""
    return Kind("ffn", "scaling", Scaling, module=build, cost=cost, checkpoint=checkpoint, owner="other")


NAMES = ReleasedNames({"factor": "mlp.scale"}, {"factor": lambda shape: (*shape, 1, 1)}, difference=normed("layer"))


def spec(**options: Any) -> dict[str, Any]:
    """A small VMamba with that network."""
    layer = {**SMALL["vmamba"]["layer"], "ffn": {"kind": "scaling", **options}}
    return {**SMALL["vmamba"], "layer": layer}


def test_a_kind_of_another_package_has_released_names_too(tmp_path: Path) -> None:
    """Its names and shapes are written and read as those of the kinds of this package."""
    path = tmp_path / "model.pth"
    with registered(kind(KindCheckpoint({"vmamba": NAMES}))):
        model, twin = sparx_dsl.build(spec()), sparx_dsl.build(spec())
        save_checkpoint(model, path, format="vmamba")
        state = torch.load(path, weights_only=True)["model"]
        assert state["layers.1.blocks.0.mlp.scale"].shape == (16, 1, 1)
        assert load_checkpoint(twin, path).complete
        assert same(snapshot(model), snapshot(twin))


@pytest.mark.parametrize(
    ("checkpoint", "options", "note"),
    [
        (None, {}, "stage1.layer1.ffn.ffn.factor"),
        (KindCheckpoint({"swin": NAMES}), {}, "stage1.layer1.ffn.ffn.factor"),
        (KindCheckpoint({"vmamba": NAMES}), {"norm": "batch"},
         "stage1.layer1 has batch norms, and the released models layer norms"),
    ],
)  # fmt: skip
def test_a_kind_that_the_released_models_do_not_have_is_not_written(
    checkpoint: KindCheckpoint | None, options: dict[str, Any], note: str, tmp_path: Path
) -> None:
    """Without a name in the format, or with settings that its models do not have, nothing is written."""
    with registered(kind(checkpoint)), pytest.raises(sparx_dsl.SparxError) as caught:
        save_checkpoint(sparx_dsl.build(spec(**options)), tmp_path / "model.pth", format="vmamba")
    (error,) = caught.value.diagnostics
    assert (error.code, error.notes[0]) == ("SPX640", note)
    assert list(tmp_path.iterdir()) == []


def test_a_kind_without_tensors_is_not_passed_over(tmp_path: Path) -> None:
    """What the released code does not have is refused though no tensor shows it."""

    def silent(*_: object, **__: object) -> nn.Module:
        return nn.Identity()

    def free(options: Scaling, site: Site, tape: Any, x: Any) -> Any:
        del options, site, tape
        return x

    own = Kind("ffn", "scaling", Scaling, module=silent, cost=free, owner="other")
    with registered(own), pytest.raises(sparx_dsl.SparxError) as caught:
        save_checkpoint(sparx_dsl.build(spec()), tmp_path / "model.pth", format="vmamba")
    (error,) = caught.value.diagnostics
    assert (error.code, error.notes[0]) == ("SPX640", "stage1.layer1 has the ffn scaling, and no released model has")
