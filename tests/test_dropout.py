"""Dropout in feed-forward networks, behind attention and in heads: in training alone, as in published models."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

import sparx_dsl
from sparx_dsl.kinds.ffns.conv.options import ConvFfn
from sparx_dsl.kinds.ffns.mlp.options import Mlp
from sparx_dsl.kinds.heads.semantic_fpn.options import SemanticFpn
from sparx_dsl.kinds.heads.upernet.options import UPerNet
from sparx_dsl.kinds.mixers.window_attention.options import WindowAttention
from sparx_dsl.language.base import KindOptions, Site
from sparx_dsl.language.roles import Role
from sparx_dsl.search.canonical_form import fingerprint
from tests.support.modules import builder, random_map, settle

SITE = Site(8, 8)
GIVEN: list[tuple[Role, KindOptions, KindOptions, int]] = [
    ("ffn", Mlp(ratio=2), Mlp(ratio=2, dropout=0.25), 8),
    ("ffn", ConvFfn(ratio=2), ConvFfn(ratio=2, dropout=0.25), 8),
    ("mixer", WindowAttention(heads=2), WindowAttention(heads=2, dropout=0.25), 24),
]


@pytest.mark.parametrize(("role", "without", "options", "channels"), GIVEN)
def test_nothing_is_dropped_in_evaluation(
    role: Role, without: KindOptions, options: KindOptions, channels: int
) -> None:
    """With any rate the result is that of none; in training it is drawn anew each time, and its mean stays."""
    plain, dropped = (settle(builder(role, each)(each, SITE)) for each in (without, options))
    x = random_map(channels, 4, 5)
    assert torch.equal(plain(x), dropped(x))
    plain.train()
    dropped.train()
    with torch.no_grad():
        assert torch.equal(plain(x), plain(x))
        draws = torch.stack([dropped(x) for _ in range(2000)])
    assert (draws[0] == 0).any()
    assert not torch.equal(draws[0], draws[1])
    error = (draws.mean(0) - plain(x)).abs() / (draws.std(0) / 2000**0.5)
    assert error.max() < 6


def test_an_mlp_drops_behind_its_activation_and_at_its_end() -> None:
    """The two draws of timm's and Swin's MLP, in their order."""
    ffn = settle(builder("ffn", Mlp())(Mlp(ratio=2, dropout=0.5), SITE)).train()
    x = random_map(8, 3, 3)
    torch.manual_seed(5)
    hidden = functional.dropout(functional.gelu(ffn.expansion(x)), 0.5)
    expected = functional.dropout(ffn.contraction(hidden), 0.5)
    torch.manual_seed(5)
    torch.testing.assert_close(ffn(x), expected)


@pytest.mark.parametrize("options", [SemanticFpn(dropout=0.5), UPerNet(dropout=0.5, pyramid_channels=64)])
def test_heads_for_dense_prediction_drop_whole_channels(options: SemanticFpn | UPerNet) -> None:
    """In front of every classifier, in training alone; what stays is twice as large."""
    head = settle(builder("head", options)(options, Site(4, 4, maps=(8, 4))))
    given: list[torch.Tensor] = []

    def keep(module: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        given.append(inputs[0])

    for name, module in head.named_modules():
        if name.endswith("classifier"):
            module.register_forward_pre_hook(keep)
    maps = random_map(8, 6, 5), random_map(4, 3, 3), random_map(3, 24, 20)
    whole = head(*maps)
    assert torch.equal(whole, head(*maps))
    assert (given[0] != 0).flatten(2).any(2).sum() > given[0].shape[:2].numel() * 0.7
    given.clear()
    head.train()(*maps)
    for x in given:
        dropped = (x == 0).flatten(2).all(2)
        assert 0 < dropped.sum() < dropped.numel()
    assert len(given) == (2 if options.kind == "upernet" else 1)


def test_a_rate_of_zero_is_what_specs_without_it_have() -> None:
    """The hash is theirs; another rate is another backbone in training, and refuses what is no rate."""
    spec = {"sparx": 1, "name": "small", "stem": {"kind": "patch"}, "layer": {"mixer": {"kind": "ssm"}},
            "stages": [{"channels": 8, "depth": 1}]}  # fmt: skip
    without = sparx_dsl.parse_spec(spec)
    found = [without.edit({"layer.ffn": {"kind": "mlp", "dropout": rate}}) for rate in (0.0, 0.1)]
    assert fingerprint(found[0]) == fingerprint(without) != fingerprint(found[1])
    with pytest.raises(sparx_dsl.SparxError, match="SPX104"):
        without.edit({"layer.ffn": {"kind": "mlp", "dropout": 1}})
