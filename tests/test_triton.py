"""The Triton kernels in Triton's interpreter against a loop over steps in float64, and through its compiler."""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import subprocess
import sys
from collections.abc import Callable, Generator, Sequence
from typing import Any

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from sparx_dsl.ops.triton_kernels.blocks import MOST_POSITIONS, backward_blocks, forward_blocks, reciprocal
from tests.support import triton_process

TOLERANCE = {torch.float32: 1e-4, torch.float16: 2e-2, torch.bfloat16: 2e-2}
DTYPES = sorted(TOLERANCE, key=str)
BLOCKS = [None, (8, 64, 1, 2), (16, 32, 1, 2), (16, 16, 1, 4)]
"""Blocks of the fused kernels: those for so small an input, those for large ones, and all walks by one program."""
FEW = settings(max_examples=6)


class Kernels:
    """A process where the kernels are interpreted or, with ``interpret`` "0", compiled."""

    def __init__(self, interpret: str) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("TRITON_INTERPRET", interpret)
            # Its default is about to change, of which Triton warns.
            patch.setenv("TRITON_DEFAULT_FP_FUSION", "1")
            context = multiprocessing.get_context("spawn")
            self.pool = concurrent.futures.ProcessPoolExecutor(1, mp_context=context)
            self.pool.submit(triton_process.problem, "cpu").result(timeout=120)

    def ask(self, function: Any, *arguments: Any) -> Any:
        """The result of a function of ``triton_process`` there."""
        return self.pool.submit(function, *arguments).result(timeout=120)

    def __call__(self, function: str, *arguments: Any, blocks: tuple[int, ...] | None = None) -> Any:
        """Call one of the four functions of the backend."""
        answer = self.ask(triton_process.interpreted, function, triton_process.packed(arguments), blocks)
        return triton_process.unpacked(answer)


def kernels_of(interpret: str) -> Generator[Kernels, None, None]:
    """A process for a module's tests."""
    pytest.importorskip("triton", reason="triton is not installed (extra: triton)")
    kernels = Kernels(interpret)
    yield kernels
    kernels.pool.shutdown()


@pytest.fixture(scope="module")
def kernels() -> Generator[Kernels, None, None]:
    """The interpreted kernels."""
    yield from kernels_of("1")


@pytest.fixture(scope="module")
def compiler() -> Generator[Kernels, None, None]:
    """The kernels as they are compiled."""
    yield from kernels_of("0")


# The oracle.


def steps(
    u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor | None, bias: Tensor | None, softplus: bool
) -> Tensor:
    """The scan of one group, step by step: u and delta (batch, channels, length), B and C (batch, N, length)."""
    z = delta if bias is None else delta + bias[:, None]
    times = functional.softplus(z) if softplus else z
    state = torch.zeros(u.shape[0], u.shape[1], A.shape[1], dtype=torch.float64)
    outputs: list[Tensor] = []
    for t in range(u.shape[2]):
        time = times[:, :, t, None]
        state = torch.exp(time * A) * state + time * B[:, None, :, t] * u[:, :, t, None]
        outputs.append((state * C[:, None, :, t]).sum(2))
    y = torch.stack(outputs, 2)
    return y if D is None else y + D[:, None] * u


def scan_oracle(
    u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor | None, bias: Tensor | None, softplus: bool
) -> Tensor:
    """The scan, group by group."""
    size = u.shape[1] // B.shape[1]
    parts: list[Tensor] = []
    for group in range(B.shape[1]):
        own = slice(group * size, (group + 1) * size)
        skip, shift = (None if each is None else each[own] for each in (D, bias))
        parts.append(steps(u[:, own], delta[:, own], A[own], B[:, group], C[:, group], skip, shift, softplus))
    return torch.cat(parts, 1)


def walks(height: int, width: int) -> list[list[int]]:
    """The places of a map, in the order of rows, in the order of each direction."""
    rows = list(range(height * width))
    columns = [i * width + j for j in range(width) for i in range(height)]
    return [rows, columns, rows[::-1], columns[::-1]]


