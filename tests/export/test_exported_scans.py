"""The scans of exported files, of plain operators, against the operators that they stand for."""

from __future__ import annotations

import pytest
import torch

from sparx_dsl.exporting import scans


@pytest.mark.parametrize("shape", [(2, 6, 9, 11, 3, 2), (1, 4, 7, 7, 2, 1), (3, 5, 1, 1, 1, 1), (2, 4, 4, 8, 1, 1)])
def test_decomposed_ss2d_is_the_operator(shape: tuple[int, ...]) -> None:
    """At lengths with chunks and without, and for several states."""
    batch, inner, height, width, rank, state = shape
    inputs = (
        torch.randn(batch, inner, height, width),
        torch.randn(batch, height, width, 4 * (rank + 2 * state)),
        torch.randn(4, inner, rank),
        torch.randn(4, inner),
        -torch.rand(4 * inner, state),
        torch.randn(4 * inner),
    )
    expected = torch.ops.sparx_dsl.ss2d_scan(*inputs, "reference")
    torch.testing.assert_close(scans.ss2d_scan(*inputs, "", longest=1), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("length", [1, 7, 37, 49])
@pytest.mark.parametrize(("groups", "state", "whole"), [(1, 1, True), (2, 3, True), (3, 2, False)])
def test_decomposed_scan_is_the_operator(length: int, groups: int, state: int, whole: bool) -> None:
    """With what is optional and without."""
    u, delta = torch.randn(2, 6, length), torch.rand(2, 6, length)
    A, B, C = -torch.rand(6, state), torch.randn(2, groups, state, length), torch.randn(2, groups, state, length)
    inputs = (u, delta, A, B, C, *((torch.randn(6), torch.randn(6), True) if whole else (None, None, False)))
    expected = torch.ops.sparx_dsl.selective_scan(*inputs, "reference")
    torch.testing.assert_close(scans.selective_scan(*inputs, "", longest=1), expected, rtol=1e-5, atol=1e-5)


def test_softplus_is_accurate_where_it_is_small() -> None:
    """Against float64, relative to each value; and forms that the scans do not use are left to the runtime."""
    z = torch.linspace(-60, 100, 4001)
    exact = torch.nn.functional.softplus(z.double(), threshold=1000)
    assert float(((scans.softplus(z) - exact) / exact).abs().max()) < 5e-7
    assert scans.softplus(z, 2.0) is NotImplemented
    assert scans.softplus(z, threshold=5.0) is NotImplemented
