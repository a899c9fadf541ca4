"""How a walk is cut for the kernels: positions of a tile, channels of a program, warps; and division by a height."""

from __future__ import annotations

from dataclasses import dataclass

MOST_POSITIONS = 2**29
"""The longest walk whose positions ``reciprocal`` divides exactly."""


MANY_WARPS = 1056
"""Two warps for each scheduler of a large GPU (132 multiprocessors of four): enough to hide what one waits for."""


@dataclass(frozen=True, slots=True)
class Blocks:
    """The block sizes of one launch of the scan along one dimension, all powers of two."""

    tile: int
    channels: int
    warps: int

    def count(self, channels: int) -> int:
        """How many programs share that many channels."""
        return -(-channels // self.channels)


def forward_blocks(channels: int, images: int) -> Blocks:
    """Blocks of the scan's forward for that many channels (of one group) of that many images.

    Two channels to a lane share what the positions cost, where enough programs are left. Chosen by the instructions
    that the compiler's output has for them, not by timing.
    """
    wide = Blocks(tile=8, channels=64, warps=1)
    if channels >= wide.channels and images * wide.count(channels) >= MANY_WARPS:
        return wide
    return Blocks(tile=16, channels=_lanes(channels, 32), warps=1)


def backward_blocks(channels: int) -> Blocks:
    """Blocks of the scan's backward, and of the forward that stores states for it.

    What all channels share is summed over a block, and written once per block, so blocks are wider.
    """
    width = _lanes(channels, 64)
    return Blocks(tile=16, channels=width, warps=max(1, width // 32))


def _lanes(channels: int, most: int) -> int:
    """The least power of two that covers the channels, from 16 (for matrix products) to ``most``."""
    return max(16, min(most, power_of_two(channels)))


def power_of_two(number: int) -> int:
    """The least power of two that is not below that positive number."""
    return 1 << (number - 1).bit_length()


def reciprocal(divisor: int) -> tuple[int, int]:
    """A multiplier below 2³¹ and a shift such that n // divisor = (4n · multiplier >> 32) >> shift.

    Exact for 0 ≤ n < ``MOST_POSITIONS``: the multiplier is 2^(30 + shift) / divisor rounded up, with less than 1
    too much, and n of that excess stay below 2^(30 + shift) / divisor (Granlund and Montgomery 1994, theorem 4.2).
    """
    shift = divisor.bit_length() - 1
    return -(-(1 << 30 + shift) // divisor), shift
