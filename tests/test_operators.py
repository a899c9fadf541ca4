"""The scan is an operator as PyTorch wants them: shapes, derivatives, autocast, FLOPs, compilation and export."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.utils.flop_counter import FlopCounterMode

import sparx_dsl
from sparx_dsl.ops.backends import choose
from sparx_dsl.ops.operators import selective_scan as scan_operator
from sparx_dsl.ops.operators import selective_scan_backward as scan_backward_operator
from sparx_dsl.ops.operators import ss2d_scan as ss2d_operator
from sparx_dsl.ops.operators import ss2d_scan_backward as ss2d_backward_operator
from sparx_dsl.ops.selective_scan import decay_rates
from tests.support.scans import selective_scan, ss2d_scan

BACKENDS = ["torch", "reference", ""]


def scan_arguments(batch: int, groups: int, share: int, length: int, state: int, dtype: torch.dtype) -> list[Tensor]:
    """Random arguments of the scan along one dimension."""
    torch.manual_seed(0)
    channels = groups * share

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, dtype=dtype)

    return [
        normal(batch, channels, length), normal(batch, channels, length), decay_rates(normal(channels, state)),
        normal(batch, groups, state, length), normal(batch, groups, state, length), normal(channels), normal(channels),
    ]  # fmt: skip


def ss2d_arguments(
    batch: int, inner: int, height: int, width: int, rank: int, state: int, dtype: torch.dtype
) -> list[Tensor]:
    """Random arguments of SS2D."""
    torch.manual_seed(0)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, dtype=dtype)

    return [
        normal(batch, inner, height, width), normal(batch, height, width, 4 * (rank + 2 * state)),
        normal(4, inner, rank), normal(4, inner), decay_rates(normal(4 * inner, state)), normal(4 * inner),
    ]  # fmt: skip


def leaves(tensors: list[Tensor]) -> list[Tensor]:
    return [tensor.detach().clone().requires_grad_() for tensor in tensors]


# From torch 2.15 on, opcheck looks for gradients of copies that have none, and hides its warning from readers only.
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf:UserWarning")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("backend", BACKENDS)
def test_opcheck_passes(backend: str, dtype: torch.dtype) -> None:
    """Schemas, fake kernels (strides too), and derivatives under AOT with symbolic shapes are what PyTorch demands."""
    scan = leaves(scan_arguments(2, 2, 3, 5, 2, dtype))
    torch.library.opcheck(scan_operator, (*scan, True, backend), rtol=0.05, atol=0.05)
    torch.library.opcheck(scan_operator, (*scan[:5], None, None, False, backend), rtol=0.05, atol=0.05)
    ss2d = leaves(ss2d_arguments(2, 3, 3, 2, 2, 1, dtype))
    torch.library.opcheck(ss2d_operator, (*ss2d, backend), rtol=0.05, atol=0.05)


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf:UserWarning")
@pytest.mark.parametrize(("backend", "twice"), [*((backend, False) for backend in BACKENDS), ("", True)])
def test_opcheck_passes_for_gradients(backend: str, twice: bool) -> None:
    """The same for the operators that compute derivatives; their own derivatives are alike on all backends."""
    size = 1 if twice else 3  # PyTorch traces second derivatives step by step
    scan = [torch.randn(1, 2, size), *scan_arguments(1, 1, 2, size, 1, torch.float32)]
    ss2d = [torch.randn(1, 2, 1, size), *ss2d_arguments(1, 2, 1, size, 1, 1, torch.float32)]
    scan, ss2d = (leaves(scan), leaves(ss2d)) if twice else (scan, ss2d)
    torch.library.opcheck(scan_backward_operator, (*scan, True, backend), rtol=0.05, atol=0.05)
    torch.library.opcheck(ss2d_backward_operator, (*ss2d, backend), rtol=0.05, atol=0.05)


@pytest.mark.parametrize(("height", "width", "rank", "state"), [(1, 1, 1, 1), (2, 3, 2, 1), (3, 2, 1, 2)])
@pytest.mark.parametrize("backend", ["torch", "reference"])
def test_derivatives_of_ss2d_are_exact(backend: str, height: int, width: int, rank: int, state: int) -> None:
    """Numerical differentiation in float64 agrees with the backward, and with the backward of the backward."""
    inputs = leaves(ss2d_arguments(1, 2, height, width, rank, state, torch.float64))

    def run(*tensors: Tensor) -> Tensor:
        return ss2d_scan(*tensors, backend=backend)

    assert torch.autograd.gradcheck(run, inputs)
    assert torch.autograd.gradgradcheck(run, inputs)


@pytest.mark.parametrize("backend", ["torch", "reference"])
def test_derivatives_of_the_scan_are_exact(backend: str) -> None:
    """The same for the scan along one dimension, with and without what is optional."""
    inputs = leaves(scan_arguments(2, 2, 2, 6, 2, torch.float64))

    def run(*tensors: Tensor) -> Tensor:
        return selective_scan(*tensors, backend=backend)

    def without_rows(u: Tensor, delta: Tensor, *others: Tensor) -> Tensor:
        return run(u, delta.abs(), *others)

    assert torch.autograd.gradcheck(run, inputs)
    assert torch.autograd.gradcheck(without_rows, inputs[:5])


def test_only_the_inputs_are_saved_for_the_backward() -> None:
    """What autograd holds on to between forward and backward are the arguments themselves."""
    inputs = leaves(ss2d_arguments(1, 4, 5, 6, 2, 1, torch.float32))
    saved: set[int] = set()

    def keep(tensor: Tensor) -> Tensor:
        saved.add(tensor.data_ptr())
        return tensor.detach()

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        ss2d_scan(*inputs)
    assert saved == {tensor.data_ptr() for tensor in inputs}


def test_autocast_leaves_parameters_and_state_in_float32() -> None:
    """Under autocast the result is that of the float32 scan of the same activations, up to bfloat16's rounding."""
    x, projected, *rest = ss2d_arguments(2, 8, 6, 5, 2, 1, torch.float32)
    low = x.bfloat16(), projected.bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found, mixed = ss2d_scan(*low, *rest), ss2d_scan(low[0], projected, *rest)
        whole = ss2d_scan(x, projected, *rest)
    assert found.dtype == mixed.dtype == torch.bfloat16
    for rounded, expected in (
        (found, ss2d_scan(low[0].float(), low[1].float(), *rest)),
        (mixed, ss2d_scan(low[0].float(), projected, *rest)),
    ):
        # Plain PyTorch rounds the time steps and each direction, the fused kernel only the result.
        error, largest = (rounded.float() - expected).abs(), expected.abs().max()
        assert error.max() <= 0.01 * largest
        if choose("cpu", torch.bfloat16).name == "cpu":
            assert (error <= expected.abs() / 256 + 3e-4 * largest).all()
    assert torch.equal(whole, ss2d_scan(x, projected, *rest))


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_flops_are_counted_by_formula(device: str) -> None:
    """FlopCounterMode sees 9·N + 1 for each position and channel of every direction, and SS2D's time steps besides."""
    scan = [tensor.to(device) for tensor in scan_arguments(2, 2, 3, 7, 4, torch.float32)]
    with FlopCounterMode(display=False) as counter:
        selective_scan(*scan)
    assert counter.get_total_flops() == 2 * 6 * 7 * (9 * 4 + 1)
    with FlopCounterMode(display=False) as counter:
        ss2d_scan(*(tensor.to(device) for tensor in ss2d_arguments(2, 3, 5, 7, 6, 2, torch.float32)))
    assert counter.get_total_flops() == 2 * 35 * 4 * 3 * (9 * 2 + 1 + 2 * 6)


