"""How a walk is cut for the kernels: positions of a tile, channels of a program, warps; and division by a height."""

from __future__ import annotations

from dataclasses import dataclass

MOST_POSITIONS = 2**29
"""The longest walk whose positions ``reciprocal`` divides exactly."""


@dataclass(frozen=True, slots=True)
class Blocks:
    """The block sizes of one launch; all are powers of two."""

    tile: int
    channels: int
    warps: int

    def count(self, channels: int) -> int:
        """How many programs share that many channels."""
        return -(-channels // self.channels)


def forward_blocks(channels: int, state: int) -> Blocks:
    """Blocks of the forward kernels for that many channels (of one group) and states of a channel.

    Chosen by the instructions and registers that the compiler's output counts for them, not by timing.
    """
    return Blocks(tile=16, channels=max(16, min(32, power_of_two(channels))), warps=1)


def backward_blocks(channels: int, state: int) -> Blocks:
    """Blocks of the backward kernels, and of the forward ones that store states for them.

    Partial sums of what all channels share are written once per block, so blocks are wider.
    """
    width = max(16, min(64, power_of_two(channels)))
    return Blocks(tile=16, channels=width, warps=max(1, width // 32))


def power_of_two(number: int) -> int:
    """The least power of two that is not below that positive number."""
    return 1 << (number - 1).bit_length()


def reciprocal(divisor: int) -> tuple[int, int]:
    """A multiplier below 2³¹ and a shift such that n // divisor = n · multiplier >> shift.

    Exact for 0 ≤ n < ``MOST_POSITIONS``: with the multiplier rounded up, the error n · (divisor − 1) / divisor
    stays below 2^shift / divisor (Granlund and Montgomery 1994, theorem 4.2).
    """
    shift = 30 + divisor.bit_length() - 1
    return -(-(1 << shift) // divisor), shift
