"""Groups of parameters for optimizers: what decays, and how rates fall with depth."""

from __future__ import annotations

import copy
import math
import re
from typing import Any, cast

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.distributed.algorithms._checkpoint import checkpoint_wrapper

import sparx_dsl
from sparx_dsl import SparxError
from sparx_dsl.integrations.required import import_torchvision
from tests.support.backbones import TWO_STAGES
from tests.support.diagnostics import codes
from tests.support.strategies import spec_mappings

ZOO = ("sparx_mamba_t", "sparx_swin_t", "sparx_ssm_t", "sparx_bi_ssm_t", "vmamba_t", "ablations/fusion_sra")
LINKED = """\
sparx: 1
name: linked
stem: {kind: patch}
layer: {mixer: {kind: window_attention, window: 3}}
stages:
  - {name: shallow, channels: 32, depth: 2}
  - {name: deep, channels: 64, depth: 2, S: 2}
links: {add: [{from: shallow.layer1, to: deep.layer2}]}
head: {kind: linear, classes: 3}
"""


def is_layer_or_stage(module: nn.Module) -> bool:
    """What is wrapped."""
    return isinstance(module, sparx_dsl.Layer | sparx_dsl.Stage)


def flat(groups: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The group of every parameter by its name; fails where a name or a parameter is in two."""
    found = {name: group for group in groups for name in group["param_names"]}
    parameters = [parameter for group in groups for parameter in group["params"]]
    assert len(found) == sum(len(group["param_names"]) for group in groups) == len(parameters)
    assert len(set(map(id, parameters))) == len(parameters)
    return found


def check(model: nn.Module, groups: list[dict[str, Any]]) -> None:
    """Every parameter stands in one group under its name, and no group is empty."""
    assert set(flat(groups)) == {name for name, _ in model.named_parameters()}
    named = dict(model.named_parameters())
    for group in groups:
        assert group["params"]
        assert all(named[name] is each for name, each in zip(group["param_names"], group["params"], strict=True))


@settings(max_examples=25, deadline=None)
@given(spec_mappings(), st.one_of(st.none(), st.floats(0.1, 1)))
def test_every_parameter_is_in_one_group(mapping: dict[str, Any], layer_decay: float | None) -> None:
    """Of every backbone; groups differ, and rates rise with depth."""
    model = sparx_dsl.build(mapping, device="meta")
    groups = sparx_dsl.param_groups(model, 0.1, layer_decay)
    check(model, groups)
    scales = [group.get("lr_scale", 1.0) for group in groups]
    assert scales == sorted(scales)
    assert scales[-1] == 1
    assert {group["weight_decay"] for group in groups} <= {0.0, 0.1}


@pytest.mark.parametrize("name", ZOO)
def test_what_decays(name: str) -> None:
    """Weights of convolutions, linear layers and projections; not norms, biases, scales, tables, scans' own."""
    model = sparx_dsl.build(name, device="meta")
    group_of = flat(sparx_dsl.param_groups(model, 0.05))
    anything: Any = model
    modules: dict[str, nn.Module] = dict(anything.named_modules())
    for path, module in modules.items():
        for leaf, parameter in module.named_parameters(recurse=False):
            free = "Norm" in type(module).__name__ or path.endswith("layer_scale")
            free = free or leaf.endswith("bias") or leaf in ("A_logs", "D")
            assert group_of[f"{path}.{leaf}"]["weight_decay"] == (0.0 if free else 0.05)
            assert free == (parameter.ndim < 2 or leaf in ("A_logs", "D", "dt_bias", "position_bias"))


def test_what_does_not_decay_stays() -> None:
    """A step of AdamW without gradients shrinks what decays by its rate, and leaves the rest as it was."""
    model = sparx_dsl.build(TWO_STAGES)
    before = copy.deepcopy(dict(model.named_parameters()))
    groups = sparx_dsl.param_groups(model, 0.5)
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    torch.optim.AdamW(groups, lr=0.1).step()
    for name, group in flat(groups).items():
        now = dict(model.named_parameters())[name]
        expected = before[name] if group["weight_decay"] == 0 else before[name] * 0.95
        torch.testing.assert_close(now, expected, rtol=1e-6 if group["weight_decay"] else 0, atol=0)


def test_rates_fall_from_the_head_to_the_stem() -> None:
    """By the factor from layer to layer; a downsampling is its stage's first layer, a link's adapter its reader's."""
    model = sparx_dsl.build(LINKED, device="meta")
    groups = sparx_dsl.param_groups(model, 0.05, 0.5)
    check(model, groups)
    depths = {"stem": 0, "shallow.layer1": 1, "shallow.layer2": 2, "deep.downsample": 3, "deep.layer1": 3,
              "deep.layer2": 4, "head": 5}  # fmt: skip
    seen = {name: group["lr_scale"] for name, group in flat(groups).items()}
    for start, depth in depths.items():
        assert {scale for name, scale in seen.items() if name.startswith(f"{start}.")} == {0.5 ** (5 - depth)}
    assert any("LinkAdapter" in type(module).__name__ for module in model.get_submodule("deep").modules())
    assert [0.5**5, 0.5**5, 0.5**4] == [group["lr_scale"] for group in groups][:3]


def test_rates_of_timm() -> None:
    """timm's own function, which asks the model for names and patterns, makes the same groups."""
    import_torchvision()  # as timm does
    from timm import optim  # pyright: ignore[reportMissingTypeStubs]

    grouped: Any = vars(optim)["param_groups_layer_decay"]
    model = sparx_dsl.build("sparx_mamba_t", device="meta")
    theirs = grouped(model, 0.05, no_weight_decay_list=model.no_weight_decay(), layer_decay=0.7)
    expected = {id(each): (group["lr_scale"], group["weight_decay"]) for group in theirs for each in group["params"]}
    ours = sparx_dsl.param_groups(model, 0.05, 0.7)
    found = {id(each): (group["lr_scale"], group["weight_decay"]) for group in ours for each in group["params"]}
    assert expected == found


def test_a_rate_takes_the_place_of_the_scale() -> None:
    """With ``lr`` PyTorch's own schedulers see every group's rate."""
    model = sparx_dsl.build(TWO_STAGES, device="meta")
    scaled, rated = sparx_dsl.param_groups(model, 0.05, 0.5), sparx_dsl.param_groups(model, 0.05, 0.5, lr=2.0)
    assert [2 * group["lr_scale"] for group in scaled] == [group["lr"] for group in rated]
    assert not any("lr_scale" in group for group in rated)
    optimizer = torch.optim.AdamW(rated)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: 0.1)
    assert schedule.get_last_lr() == pytest.approx([0.1 * group["lr_scale"] * 2 for group in scaled])  # pyright: ignore


