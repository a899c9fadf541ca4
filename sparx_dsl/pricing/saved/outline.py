"""A tensor without values: its shape, how it lies in memory, and which memory that is."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sparx_dsl.pricing.saved.strides import (
    CHANNELS_LAST,
    Shape,
    count,
    is_packed,
    packed,
    prefers_channels_last,
    viewed,
)


@dataclass(frozen=True, slots=True, eq=False)
class Memory:
    """A piece of memory; two are the same only where they are one object."""

    bytes: int


@dataclass(frozen=True, slots=True, eq=False)
class Outline:
    """Shape and strides (in numbers) of a tensor, the bytes of one number, and the memory that it lies in."""

    shape: Shape
    strides: Shape
    item: int
    memory: Memory

    @classmethod
    def fresh(cls, shape: Shape, item: int, strides: Shape | None = None) -> Outline:
        """A tensor in memory of its own, by default with the last dimension innermost."""
        return cls(shape, packed(shape) if strides is None else strides, item, Memory(count(shape) * item))

    @property
    def channels_last(self) -> bool:
        """Whether operators on this map give maps with the channels innermost in memory."""
        return prefers_channels_last(self.shape, self.strides)

    def like(self, *shape: int) -> Outline:
        """A map of that shape in memory of its own, with the channels innermost where this one has them so."""
        return Outline.fresh(shape, self.item, packed(shape, CHANNELS_LAST if self.channels_last else None))

    def copied(self, *, channels_last: bool = False) -> Outline:
        """A packed copy in memory of its own."""
        return Outline.fresh(self.shape, self.item, packed(self.shape, CHANNELS_LAST if channels_last else None))

    def contiguous(self, *, channels_last: bool = False) -> Outline:
        """The tensor itself where it is packed in that order, else a copy that is."""
        order = CHANNELS_LAST if channels_last else None
        return self if is_packed(self.shape, self.strides, order) else self.copied(channels_last=channels_last)

    def permute(self, *dimensions: int) -> Outline:
        """A view with the dimensions in another order."""
        return replace(
            self,
            shape=tuple(self.shape[each] for each in dimensions),
            strides=tuple(self.strides[each] for each in dimensions),
        )

    def transpose(self, one: int, other: int) -> Outline:
        """A view with two dimensions exchanged."""
        order = list(range(len(self.shape)))
        order[one], order[other] = order[other], order[one]
        return self.permute(*order)

    def reshape(self, *shape: int) -> Outline:
        """A view of that shape where there is one, else a copy."""
        strides = viewed(self.shape, self.strides, shape)
        return Outline.fresh(shape, self.item) if strides is None else replace(self, shape=shape, strides=strides)

    def flatten(self, start: int, end: int = -1) -> Outline:
        """Dimensions ``start`` to ``end`` as one: a view where there is one, else a copy."""
        last = end % len(self.shape)
        joined = count(self.shape[start : last + 1])
        return self.reshape(*self.shape[:start], joined, *self.shape[last + 1 :])

    def unflatten(self, dimension: int, *sizes: int) -> Outline:
        """A view with one dimension as several."""
        return self.reshape(*self.shape[:dimension], *sizes, *self.shape[dimension + 1 :])

    def part(self, dimension: int, size: int) -> Outline:
        """A view of ``size`` places of a dimension; which ones makes no difference here."""
        return replace(self, shape=(*self.shape[:dimension], size, *self.shape[dimension + 1 :]))

    def first_of(self) -> Outline:
        """A view of one entry of the first dimension, without that dimension."""
        return replace(self, shape=self.shape[1:], strides=self.strides[1:])

    def every_other(self) -> Outline:
        """A view of every second row and column of a map; its sides are even."""
        batch, channels, height, width = self.shape
        along, across = self.strides[2:]
        strides = (*self.strides[:2], 2 * along, 2 * across)
        return replace(self, shape=(batch, channels, height // 2, width // 2), strides=strides)
