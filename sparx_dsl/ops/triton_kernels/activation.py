"""GELU and SiLU within kernels, and their derivatives."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportMissingParameterType=false, reportUntypedFunctionDecorator=false
# pyright: reportMissingTypeStubs=false, reportMissingImports=false
# pyright: reportGeneralTypeIssues=false, reportArgumentType=false
# Triton has no types, and may be missing.

from __future__ import annotations

import triton
import triton.language as tl

from sparx_dsl.ops.triton_kernels.tile import LOG2_E

HALF_ROOT = tl.constexpr(0.7071067811865476)
"""√½, by which the error function gives the normal distribution."""
DENSITY = tl.constexpr(0.3989422804014327)
"""The normal density at zero, 1 / √(2π)."""


@triton.jit
def sigmoid(y):
    """1 / (1 + exp(−y)), of float32; 2^126 is finite, and its inverse is as good as zero."""
    return 1.0 / (1.0 + tl.exp2(tl.minimum(y * -LOG2_E, 126.0, propagate_nan=tl.PropagateNan.ALL)))


@triton.jit
def activated(y, ACTIVATION: tl.constexpr):
    """The activation of float32 values: ``none``, ``gelu`` or ``silu``."""
    if ACTIVATION == "gelu":
        y = 0.5 * y * (1.0 + tl.erf(y * HALF_ROOT))
    elif ACTIVATION == "silu":
        y = y * sigmoid(y)
    return y


@triton.jit
def slope(y, ACTIVATION: tl.constexpr):
    """The derivative of the activation at float32 values."""
    if ACTIVATION == "gelu":
        density = DENSITY * tl.exp2(tl.maximum(y * y * (-0.5 * LOG2_E), -126.0))
        found = 0.5 * (1.0 + tl.erf(y * HALF_ROOT)) + y * density
    else:
        found = sigmoid(y)
        found = found * (1.0 + y * (1.0 - found))
    return found
