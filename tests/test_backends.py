"""Every backend of the scan gives what the definition gives, and its derivatives, for every shape and dtype."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from sparx_dsl.ops.arguments import SS2DInputs
from sparx_dsl.ops.cpu import kernels
from tests.support.instructions import each_set, use
from tests.support.scan_definitions import (
    COMPILED,
    assert_near,
    in_dtype,
    needs_library,
    scan_arguments,
    scan_by_definition,
    ss2d_by_definition,
    with_gradients,
)
from tests.support.scans import selective_scan, ss2d_arguments, ss2d_scan, threads

SIZES = {
    "batch": st.integers(1, 3), "inner": st.integers(1, 19), "height": st.integers(1, 6), "width": st.integers(1, 6),
    "rank": st.integers(1, 5), "states": st.integers(1, 3), "seed": st.integers(0, 2**16),
}  # fmt: skip


@pytest.mark.parametrize("backend", COMPILED)
@settings(max_examples=12, deadline=None)
@given(count=st.integers(1, 3), **SIZES)
def test_ss2d_is_the_definition(backend: str, count: int, **sizes: int) -> None:
    """In float32, for every shape and number of threads, forward and backward."""
    inputs = ss2d_arguments(**sizes)
    expected = with_gradients(ss2d_by_definition, inputs)
    with threads(count):
        found = with_gradients(partial(ss2d_scan, backend=backend), [each.float() for each in inputs])
    assert_near(found, expected, 1e-5)


@pytest.mark.parametrize("backend", COMPILED)
@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 2**16), batch=st.integers(1, 3), groups=st.integers(1, 3), share=st.integers(1, 18),
    length=st.integers(1, 40), states=st.integers(1, 5), count=st.integers(1, 3),
)  # fmt: skip
def test_the_scan_is_the_definition(backend: str, count: int, **sizes: int) -> None:
    """The same along one dimension, with groups."""
    inputs = scan_arguments(**sizes)
    expected = with_gradients(scan_by_definition, inputs)
    with threads(count):
        found = with_gradients(partial(selective_scan, backend=backend), [each.float() for each in inputs])
    assert_near(found, expected, 1e-5)


@needs_library
@each_set
@pytest.mark.parametrize(("height", "width", "states"), [(95, 83, 1), (40, 41, 16)])
def test_walks_that_leave_the_cache_are_the_definition(
    height: int, width: int, states: int, instructions: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whose derivatives are computed in chunks: over maps, and along one dimension."""
    use(monkeypatch, instructions)
    over_maps = ss2d_arguments(0, 1, 3, height, width, 2, states)
    along = scan_arguments(0, 1, 1, 3, height * width, states)
    for scan, inputs in ((ss2d_scan, over_maps), (selective_scan, along)):
        expected = with_gradients(partial(scan, backend="torch"), inputs)
        found = with_gradients(partial(scan, backend="cpu"), [each.float() for each in inputs])
        assert_near(found, expected, 1e-5)


@pytest.mark.parametrize("backend", COMPILED)
def test_bfloat16_is_within_two_hundredths(backend: str) -> None:
    """Activations in bfloat16, the state in float32: results and derivatives within 2e-2."""
    inputs = ss2d_arguments(0, 2, 20, 5, 6, 3, 1)
    expected = with_gradients(ss2d_by_definition, inputs)
    found = with_gradients(partial(ss2d_scan, backend=backend), in_dtype(inputs, (0, 1), torch.bfloat16))
    assert found[0].dtype == found[1].dtype == torch.bfloat16
    assert_near(found, expected, 2e-2)
    inputs = scan_arguments(0, 2, 2, 9, 30, 2)
    expected = with_gradients(scan_by_definition, inputs)
    low = in_dtype(inputs, (0, 1, 3, 4), torch.bfloat16)
    assert_near(with_gradients(partial(selective_scan, backend=backend), low), expected, 2e-2)


