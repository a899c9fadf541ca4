"""The baselines of the zoo: sizes as their authors print them, by fvcore's count."""

from __future__ import annotations

import pytest

import sparx_dsl
from tests.support.paths import SPECS, ZOO

# Millions of parameters and billions of MACs as the authors print them; None where they print no MACs.
PRINTED = {
    "swin_t": ("28", "4.5"), "swin_s": ("50", "8.7"), "swin_b": ("88", "15.4"),
    "convnext_t": ("29", "4.5"), "convnext_s": ("50", "8.7"), "convnext_b": ("89", "15.4"),
    "inceptionnext_t": ("28", "4.2"), "inceptionnext_s": ("49", "8.4"), "inceptionnext_b": ("87", "14.9"),
    "pvt_v2_b0": ("3.7", "0.6"), "pvt_v2_b1": ("14.0", "2.1"), "pvt_v2_b3": ("45.2", "6.9"),
    "pvt_v2_b2": ("25.4", "4.0"), "pvt_v2_b4": ("62.6", "10.1"), "pvt_v2_b5": ("82.0", "11.8"),
    "vmamba_t": ("31", "4.9"), "vmamba_s": ("50", "8.7"), "vmamba_b": ("89", "15.4"),
    "vmamba_t_s1l8": ("30", "4.9"), "vmamba_s_s1l20": ("49", "8.6"), "vmamba_b_s1l20": ("87", "15.2"),
    "local_vmamba_t": ("26", "5.7"), "local_vmamba_s": ("50", "11.4"),
    # The log of their training; the paper prints 33.
    "efficient_vmamba_b": ("33.717", "4.0"),
    # No paper prints its MACs.
    "vim_s": ("26", None),
}  # fmt: skip
MACS_TOLERANCE = 0.02
"""How far fvcore's count may lie from the printed one."""


@pytest.mark.parametrize("name", PRINTED)
def test_sizes_are_the_printed_ones(name: str) -> None:
    """Parameters to the printed digit, MACs within 2 % or to the printed digit."""
    params, macs = PRINTED[name]
    price = sparx_dsl.cost(SPECS / f"{name}.yaml", convention="fvcore")
    assert f"{price.params / 1e6:.{len(params.partition('.')[2])}f}" == params
    counted = price.macs / 1e9
    assert macs in (None, f"{counted:.1f}") or counted == pytest.approx(float(macs), rel=MACS_TOLERANCE)


def test_plain_mamba_is_counted_by_its_authors_without_the_classifier() -> None:
    """They print 25.7 M, where what follows is cut off, as the paper has it with 25; and 8.1 G."""
    spec = sparx_dsl.load_spec(SPECS / "plain_mamba_l2.yaml")
    headless = sparx_dsl.prices(spec.edit({"head": None})).params / 1e6
    assert (int(headless * 10) / 10, int(headless)) == (25.7, 25)
    assert sparx_dsl.cost(spec, convention="fvcore").macs / 1e9 == pytest.approx(8.1, rel=MACS_TOLERANCE)


def test_the_hybrid_has_the_size_of_mamba_vision() -> None:
    """MambaVision-T prints 31.8 M and 4.4 G; without a projection of each scan and the factors of stages 1 and 2."""
    price = sparx_dsl.cost(SPECS / "hybrid_ssd_t.yaml", convention="fvcore")
    projections = 4 * 320**2 + 2 * 640**2
    factors = sum(depth * 2 * 6 * width * (6 * width // 8) for width, depth in ((80, 1), (160, 3)))
    assert (price.params - projections - factors) / 1e6 == pytest.approx(31.8, rel=0.01)
    assert f"{price.macs / 1e9:.1f}" == "4.4"


def test_every_baseline_is_compared() -> None:
    """What has no connections of the paper, beside the ablations."""
    names = {path.stem for path in ZOO if path.parent == SPECS and not path.stem.startswith("sparx_")}
    assert names == {*PRINTED, "plain_mamba_l2", "hybrid_ssd_t"}
