"""Hashes of the specs that there were before the language grew: they mean what they meant.

They were computed at commit 97762a1, where layers had one place of norms and one kind of scale, and every mixer a
projection. A hash is made of all options but those that came later and stand at their defaults, so what changes the
meaning of an old key changes one.
"""

from __future__ import annotations

import pytest

import sparx_dsl
from sparx_dsl.search import fingerprint
from tests.support.paths import SPECS

HASHES = {
    "ablations/dense_ganglion": "117a7dbfbc7e52ba",
    "ablations/dense_net": "7c58c598f3a9dcf5",
    "ablations/dmca_no_dpe": "5327c781cd1ea940",
    "ablations/dmca_no_reduction": "4fdb346f4358c1ca",
    "ablations/dmca_no_shortcut": "05516105500f2ce9",
    "ablations/fusion_concat": "c27fe68931543848",
    "ablations/fusion_no_gcca": "70723177b15d3edc",
    "ablations/fusion_sca": "f58952f4ccc120f6",
    "ablations/fusion_sra": "70cfc90a99d2d089",
    "ablations/plain_net": "65089eacd6753550",
    "ablations/sparx_mamba_b_paper": "3972ef3b74abe743",
    "ablations/stride_1": "96eb41d14f307788",
    "ablations/stride_3": "0976f1298555f68b",
    "ablations/stride_4": "c3c1efed2d8fe637",
    "ablations/window_2": "efd1e56eeddcf67d",
    "ablations/window_4": "2f41a7d616716d68",
    "sparx_bi_ssm_t": "75d2465a4532ee66",
    "sparx_mamba_b": "ba9a7bec6ac4a9ba",
    "sparx_mamba_s": "4c1a8e415948e960",
    "sparx_mamba_t": "ecde6557e7cdc13b",
    "sparx_ssm_t": "4e84195d7139437c",
    "sparx_swin_b": "6d11e7eab662a124",
    "sparx_swin_t": "c0eb949c311e08a4",
    "swin_b": "06b80a6e611b1ead",
    "swin_s": "5138016f32e8d23f",
    "swin_t": "f522e6323485388b",
    "vmamba_b": "a786dae422e2b9dc",
    "vmamba_s": "cccf4ea1224c8eb8",
    "vmamba_t": "9d4ad50fd81d9e69",
}
"""The first 16 digits of each spec's hash."""


@pytest.mark.parametrize("name", HASHES)
def test_old_specs_have_their_old_hashes(name: str) -> None:
    """Those of the commit above, with the compiler and the file of today."""
    assert fingerprint(sparx_dsl.load_spec(SPECS / f"{name}.yaml")).startswith(HASHES[name])