def ss2d_oracle(x: Tensor, projected: Tensor, dt_weight: Tensor, dt_bias: Tensor, A: Tensor, D: Tensor) -> Tensor:
    """The sum over the four directions, each gathered place by place."""
    inner, rank, state = x.shape[1], dt_weight.shape[2], A.shape[1]
    total = torch.zeros_like(x)
    for direction, places in enumerate(walks(*x.shape[2:])):
        own = slice(direction * inner, (direction + 1) * inner)
        start = direction * (rank + 2 * state)
        values = projected.flatten(1, 2)[:, places, start : start + rank + 2 * state].transpose(1, 2)
        time, B, C = torch.split(values, [rank, state, state], 1)
        delta = dt_weight[direction] @ time
        y = steps(x.flatten(2)[:, :, places], delta, A[own], B, C, D[own], dt_bias[direction], True)
        back = [places.index(place) for place in range(len(places))]
        total = total + torch.unflatten(y[:, :, back], 2, x.shape[2:])
    return total


# Inputs.


def numbers(seed: int) -> Callable[..., Tensor]:
    """A source of normal numbers for a seed."""
    generator = torch.Generator().manual_seed(seed)
    return lambda *shape: torch.randn(*shape, generator=generator)


def scan_inputs(
    batch: int, groups: int, size: int, length: int, state: int, dtype: torch.dtype, *, rows: bool = True,
    softplus: bool = True, seed: int = 0,
) -> list[Any]:  # fmt: skip
    """Arguments of ``scan``: u channels-last, the others contiguous."""
    normal, channels = numbers(seed), groups * size
    u = normal(batch, length, channels).transpose(1, 2).to(dtype)
    delta = normal(batch, channels, length).to(dtype)
    A = -torch.exp(normal(channels, state))
    B, C = (normal(batch, groups, state, length).to(dtype) for _ in range(2))
    D, bias = (normal(channels) if rows else None for _ in range(2))
    return [u, delta if softplus else delta.abs(), A, B, C, D, bias if softplus else None, softplus]


def ss2d_inputs(
    batch: int, inner: int, height: int, width: int, rank: int, state: int, dtype: torch.dtype, *, scale: float = 1.0,
    seed: int = 0,
) -> list[Any]:  # fmt: skip
    """Arguments of ``ss2d``."""
    normal = numbers(seed)
    x = (scale * normal(batch, inner, height, width)).to(dtype)
    projected = (scale * normal(batch, height, width, 4 * (rank + 2 * state))).to(dtype)
    weight, bias, D = normal(4, inner, rank), normal(4, inner), normal(4 * inner)
    return [x, projected, weight, bias, -torch.exp(normal(4 * inner, state)), D]


def differences(found: Sequence[Tensor | None], expected: Sequence[Tensor | None], least: float = 1e-30) -> list[float]:
    """The largest difference of each pair, relative to the largest value expected (or ``least``); None is None."""
    assert [each is None for each in found] == [each is None for each in expected]
    pairs = [(a.double(), b) for a, b in zip(found, expected, strict=True) if a is not None and b is not None]
    assert all(a.shape == b.shape for a, b in pairs)
    return [((a - b).abs().max() / b.abs().max().clamp_min(least)).item() for a, b in pairs]


def check(
    kernels: Kernels, name: str, oracle: Callable[..., Tensor], inputs: list[Any], tolerance: float,
    blocks: tuple[int, ...] | None = None,
) -> None:  # fmt: skip
    """Compare the result and all gradients with those of the oracle in float64."""
    exact = [each.double().requires_grad_() if isinstance(each, Tensor) else each for each in inputs]
    expected = oracle(*exact)
    gradient = numbers(99)(*expected.shape).to(inputs[0].dtype)
    expected.backward(gradient.double())
    found = kernels(name, *inputs, blocks=blocks)
    assert found.dtype == inputs[0].dtype
    # Where the parts of a sum cancel, what is left of 16 bits counts against the parts, of about 1.
    least = 1e-30 if inputs[0].dtype == torch.float32 else 1.0
    assert differences([found], [expected.detach()], least)[0] <= tolerance
    gradients = kernels(f"{name}_backward", gradient, *inputs, blocks=blocks)
    wanted = [each.grad if isinstance(each, Tensor) else None for each in exact[: len(gradients)]]
    tensors = [each for each in inputs[: len(gradients)] if isinstance(each, Tensor)]
    assert [each.dtype for each in gradients if each is not None] == [each.dtype for each in tensors]
    assert max(differences(gradients, wanted, least)) <= tolerance


