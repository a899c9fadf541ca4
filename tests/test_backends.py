"""Every backend of the scan gives what the definition gives, and its derivatives, for every shape and dtype."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

import sparx_dsl
from sparx_dsl.ops.arguments import SS2DInputs
from sparx_dsl.ops.backends import VARIABLE, backends, choose
from sparx_dsl.ops.cpu import kernels, library
from sparx_dsl.ops.selective_scan import decay_rates
from tests.support.scans import Scan, selective_scan, ss2d_arguments, ss2d_scan, threads

needs_library = pytest.mark.skipif(library.problem() is not None, reason=str(library.problem()))
COMPILED = [pytest.param("cpu", marks=needs_library), "torch", "reference"]


def recurrence(delta: Tensor, A: Tensor, B: Tensor, C: Tensor, u: Tensor) -> Tensor:
    """The oracle: one channel's sequence, all float64; A (N,), B and C (length, N), delta and u (length,)."""
    state = torch.zeros_like(A)
    results: list[Tensor] = []
    for t in range(len(u)):
        state = torch.exp(delta[t] * A) * state + delta[t] * u[t] * B[t]
        results.append((state * C[t]).sum())
    return torch.stack(results)


def softplus(z: Tensor) -> Tensor:
    return torch.log1p(torch.exp(-z.abs())) + z.clamp_min(0)


def ss2d_by_definition(x: Tensor, projected: Tensor, weight: Tensor, bias: Tensor, A: Tensor, D: Tensor) -> Tensor:
    """The oracle of SS2D: for each sample, direction and channel, the positions in the order of the walk."""
    batch, inner, height, width = x.shape
    rank, states = weight.shape[2], A.shape[1]
    rows = [(i, j) for i in range(height) for j in range(width)]
    columns = [(i, j) for j in range(width) for i in range(height)]
    total: list[Tensor] = []
    for sample in range(batch):
        for channel in range(inner):
            result = torch.zeros(height, width, dtype=x.dtype)
            for k, order in enumerate((rows, columns, rows[::-1], columns[::-1])):
                i, j = (torch.tensor(each) for each in zip(*order, strict=True))
                values = torch.unflatten(projected[sample, i, j], 1, (4, -1))[:, k]
                time, B, C = torch.split(values, [rank, states, states], dim=1)
                delta = softplus(time @ weight[k, channel] + bias[k, channel])
                u, own = x[sample, channel, i, j], k * inner + channel
                y = recurrence(delta, A[own], B, C, u) + D[own] * u
                result = result.index_put((i, j), y, accumulate=True)
            total.append(result)
    return torch.stack(total).reshape(x.shape)


