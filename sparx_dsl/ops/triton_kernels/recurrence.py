"""The recurrences of all states over one tile of a walk, and their derivatives, for every kernel."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportMissingParameterType=false, reportUntypedFunctionDecorator=false
# pyright: reportMissingTypeStubs=false, reportMissingImports=false
# Triton has no types, and may be missing.

from __future__ import annotations

import triton
import triton.language as tl

from sparx_dsl.ops.triton_kernels.tile import (
    LN_2,
    add_row,
    replace_row,
    run_backward,
    run_forward,
    select_row,
)


@triton.jit
def tile_forward(
    u, bits, y, state, rates, inward_at, outward_at, inward_between, outward_between,
    STATE: tl.constexpr, OUTPUT: tl.constexpr,
):  # fmt: skip
    """Walk one tile: adds Σ C·h to ``y`` (with OUTPUT) and returns it with the states after the tile.

    u, bits, y: (positions, channels), where the time steps are Δ = bits · ln 2; state and rates A (STATE_BLOCK,
    channels). ``inward_at`` and ``outward_at`` point to B and C of each position, of the first state, with the
    distances to the next state's.
    """
    driven = bits * u
    for n in range(STATE):
        rate = select_row(rates, n)
        inward = tl.load(inward_at + n * inward_between).to(tl.float32)
        decay = tl.exp2(rate[None, :] * bits)
        reached, last = run_forward(decay, driven * (inward * LN_2)[:, None], select_row(state, n))
        state = replace_row(state, n, last)
        if OUTPUT:
            outward = tl.load(outward_at + n * outward_between).to(tl.float32)
            y += reached * outward[:, None]
    return y, state


@triton.jit
def tile_backward(
    gradient, u, bits, u_gradient, carry, rate_gradient, rates, inward_at, outward_at,
    inward_between, outward_between, states_at, states_between, inward_gradient_at, outward_gradient_at,
    gradients_between, valid,
    STATE: tl.constexpr,
):  # fmt: skip
    """Walk one tile backwards, its states rebuilt from those before it (``states_at``, of the first state).

    Adds to ``u_gradient`` (positions, channels) and ``rate_gradient`` (STATE_BLOCK, channels), stores the sums
    over these channels of the gradients of B and C, and returns ``u_gradient``, the gradient of Δ, the ``carry``
    (STATE_BLOCK, channels) into the tile before, and ``rate_gradient``. Where ``gradient`` is 0, nothing is added.
    """
    delta = bits * LN_2
    driven = delta * u
    delta_gradient = tl.zeros_like(u)
    for n in range(STATE):
        rate = select_row(rates, n)
        inward = tl.load(inward_at + n * inward_between).to(tl.float32)[:, None]
        outward = tl.load(outward_at + n * outward_between).to(tl.float32)[:, None]
        before = tl.load(states_at + n * states_between)
        decay = tl.exp2(rate[None, :] * bits)
        drive = driven * inward
        reached, _ = run_forward(decay, drive, before)
        adjoint, carried = run_backward(decay, gradient * outward, select_row(carry, n))
        carry = replace_row(carry, n, carried)
        # The state before each position times its decay, without reading the states one row apart.
        kept = reached - drive
        outward_gradient = tl.sum(gradient * reached, axis=1)
        inward_gradient = tl.sum(adjoint * driven, axis=1)
        tl.store(outward_gradient_at + n * gradients_between, outward_gradient, mask=valid)
        tl.store(inward_gradient_at + n * gradients_between, inward_gradient, mask=valid)
        u_gradient += adjoint * delta * inward
        delta_gradient += adjoint * (inward * u + rate[None, :] * kept)
        rate_gradient = add_row(rate_gradient, n, tl.sum(adjoint * kept * delta, axis=0))
    return u_gradient, delta_gradient, carry, rate_gradient
