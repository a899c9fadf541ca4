"""What a part of a backbone costs, in exact integers, and the prices of the operations it is made of.

The count follows the paper's tables: one multiply-accumulate (MAC) for each product of a convolution, a
linear layer or an attention, the selective scan by its own formula, and nothing for norms, activations and
element-wise sums. A floating-point operation (FLOP) is a product or a sum, so that a MAC is two; the formula of the
scan is one of operations, which the paper's tables take for MACs, so it counts the same in both.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sparx_dsl.spec.options.base import NormName


@dataclass(frozen=True, slots=True)
class Price:
    """Trainable parameters, and multiply-accumulates for one image; buffers of a norm are no parameters."""

    params: int = 0
    macs: int = 0
    scan_macs: int = 0
    """Those of the MACs that are a selective scan's, whose formula counts operations."""

    @property
    def flops(self) -> int:
        """Floating-point operations for one image: two for each MAC, and one for each of a scan's."""
        return 2 * self.macs - self.scan_macs

    def __add__(self, other: Price) -> Price:
        """Both together."""
        return Price(self.params + other.params, self.macs + other.macs, self.scan_macs + other.scan_macs)

    def __mul__(self, times: int) -> Price:
        """That many of the same, each with parameters of its own; raises ``ValueError`` below zero."""
        if times < 0:
            raise ValueError(f"nothing can be there {times} times")
        return Price(self.params * times, self.macs * times, self.scan_macs * times)

    def __str__(self) -> str:
        return f"{self.params:,} parameters, {self.macs:,} MACs"


ZERO = Price()
"""The price of what only moves, sums or activates."""


def total(prices: Iterable[Price]) -> Price:
    """All of them together; ``ZERO`` where there are none."""
    return sum(prices, ZERO)


def halved(size: int) -> int:
    """One side of a map after a step of stride 2, which rounds up."""
    return -(-size // 2)


def convolution(
    inputs: int, outputs: int, kernel: int, height: int, width: int, groups: int = 1, *, bias: bool = True
) -> Price:
    """A ``kernel`` × ``kernel`` convolution that gives a map (outputs, height, width)."""
    weights = inputs // groups * outputs * kernel * kernel
    return Price(weights + (outputs if bias else 0), weights * height * width)


def pointwise(inputs: int, outputs: int, height: int, width: int, *, bias: bool = True) -> Price:
    """A 1×1 convolution on a map of that size: one linear layer at each position."""
    return convolution(inputs, outputs, 1, height, width, bias=bias)


def depthwise(channels: int, kernel: int, height: int, width: int, *, bias: bool = True) -> Price:
    """A convolution of each channel by itself that gives a map (channels, height, width)."""
    return convolution(channels, channels, kernel, height, width, groups=channels, bias=bias)


def causal_convolution(channels: int, kernel: int, length: int) -> Price:
    """A depthwise convolution along a sequence, with bias, that gives (channels, length)."""
    return Price(channels * kernel + channels, channels * kernel * length)


def linear(inputs: int, outputs: int, *, bias: bool = True) -> Price:
    """A linear layer on one vector."""
    return pointwise(inputs, outputs, 1, 1, bias=bias)


def norm(name: NormName, channels: int) -> Price:
    """A norm with a weight and a bias for each channel; the three norms cost the same, and no MACs."""
    match name:
        case "group" | "layer" | "batch":
            return Price(2 * channels)


def product(rows: int, inner: int, columns: int) -> Price:
    """A matrix product (rows, inner) · (inner, columns) of two activations, as attention has two of."""
    return Price(0, rows * inner * columns)


def selective_scan(channels: int, length: int, state: int) -> Price:
    """A scan over (channels, length), N = ``state``; its parameters: A, D and the bias of the time steps.

    ``channels`` counts those of every direction. MACs: 9·channels·length·N + channels·length, which is the
    count behind the paper's tables.
    """
    macs = (9 * state + 1) * channels * length
    return Price(channels * state + 2 * channels, macs, macs)