def test_ss2d_compiles_whole_with_its_backward() -> None:
    """torch.compile finds no break in the graph at changing sizes, and its gradients are the eager ones."""
    compiled = torch.compile(ss2d_scan, fullgraph=True, backend="aot_eager", dynamic=True)
    for height, width in ((4, 5), (6, 3)):
        inputs = ss2d_arguments(2, 5, height, width, 2, 1, torch.float32)
        results: list[list[Tensor]] = []
        for run in (ss2d_scan, compiled):
            given = leaves(inputs)
            run(*given).square().sum().backward()
            results.append([tensor.grad for tensor in given if tensor.grad is not None])
        torch.testing.assert_close(results[1], results[0])


@pytest.mark.parametrize("name", ["ss2d", "ssm", "bi_ssm"])
def test_a_backbone_exports_with_dynamic_batch_and_size(name: str) -> None:
    """One exported program serves other batches and image sizes, and gives what the module gives."""
    torch.manual_seed(0)
    layer = {"mixer": {"kind": name, "state": 1}}
    spec = {"sparx": 1, "name": "exported", "input": {"size": 32}, "stem": {"kind": "conv"}, "layer": layer,
            "stages": [{"channels": 8, "depth": 3, "S": 2}, {"channels": 16, "depth": 1, "S": 1}],
            "head": {"kind": "linear", "classes": 3}}  # fmt: skip
    model = sparx_dsl.build(spec).eval()
    batch = torch.export.Dim("batch", min=1, max=8)
    height, width = (16 * torch.export.Dim(f"_{side}", min=1, max=20) for side in ("height", "width"))
    shapes = ({0: batch, 2: height, 3: width},)
    program = torch.export.export(model, (torch.randn(2, 3, 64, 96),), dynamic_shapes=shapes)
    exported = program.module()
    for size in ((2, 3, 64, 96), (3, 3, 48, 32)):
        images = torch.randn(size)
        with torch.no_grad():
            torch.testing.assert_close(exported(images), model(images))


