"""Absolute position embeddings of the stem: sizes, prices, initial values, other sizes of images, checkpoints."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

import sparx_dsl
from sparx_dsl.search.canonical_form import fingerprint
from tests.support.modules import settle

NAME = "stem.position.position_embedding"


def spec_of(size: Any = (24, 32), embedded: bool = True, **stem: Any) -> sparx_dsl.Spec:
    """A backbone for images of that size."""
    return sparx_dsl.parse_spec({
        "sparx": 1, "name": "small", "input": {"size": list(size)},
        "stem": {"kind": "patch", "position_embedding": embedded, **stem},
        "layer": {"mixer": {"kind": "depthwise", "kernel": 3, "ratio": 1}, "ffn": {"kind": "none"}},
        "stages": [{"channels": 8, "depth": 1}], "head": {"kind": "linear", "classes": 3},
    })  # fmt: skip


@pytest.mark.parametrize("stem", [{}, {"kind": "conv"}])
def test_the_embedding_is_added_to_the_map_of_the_stem(stem: dict[str, Any]) -> None:
    """At the spec's own size as it is, position by position."""
    model, plain = settle(sparx_dsl.build(spec_of(**stem))), settle(sparx_dsl.build(spec_of(embedded=False, **stem)))
    state = model.state_dict()
    assert state[NAME].shape == (8, 6, 8)
    plain.load_state_dict({name: value for name, value in state.items() if name != NAME})
    images = torch.randn(2, 3, 24, 32, dtype=torch.float64)
    torch.testing.assert_close(model.stem(images), plain.stem(images) + state[NAME])


def cubic(before: int, after: int) -> Tensor:
    """Resampling by the cubic kernel of Keys (1981) with a = -0.75, centres of positions aligned: (after, before)."""
    a, matrix = -0.75, torch.zeros(after, before, dtype=torch.float64)
    for place in range(after):
        centre = (place + 0.5) * before / after - 0.5
        for tap in range(math.floor(centre) - 1, math.floor(centre) + 3):
            d = abs(centre - tap)
            far = a * d**3 - 5 * a * d**2 + 8 * a * d - 4 * a
            weight = (a + 2) * d**3 - (a + 3) * d**2 + 1 if d <= 1 else far if d < 2 else 0.0
            matrix[place, min(max(tap, 0), before - 1)] += weight
    return matrix


def test_other_sizes_resize_the_embedding() -> None:
    """Rows and columns by the cubic kernel, up and down, without the images' values."""
    model = settle(sparx_dsl.build(spec_of()))
    images = torch.randn(1, 3, 50, 20, dtype=torch.float64)
    added = model.stem(images) - model.stem.embedding(functional.pad(images, (0, 0, 0, 2)))
    expected = cubic(6, 13) @ model.state_dict()[NAME] @ cubic(8, 5).T
    torch.testing.assert_close(added[0], expected)


def test_prices_are_of_the_spec_s_size() -> None:
    """Parameters are those for ``input.size``, whatever size is priced; they are part of the hash."""
    spec = spec_of()
    model = sparx_dsl.build(spec)
    params = sum(each.numel() for each in model.parameters())
    for size in ((24, 32), (48, 17)):
        found = sparx_dsl.cost(spec, size)
        assert found.params == params
        assert found.totals == sparx_dsl.prices(spec, size)
        assert found.macs == sparx_dsl.cost(spec_of(embedded=False), size).macs
    assert fingerprint(spec) != fingerprint(spec_of((32, 32)))
    assert fingerprint(spec_of(embedded=False)) == fingerprint(spec_of((32, 32), embedded=False))
    assert spec.edit({"input.size": 64}).resolved[0].opening_site.image == (64, 64)


def test_it_learns_without_decay_with_the_stem() -> None:
    """Truncated normal of 0.02, no weight decay, of the depth of the stem."""
    model = sparx_dsl.build(spec_of((128, 128)))
    values = model.get_parameter(NAME)
    assert 0.015 < values.std().item() < 0.025
    assert NAME in model.no_weight_decay()
    groups = sparx_dsl.param_groups(model, layer_decay=0.5)
    assert {group["lr_scale"] for group in groups if NAME in group["param_names"]} == {0.25}


def test_checkpoints_for_another_size() -> None:
    """The embedding is resized, and a strict caller is told."""
    model, larger = sparx_dsl.build(spec_of()), sparx_dsl.build(spec_of((48, 64)))
    with pytest.raises(sparx_dsl.SparxError, match="SPX626"):
        sparx_dsl.load_checkpoint(larger, model.state_dict())
    report = sparx_dsl.load_checkpoint(larger, model.state_dict(), strict=False)
    assert "8×6×8 to 8×12×16, by bicubic interpolation" in str(report)