# Laws.


@FEW
@given(
    batch=st.integers(1, 2), groups=st.integers(1, 2), size=st.integers(1, 18), length=st.integers(1, 35),
    state=st.integers(1, 3), rows=st.booleans(), softplus=st.booleans(), dtype=st.sampled_from(DTYPES),
)  # fmt: skip
def test_the_scan_is_the_loop_over_steps(
    kernels: Kernels, batch: int, groups: int, size: int, length: int, state: int, rows: bool, softplus: bool,
    dtype: torch.dtype,
) -> None:  # fmt: skip
    """The scan and its gradients agree with the loop, for any shape, groups, strides and dtype."""
    inputs = scan_inputs(batch, groups, size, length, state, dtype, rows=rows, softplus=softplus)
    check(kernels, "scan", scan_oracle, inputs, TOLERANCE[dtype])


@FEW
@given(
    batch=st.integers(1, 2), inner=st.integers(1, 20), height=st.integers(1, 9), width=st.integers(1, 9),
    rank=st.integers(1, 3), state=st.integers(1, 3), dtype=st.sampled_from(DTYPES), blocks=st.sampled_from(BLOCKS),
)  # fmt: skip
def test_the_fused_ss2d_is_four_loops(
    kernels: Kernels, batch: int, inner: int, height: int, width: int, rank: int, state: int, dtype: torch.dtype,
    blocks: tuple[int, ...] | None,
) -> None:  # fmt: skip
    """The fused SS2D and its gradients agree with four loops, for any map and any blocks."""
    # The interpreter takes about 0.1 s for each tile of 16 positions, state and program.
    assume(batch * -(-inner // 16) * -(-height * width // 16) * state <= 12)
    inputs = ss2d_inputs(batch, inner, height, width, rank, state, dtype)
    check(kernels, "ss2d", ss2d_oracle, inputs, TOLERANCE[dtype], blocks)


@given(divisor=st.integers(1, 2**20), number=st.integers(0, MOST_POSITIONS - 1))
@settings(max_examples=500)
def test_the_reciprocal_divides_exactly(divisor: int, number: int) -> None:
    """A multiplication and a shift give the quotient, with a multiplier that fits 32 bits, at multiples too."""
    multiplier, shift = reciprocal(divisor)
    assert multiplier < 2**31
    for each in (number, number // divisor * divisor, max(0, number // divisor * divisor - 1)):
        assert (4 * each * multiplier >> 32) >> shift == each // divisor


@given(channels=st.integers(1, 5_000), images=st.integers(1, 1_000))
def test_blocks_are_powers_of_two_that_cover_the_channels(channels: int, images: int) -> None:
    """Each launch has enough programs for all channels, in sizes that Triton takes."""
    for blocks in (forward_blocks(channels, images), backward_blocks(channels, images)):
        assert all(each & (each - 1) == 0 < each for each in (blocks.tile, blocks.channels, blocks.warps, blocks.turns))
        assert (blocks.count(channels) - 1) * blocks.channels < channels <= blocks.count(channels) * blocks.channels


# Examples.


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_every_dtype_on_a_map_of_several_tiles(kernels: Kernels, dtype: torch.dtype) -> None:
    """Blocks of channels and tiles with ragged ends, in all three dtypes."""
    check(kernels, "ss2d", ss2d_oracle, ss2d_inputs(1, 19, 5, 7, 2, 1, dtype), TOLERANCE[dtype])


def test_many_states_and_a_high_rank(kernels: Kernels) -> None:
    """State sizes and ranks that are no powers of two, beyond the usual ones."""
    check(kernels, "ss2d", ss2d_oracle, ss2d_inputs(1, 3, 2, 3, 9, 5, torch.float32), 1e-4)


@pytest.mark.parametrize("inner", [64, 70])
def test_blocks_of_many_channels(kernels: Kernels, inner: int) -> None:
    """More channels than a block has, with and without a rest, and two warps in the backward."""
    check(kernels, "ss2d", ss2d_oracle, ss2d_inputs(1, inner, 3, 2, 1, 1, torch.float32), 1e-4)


def test_groups_that_fill_their_blocks(kernels: Kernels) -> None:
    """Groups of 16 channels, so that no block has a rest."""
    check(kernels, "scan", scan_oracle, scan_inputs(1, 2, 16, 18, 1, torch.float32), 1e-4)


def test_a_long_walk_keeps_its_digits(kernels: Kernels) -> None:
    """Over 500 steps with small time steps no error grows."""
    inputs = scan_inputs(1, 1, 2, 500, 1, torch.float32)
    inputs[6] = torch.full((2,), -9.0)
    check(kernels, "scan", scan_oracle, inputs, 1e-4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_inputs_scaled_by_a_thousand_stay_finite(kernels: Kernels, dtype: torch.dtype) -> None:
    """No NaN and no Inf in the result or a gradient for inputs around 1e3."""
    inputs = ss2d_inputs(1, 4, 4, 5, 2, 2, dtype, scale=1e3)
    results = [kernels("ss2d", *inputs), *kernels("ss2d_backward", inputs[0], *inputs)]
    assert all(each.isfinite().all() for each in results)


def test_float16_parts_beyond_its_range_cancel(kernels: Kernels) -> None:
    """Where two walks give what float16 can't hold, their sum may still be held."""
    x, projected, weight, bias, A, _ = ss2d_inputs(1, 2, 2, 2, 1, 1, torch.float16)
    # Rows both ways give 6e4 at each place and twice, columns the opposite.
    D = torch.tensor([6e4, -6e4, 6e4, -6e4]).repeat_interleave(2)
    inputs = [x.fill_(1.0), projected.zero_(), weight, bias, A, D]
    assert kernels("ss2d", *inputs).abs().max() == 0


def spread(tensor: Any) -> Any:
    """The same values with gaps between them in memory; what is no tensor stays."""
    if not isinstance(tensor, Tensor):
        return tensor
    places = tuple(slice(None, None, 2) for _ in tensor.shape)
    return torch.empty([2 * side for side in tensor.shape], dtype=tensor.dtype)[places].copy_(tensor)


def test_values_may_lie_apart(kernels: Kernels) -> None:
    """No tensor needs to be contiguous, parameters included."""
    scan = [spread(each) for each in scan_inputs(1, 2, 3, 9, 2, torch.float32)]
    check(kernels, "scan", scan_oracle, scan, TOLERANCE[torch.float32])
    ss2d = [spread(each) for each in ss2d_inputs(1, 3, 2, 3, 2, 2, torch.float32)]
    check(kernels, "ss2d", ss2d_oracle, ss2d, TOLERANCE[torch.float32])


def test_steps_of_the_bias_alone(kernels: Kernels) -> None:
    """A rank of zero: the time steps are those of the bias, at every position."""
    x, projected, weight, *rest = inputs = ss2d_inputs(1, 3, 2, 9, 0, 1, torch.float32)
    values = torch.cat([projected.new_zeros(*projected.shape[:3], 4, 1), torch.unflatten(projected, 3, (4, -1))], 4)
    wide = [x, values.flatten(3), weight.new_ones(*weight.shape[:2], 1), *rest]
    found, expected = (kernels("ss2d_backward", x, *each) for each in (inputs, wide))
    assert torch.allclose(kernels("ss2d", *inputs), kernels("ss2d", *wide), rtol=1e-5)
    assert all(torch.allclose(found[place], expected[place], rtol=1e-5, atol=1e-6) for place in (0, 3, 4, 5))


def test_nan_is_not_hidden(kernels: Kernels) -> None:
    """A NaN among the time values reaches the result at its place."""
    inputs = ss2d_inputs(1, 2, 2, 2, 1, 1, torch.float32)
    inputs[1][0, 1, 0] = torch.nan
    assert kernels("ss2d", *inputs)[0, :, 1, 0].isnan().all()


def test_results_are_the_same_every_time(kernels: Kernels) -> None:
    """Two runs give the same bits, forward and backward."""
    inputs = ss2d_inputs(1, 17, 3, 3, 2, 1, torch.bfloat16)
    for name, arguments in (("ss2d", inputs), ("ss2d_backward", [inputs[0], *inputs])):
        first, second = (kernels(name, *arguments) for _ in range(2))
        assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_nothing_in_nothing_out(kernels: Kernels) -> None:
    """No images, or maps without positions, give results and gradients of the right shapes; the latter zero."""
    for batch, height in ((0, 2), (2, 0)):
        inputs = ss2d_inputs(batch, 3, height, 2, 1, 1, torch.float32)
        found = [kernels("ss2d", *inputs), *kernels("ss2d_backward", inputs[0], *inputs)]
        assert [each.shape for each in found] == [inputs[0].shape, *(each.shape for each in inputs)]
        assert all((each == 0).all() for each in found)


def test_results_are_channels_last(kernels: Kernels) -> None:
    """As the next layers read them, whatever the inputs' strides."""
    x, *others = ss2d_inputs(1, 3, 2, 4, 1, 1, torch.float32)
    for tensor in (x, x.contiguous(memory_format=torch.channels_last)):
        gradients = kernels("ss2d_backward", tensor, tensor, *others)
        for each in (kernels("ss2d", tensor, *others), gradients[0]):
            assert each.is_contiguous(memory_format=torch.channels_last)
    inputs = scan_inputs(1, 2, 2, 5, 1, torch.float32)
    gradients = kernels("scan_backward", inputs[0], *inputs)
    assert all(each.stride() == (20, 1, 4) for each in (kernels("scan", *inputs), *gradients[:2]))
    assert all(each.is_contiguous() for each in gradients[3:5])


@pytest.mark.parametrize("kernel", ["scan_forward", "scan_backward", "walk_forward", "walk_backward"])
@pytest.mark.parametrize(("capability", "dtype", "state"), [(80, "fp32", 2), (90, "bf16", 1), (100, "fp16", 1)])
def test_kernels_compile_without_a_gpu(compiler: Kernels, kernel: str, capability: int, dtype: str, state: int) -> None:
    """Triton's compiler and ptxas take each kernel for Ampere, Hopper and Blackwell."""
    constants = {
        "RANK": 3, "RANK_BLOCK": 16, "STATE": state, "STATE_BLOCK": state, "TILE": 16, "CHANNELS": 32,
        "PRECISE": dtype == "fp32", "HAS_D": True, "HAS_BIAS": True, "SOFTPLUS": True, "STATES_ONLY": False,
        "TURNS": 2, "WIDE": dtype == "fp32", "WHOLE": True,
    }  # fmt: skip
    size, shared = compiler.ask(triton_process.compiled, kernel, capability, dtype, constants)
    assert size > 1_000
    # The forward's tiles are in registers alone, all positions of a channel in one lane; sums over channels are not.
    assert shared == 0 or kernel.endswith("backward")


# Where it runs.


def test_the_backend_says_where_it_runs(kernels: Kernels, compiler: Kernels) -> None:
    """Interpreted it runs on the CPU; compiled it says that it does not, and what to do."""
    assert kernels.ask(triton_process.problem, "cpu") is None
    assert "TRITON_INTERPRET=1" in compiler.ask(triton_process.problem, "cpu")
    assert "'mps'" in compiler.ask(triton_process.problem, "mps")


def test_the_backend_is_imported_without_triton() -> None:
    """Where Triton is missing, the backend's functions can still be imported, and the backend says so."""
    code = (
        "import sys\n"
        "sys.modules['triton'] = None\n"
        "from sparx_dsl.ops.triton_kernels import availability, launch_scan, launch_ss2d\n"
        "print(availability.problem('cuda'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout == "triton is not installed (pip install 'sparx_dsl[triton]')\n"