# torch.func.jvp itself scripts its decompositions, of which torch warns: by another category from 2.15 on.
@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning", "ignore:.*torch.jit:FutureWarning")
@pytest.mark.parametrize("place", range(6))
def test_forward_mode_is_refused(place: int) -> None:
    """A derivative that the operators do not have is an error, never a zero."""
    inputs = ss2d_arguments(1, 4, 3, 3, 2, 1, torch.float32)

    def run(tensor: Tensor) -> Tensor:
        return ss2d_scan(*inputs[:place], tensor, *inputs[place + 1 :])

    with pytest.raises(NotImplementedError, match="forward mode"):
        torch.func.jvp(run, (inputs[place],), (inputs[place],))
    lines = scan_arguments(1, 1, 3, 5, 2, torch.float32)
    with forward_ad.dual_level(), pytest.raises(NotImplementedError, match="forward mode"):
        selective_scan(*lines[:place], forward_ad.make_dual(lines[place], lines[place]), *lines[place + 1 :])


@pytest.mark.parametrize("mapped", [(0, 0), (1, 3), (None, 0), (0, 0, 0), (0, None, None, 2, 0, 0)])
def test_samples_can_be_mapped(mapped: tuple[int | None, ...]) -> None:
    """``vmap`` along any dimension of any argument is one sample after the other, gradients too."""
    samples = [ss2d_arguments(2, 4, 3, 5, 2, 1, torch.float32) for _ in range(3)]
    dims = (*mapped, *[None] * (6 - len(mapped)))
    given = [
        each[0] if dim is None else torch.stack(list(each), dim)
        for dim, each in zip(dims, zip(*samples, strict=True), strict=True)
    ]
    leaf = given[1].requires_grad_()
    alone = [[each if dim is None else each.select(dim, place) for dim, each in zip(dims, given, strict=True)]
             for place in range(3)]  # fmt: skip
    expected = torch.stack([ss2d_scan(*sample) for sample in alone])
    found = torch.func.vmap(ss2d_scan, in_dims=dims)(*given)
    torch.testing.assert_close(found, expected)
    gradients = [torch.autograd.grad(each.square().sum(), leaf)[0] for each in (found, expected)]
    torch.testing.assert_close(*gradients)


def test_gradients_can_be_mapped() -> None:
    """Several gradients of one result at a time, as ``torch.autograd.functional.jacobian`` asks for them."""
    lines = leaves(scan_arguments(1, 1, 2, 4, 2, torch.float64))
    y = selective_scan(*lines)
    mapped = torch.autograd.grad(
        y, lines, torch.eye(8).double().view(8, 1, 2, 4), is_grads_batched=True, retain_graph=True
    )
    for place in range(8):
        alone = torch.autograd.grad(y.flatten()[place], lines, retain_graph=True)
        torch.testing.assert_close([each[place] for each in mapped], list(alone))