@needs_library
@each_set
@pytest.mark.parametrize("batch", [1, 4])
def test_every_set_of_instructions_gives_the_same(
    monkeypatch: pytest.MonkeyPatch, instructions: int, batch: int
) -> None:
    """What the best set of this machine computes, the lesser ones compute too."""
    inputs = [each.float() for each in ss2d_arguments(1, batch, 21, 7, 10, 4, 2)]
    lines = [each.float() for each in scan_arguments(1, batch, 2, 21, 150, 1)]
    expected = [ss2d_scan(*inputs, backend="torch"), selective_scan(*lines, backend="torch")]
    use(monkeypatch, instructions)
    found = [ss2d_scan(*inputs, backend="cpu"), selective_scan(*lines, backend="cpu")]
    assert_near(found, expected, 1e-5)
    monkeypatch.undo()
    wanted = kernels.ss2d_backward(found[0], SS2DInputs(*inputs))
    use(monkeypatch, instructions)
    assert_near([*kernels.ss2d_backward(found[0], SS2DInputs(*inputs))], [*wanted], 1e-5)


@pytest.mark.parametrize("backend", COMPILED)
@pytest.mark.parametrize("scale", [1e-6, 30.0, 1e3])
def test_large_inputs_stay_finite_under_autocast(backend: str, scale: float) -> None:
    """No NaN and no infinity in forward and backward, for inputs scaled up to a thousand."""
    x, projected, *rest = (each.float() for each in ss2d_arguments(2, 1, 8, 9, 9, 3, 1))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = with_gradients(
            partial(ss2d_scan, backend=backend),
            [(scale * x).bfloat16(), (scale * projected).bfloat16(), *rest],
        )
    assert all(tensor.isfinite().all() for tensor in found)


@needs_library
def test_what_is_no_number_stays_none() -> None:
    """A NaN in the map, in what is projected or in a parameter reaches the result: it is never hidden."""
    for place in range(6):
        inputs = [each.float() for each in ss2d_arguments(3, 1, 4, 3, 3, 2, 1)]
        inputs[place].view(-1)[0] = float("nan")
        assert ss2d_scan(*inputs, backend="cpu").isnan().any(), place


@needs_library
def test_results_are_the_same_from_run_to_run() -> None:
    """Bit for bit, with two threads, image by image and block by block."""
    for batch in (1, 3, 8):
        inputs = [each.float() for each in ss2d_arguments(4, batch, 40, 12, 12, 3, 1)]
        with threads(2):
            first = with_gradients(ss2d_scan, inputs)
            for _ in range(3):
                again = with_gradients(ss2d_scan, inputs)
                assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))


@needs_library
def test_no_positions_and_no_images() -> None:
    """An empty batch gives an empty result and derivatives of zero."""
    inputs = [each.float() for each in ss2d_arguments(5, 1, 4, 3, 3, 2, 1)]
    found = with_gradients(ss2d_scan, [inputs[0][:0], inputs[1][:0], *inputs[2:]])
    assert found[0].shape == (0, 4, 3, 3)
    assert not any(tensor.any() for tensor in found[3:])


@needs_library
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_the_default_dtype_does_not_matter(monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype) -> None:
    """What new tensors are by default never decides what the compiled library writes its float32 numbers to."""
    maps = [each.float() for each in ss2d_arguments(7, 2, 20, 5, 6, 3, 2)]
    lines = [each.float() for each in scan_arguments(7, 2, 2, 9, 30, 3)][:5]

    def found() -> list[Tensor]:
        given = [each.clone().requires_grad_() for each in (*maps, *lines)]
        total = ss2d_scan(*given[:6], backend="cpu").sum() + selective_scan(*given[6:], backend="cpu").sum()
        return list(torch.autograd.grad(total, given))

    expected = found()
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        assert all(torch.equal(a, b) for a, b in zip(found(), expected, strict=True))
    finally:
        torch.set_default_dtype(before)


@pytest.mark.parametrize("backend", COMPILED)
@pytest.mark.parametrize(
    ("height", "width", "states"), [(0, 3, 1), (3, 0, 2), (3, 2, 0)], ids=["no rows", "no columns", "no states"]
)
def test_maps_without_positions_and_scans_without_states(backend: str, height: int, width: int, states: int) -> None:
    """Nothing, or what D lets through, comes of them on every backend."""
    inputs = [each.float() for each in ss2d_arguments(8, 2, 4, height, width, 2, states)]
    found = with_gradients(partial(ss2d_scan, backend=backend), inputs)
    torch.testing.assert_close(found[0], inputs[0] * inputs[5].view(4, 4).sum(0)[:, None, None])
    assert [each.shape for each in found] == [inputs[0].shape, *(each.shape for each in inputs)]
    lines = [each.float() for each in scan_arguments(8, 2, 1, 4, height * width, states)]
    assert with_gradients(partial(selective_scan, backend=backend), lines)[0].shape == lines[0].shape