def scan_by_definition(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, bias: Tensor) -> Tensor:
    """The oracle of the scan along one dimension."""
    share, steps = u.shape[1] // B.shape[1], softplus(delta + bias[:, None])
    return torch.stack([
        torch.stack([
            recurrence(steps[b, c], A[c], B[b, c // share].T, C[b, c // share].T, u[b, c]) + D[c] * u[b, c]
            for c in range(u.shape[1])
        ])
        for b in range(u.shape[0])
    ])  # fmt: skip


def scan_arguments(seed: int, batch: int, groups: int, share: int, length: int, states: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    channels = groups * share
    return [
        normal(batch, channels, length), normal(batch, channels, length), decay_rates(normal(channels, states)),
        normal(batch, groups, states, length), normal(batch, groups, states, length),
        normal(channels), normal(channels),
    ]  # fmt: skip


def with_gradients(run: Scan, tensors: list[Tensor]) -> list[Tensor]:
    """The result and the derivative of a fixed mixture of it with regard to every tensor."""
    given = [tensor.detach().clone().requires_grad_() for tensor in tensors]
    result = run(*given)
    mixture = torch.cos(torch.arange(result.numel(), dtype=torch.float64)).reshape(result.shape)
    return [result.detach(), *torch.autograd.grad((result * mixture.to(result.dtype)).sum(), given)]


def assert_near(found: list[Tensor], expected: list[Tensor], tolerance: float) -> None:
    """Each tensor's largest error is within the tolerance of its largest value, at least of 0.1, since sums cancel."""
    for place, (a, b) in enumerate(zip(found, expected, strict=True)):
        error = (a.double() - b.double()).abs().max()
        assert error <= tolerance * b.double().abs().max().clamp_min(0.1), f"tensor {place}: {error:.3g}"


def in_dtype(tensors: list[Tensor], activations: tuple[int, ...], dtype: torch.dtype) -> list[Tensor]:
    return [tensor.to(dtype) if i in activations else tensor.float() for i, tensor in enumerate(tensors)]


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
@pytest.mark.parametrize("instructions", range(len(library.INSTRUCTION_SETS)))
@pytest.mark.parametrize("batch", [1, 4])
def test_every_set_of_instructions_gives_the_same(
    monkeypatch: pytest.MonkeyPatch, instructions: int, batch: int
) -> None:
    """What the best set of this machine computes, the lesser ones compute too."""
    if instructions > library.instruction_set():
        pytest.skip(f"this machine has no {library.INSTRUCTION_SETS[instructions]}")
    inputs = [each.float() for each in ss2d_arguments(1, batch, 21, 7, 10, 4, 2)]
    lines = [each.float() for each in scan_arguments(1, batch, 2, 21, 150, 1)]
    expected = [ss2d_scan(*inputs, backend="torch"), selective_scan(*lines, backend="torch")]
    monkeypatch.setattr(library, "instruction_set", lambda: instructions)
    found = [ss2d_scan(*inputs, backend="cpu"), selective_scan(*lines, backend="cpu")]
    assert_near(found, expected, 1e-5)
    monkeypatch.undo()
    wanted = kernels.ss2d_backward(found[0], SS2DInputs(*inputs))
    monkeypatch.setattr(library, "instruction_set", lambda: instructions)
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


# The choice.


@needs_library
def test_device_and_dtype_choose_the_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the CPU float32 and bfloat16 are compiled, the rest is chunks; other devices get chunks."""
    monkeypatch.delenv(VARIABLE, raising=False)
    dtypes = (torch.float32, torch.bfloat16, torch.float16, torch.float64)
    assert [choose("cpu", dtype).name for dtype in dtypes] == ["cpu", "cpu", "torch", "torch"]
    assert choose("mps", torch.float32).name == "torch"
    assert sparx_dsl.scan_backend() == "cpu"
    assert sparx_dsl.scan_backend("cpu", "float64") == "torch"


def test_a_backend_can_be_forced(monkeypatch: pytest.MonkeyPatch) -> None:
    """By argument or by the environment; the argument wins."""
    monkeypatch.setenv(VARIABLE, "reference")
    assert choose("cpu", torch.float32).name == "reference"
    assert choose("cpu", torch.float32, "torch").name == "torch"
    assert sparx_dsl.scan_backend() == "reference"


@pytest.mark.parametrize(
    ("name", "code", "text"),
    [
        ("cppu", "SPX550", 'did you mean "cpu"?'),
        ("mamba_ssm", "SPX551", "its kernel is for CUDA only"),
        pytest.param("cpu", "SPX551", "it has no float64", marks=needs_library),
    ],
)
def test_a_backend_that_can_not_be_had_is_refused(name: str, code: str, text: str) -> None:
    """Its name unknown, or not for this device, or not for this dtype: a diagnostic says which."""
    inputs = ss2d_arguments(6, 1, 4, 2, 2, 1, 1)
    with pytest.raises(sparx_dsl.SparxError) as caught:
        ss2d_scan(*inputs, backend=name)
    assert [d.code for d in caught.value.diagnostics] == [code]
    assert text in str(caught.value)


@pytest.mark.parametrize("name", ["cppu", "mamba_ssm", "torch"])
def test_the_doctor_examines_whatever_is_forced(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A forced backend that can't be had is what one asks the doctor about: it says so and goes on."""
    monkeypatch.setenv(VARIABLE, name)
    examination = sparx_dsl.doctor()
    assert f"{VARIABLE}={name}" in str(examination)
    assert ("unknown backend" in str(examination)) == (name == "cppu")
    assert {finding.backend for finding in examination.findings if finding.chosen} == {name} & {"torch"}
    assert examination.healthy


@pytest.mark.parametrize("spoiled", [float("nan"), float("inf"), 1.001])
def test_the_doctor_finds_what_is_wrong(monkeypatch: pytest.MonkeyPatch, spoiled: float) -> None:
    """A backend whose results are no numbers, or a thousandth too large, is called wrong."""
    sound = backends()["torch"].kernels()

    def ss2d(inputs: SS2DInputs) -> Tensor:
        return sound.ss2d(inputs) * spoiled

    broken = replace(sound, ss2d=ss2d)
    monkeypatch.setitem(backends(), "torch", replace(backends()["torch"], kernels=lambda: broken))
    examination = sparx_dsl.doctor()
    assert not examination.healthy
    assert {finding.backend for finding in examination.findings if finding.wrong} == {"torch"}


@pytest.mark.parametrize("dtype", [torch.int32, torch.complex64, torch.bool])
def test_what_is_no_floating_dtype_is_refused(dtype: torch.dtype) -> None:
    """Integers would be rounded at every position, and complex numbers lose a half."""
    with pytest.raises(sparx_dsl.SparxError) as caught:
        ss2d_scan(*(each.to(dtype) for each in ss2d_arguments(6, 1, 4, 2, 2, 1, 1)))
    assert [d.code for d in caught.value.diagnostics] == ["SPX551"]


def test_every_backend_is_listed() -> None:
    """The five backends, by name."""
    assert list(backends()) == ["reference", "torch", "cpu", "triton", "mamba_ssm"]