def test_a_backbone_is_found_within() -> None:
    """In a larger model, compiled, or with layers wrapped for checkpointing; other parameters learn as a head does."""
    backbone = sparx_dsl.build(TWO_STAGES, device="meta", features=(1, 2))
    plain = {name: group["lr_scale"] for name, group in flat(sparx_dsl.param_groups(backbone, 0, 0.5)).items()}
    assert (max(plain.values()), min(plain.values())) == (1.0, 0.5**6)
    model = nn.ModuleDict({"backbone": backbone, "neck": nn.Conv2d(8, 8, 1, device="meta")})
    within = {name: group["lr_scale"] for name, group in flat(sparx_dsl.param_groups(model, 0, 0.5)).items()}
    assert within == {
        **{f"backbone.{name}": scale / 2 for name, scale in plain.items()}, "neck.weight": 1.0, "neck.bias": 1.0
    }  # fmt: skip
    apply: Any = checkpoint_wrapper.apply_activation_checkpointing  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    apply(backbone, check_fn=is_layer_or_stage)
    compiled = cast("nn.Module", torch.compile(backbone, backend="eager"))
    wrapped = sparx_dsl.param_groups(compiled, 0, 0.5)
    assert any("._checkpoint_wrapped_module.layer1." in name for name in flat(wrapped))
    names = {re.sub(r"(_orig_mod|_checkpoint_wrapped_module)\.", "", name): group["lr_scale"]
             for name, group in flat(wrapped).items()}  # fmt: skip
    assert plain == names


def test_frozen_parameters_keep_their_place() -> None:
    """They are in a group too, so that they can be trained later."""
    model = sparx_dsl.build(TWO_STAGES, device="meta")
    model.stem.requires_grad_(False)
    check(model, sparx_dsl.param_groups(model))


@pytest.mark.parametrize(
    "options",
    [{"weight_decay": -1}, {"weight_decay": math.nan}, {"weight_decay": None}, {"weight_decay": True},
     {"weight_decay": "0.05"}, {"layer_decay": 0}, {"layer_decay": 1.1}, {"layer_decay": math.inf}, {"lr": -0.1}],
    ids=str,
)  # fmt: skip
def test_numbers_out_of_range_are_refused(options: dict[str, Any]) -> None:
    """With the name and the value."""
    model = sparx_dsl.build(TWO_STAGES, device="meta")
    (name,) = options
    bounds = "above 0 and at most 1" if name == "layer_decay" else "0 or more"
    with pytest.raises(SparxError, match=f"{name} must be a number, {bounds}, got") as caught:
        sparx_dsl.param_groups(model, **options)
    assert codes(caught) == ["SPX327"]


def test_numbers_may_be_as_large_and_as_small_as_is_said() -> None:
    """No decay and no rate are numbers, and so is a decay of the rate that leaves it as it is."""
    model = sparx_dsl.build(TWO_STAGES, device="meta")
    groups = sparx_dsl.param_groups(model, weight_decay=0, layer_decay=1, lr=0)
    assert {(group["weight_decay"], group["lr"]) for group in groups} == {(0, 0)}


def test_depth_is_that_of_one_backbone() -> None:
    """Of none, or of two, there is no order; a deployed one is not trained."""
    two = nn.ModuleList(sparx_dsl.build(TWO_STAGES, device="meta") for _ in range(2))
    for model in (two, nn.Linear(2, 2)):
        check(model, sparx_dsl.param_groups(model))
        with pytest.raises(SparxError) as caught:
            sparx_dsl.param_groups(model, layer_decay=0.9)
        assert codes(caught) == ["SPX327"]
    with pytest.raises(SparxError) as caught:
        sparx_dsl.param_groups(sparx_dsl.build(TWO_STAGES, deploy=True))
    assert codes(caught) == ["SPX323"]
