"""Backbones of scans by other authors: tensors as in their releases."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

import sparx_dsl
from sparx_dsl.weights import released_state
from tests.support.paths import SPECS
from tests.support.published import FOLDER


@pytest.mark.parametrize(
    ("name", "published", "depth"),
    [("vmamba_t_s1l8", "vmamba_t", 8), ("vmamba_s_s1l20", "vmamba_s", 20), ("vmamba_b_s1l20", "vmamba_b", 20)],
)
def test_a_narrower_scan_has_the_released_names(name: str, published: str, depth: int) -> None:
    """Those of the "s2" release, with half the width inside the mixer and another depth of stage 3."""
    with np.load(FOLDER / f"{published}.npz") as archive:
        shapes: dict[str, list[int]] = json.loads(str(archive["state_shapes"]))
    expected: dict[str, tuple[int, ...]] = {}
    for key, shape in shapes.items():
        if key.startswith("layers.2.blocks."):
            block, _, rest = key.removeprefix("layers.2.blocks.").partition(".")
            keys = [f"layers.2.blocks.{place}.{rest}" for place in range(depth)] if block == "0" else []
        else:
            keys = [key]
        wide = shapes[key.partition(".op.")[0] + ".op.conv2d.weight"][0] if ".op." in key else 0
        narrow = tuple(n // 2 if wide and n in (wide, 4 * wide) else n for n in shape)
        expected |= dict.fromkeys(keys, narrow)
    model = sparx_dsl.build(SPECS / f"{name}.yaml", device="meta").to_empty(device="cpu")
    with torch.no_grad():
        for value in model.state_dict().values():
            value.zero_()
    assert {key: tuple(value.shape) for key, value in released_state(model, "vmamba").items()} == expected
