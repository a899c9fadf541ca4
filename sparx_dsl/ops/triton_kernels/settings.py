"""How a walk of the fused SS2D is divided among programs, by map, channels, rank, batch and capability.

The forward's are measured (H200, bfloat16, one state, the four sizes of SparX-Mamba-T, at batch 128 and 1); the
backward's are chosen by arithmetic. Between the sizes that were measured, and on other devices, the nearest serves.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import log2

from sparx_dsl.ops.triton_kernels.blocks import MANY_WARPS, power_of_two

MOST_RANK = 64
"""The highest rank of the fused kernels, which keep its weights in registers."""
MOST_STATES = 32
"""The most states of the fused forward, which divides them into groups, each with maps of its own."""
MOST_STATES_BACKWARD = 8
"""The most states of the fused backward, likewise."""
UNROLLED_RANK = 11
"""Time steps of at most that rank are sums written out; from there on, products of tiles are faster."""
PRODUCT_ROWS = 16
"""The fewest rows of a product of tiles."""
STATE_REGISTERS = 32
"""What the states of a program of the forward may take of a lane's registers."""


@dataclass(frozen=True, slots=True)
class WalkShape:
    """What settings depend on: images, channels, positions of a map, rank of the time steps, states; float32 or not."""

    batch: int
    channels: int
    positions: int
    rank: int
    state: int
    precise: bool = False


@dataclass(frozen=True, slots=True)
class WalkSettings:
    """A division of the fused SS2D; all but ``segments`` and ``group`` are powers of two.

    A walk is cut into ``segments``; a program has ``rows`` of them of each of ``images`` images, for ``channels``
    channels and ``group`` states, and loads ``ahead`` places before it computes. With ``dot`` the time steps are
    products of tiles, which need rows · images of 16 or more.
    """

    channels: int
    warps: int
    ahead: int
    segments: int = 1
    rows: int = 1
    images: int = 1
    dot: bool = False
    group: int = 1

    def steps(self, positions: int) -> int:
        """The steps of a segment: a multiple of ``ahead``."""
        return -(-positions // (self.segments * self.ahead)) * self.ahead

    def programs(self, batch: int, channels: int) -> int:
        """How many programs one direction and group of states has."""
        parts = -(-self.segments // self.rows)
        return -(-batch // self.images) * parts * -(-channels // self.channels)


@dataclass(frozen=True, slots=True)
class Measured:
    """What was fastest for a map of that many positions, from that many images times channels on."""

    positions: int
    least: int
    settings: WalkSettings


FORWARD: dict[tuple[int, int], tuple[Measured, ...]] = {
    (9, 0): (
        # Half the images of the measured batch: by arithmetic, where many segments stop being faster.
        Measured(3136, 64 * 192, WalkSettings(channels=64, warps=1, ahead=8)),
        Measured(3136, 0, WalkSettings(channels=32, warps=2, ahead=2, segments=112, rows=16)),
        Measured(784, 64 * 384, WalkSettings(channels=32, warps=2, ahead=8, images=16, dot=True)),
        Measured(784, 0, WalkSettings(channels=16, warps=4, ahead=1, segments=64, rows=64, dot=True)),
        Measured(196, 64 * 640, WalkSettings(channels=32, warps=2, ahead=4, images=16, dot=True)),
        Measured(196, 0, WalkSettings(channels=16, warps=2, ahead=1, segments=32, rows=32, dot=True)),
        Measured(49, 64 * 1024, WalkSettings(channels=32, warps=2, ahead=2, images=16, dot=True)),
        Measured(49, 0, WalkSettings(channels=16, warps=1, ahead=1, segments=16, rows=16, dot=True)),
    )
}
"""The fastest settings by capability; those that have no table take the one of (9, 0)."""


def forward_settings(shape: WalkShape, capability: tuple[int, int] = (9, 0)) -> WalkSettings:
    """The settings of the forward: the measured ones of the nearest size, fitted to the shape."""
    dot = shape.rank > UNROLLED_RANK
    work = shape.batch * shape.channels
    table = FORWARD.get(capability, FORWARD[9, 0])
    rows = [row for row in table if row.settings.dot == dot and row.least <= work]
    nearest = min(rows, key=lambda row: (abs(log2(row.positions / max(1, shape.positions))), -row.least))
    return fitted(nearest.settings, shape)


def is_measured(shape: WalkShape, capability: tuple[int, int]) -> bool:
    """Whether the forward's settings for just that shape and capability were measured: at batch 128, or for one image.

    In bfloat16 and with one state.
    """
    sizes = {(row.positions, row.least // 64) for row in FORWARD.get(capability, ()) if row.least}
    plain = shape.state == 1 and not shape.precise
    return plain and shape.batch in (1, 128) and (shape.positions, shape.channels) in sizes


def fitted(settings: WalkSettings, shape: WalkShape) -> WalkSettings:
    """Settings of the forward as they can be for a shape: no more channels, states and segments than it has."""
    settings = _narrowed(settings, shape)
    values = settings.rows * settings.images * settings.channels // (32 * settings.warps)
    settings = _grouped(settings, shape, max(1, STATE_REGISTERS // max(1, values)))
    ahead = max(1, settings.ahead // power_of_two(settings.group))
    if shape.precise and settings.dot:
        # Operands in float32 take twice the registers.
        ahead = max(1, ahead // 2)
    if settings.rows < PRODUCT_ROWS or not settings.dot:
        settings = replace(settings, segments=max(1, min(settings.segments, -(-shape.positions // ahead))))
    return replace(settings, ahead=ahead)


def backward_settings(shape: WalkShape) -> WalkSettings:
    """The settings of the backward, whose sums over channels are products of tiles whatever the rank.

    Walks are cut into the fewest segments that give every scheduler two warps, since segments are walked twice. More
    warps where a lane's registers would not hold what one warp's share is, as compiled for capability 9.0.
    """
    values = shape.rank + 2 * shape.state
    light = shape.state == 1 and not shape.precise
    warps = 1 if light and values <= 16 else 2 if values <= 40 else 4
    ahead = 2 if light and values <= 8 else 1
    settings = WalkSettings(channels=16, warps=warps, ahead=ahead, images=PRODUCT_ROWS, dot=True)
    most_images = power_of_two(max(1, shape.batch))
    while settings.images > 1 and (
        settings.images > most_images
        or 4 * warps * settings.programs(shape.batch, shape.channels) < 2 * MANY_WARPS
    ):  # fmt: skip
        doubled = 2 * settings.segments
        settings = replace(settings, segments=doubled, rows=doubled, images=settings.images // 2)
    return _grouped(_narrowed(settings, shape), shape, 1 if shape.state == 1 else 2)


def value_block(shape: WalkShape, settings: WalkSettings) -> int:
    """The columns of the backward's products that give the values' gradients, a power of two from 8 on."""
    return max(8, power_of_two(shape.rank + 2 * settings.group))


def _narrowed(settings: WalkSettings, shape: WalkShape) -> WalkSettings:
    """No more channels than there are, but the 16 of a product of tiles."""
    return replace(settings, channels=min(settings.channels, max(16, power_of_two(max(1, shape.channels)))))


def _grouped(settings: WalkSettings, shape: WalkShape, most: int) -> WalkSettings:
    """States in groups of at most that many, as equal as they can be."""
    groups = -(-shape.state // most)
    return replace(settings, group=-(-shape.state // groups))
