"""A tensor without values: its shape, how it lies in memory, and which storage that is."""

from __future__ import annotations

from sparx_dsl.pricing.tape.strides import CHANNELS_LAST, Shape, count, is_packed, packed, prefers_channels_last, viewed


class Storage:
    """A piece of memory; two are the same only where they are one object."""

    __slots__ = ("bytes",)

    def __init__(self, size: int) -> None:
        self.bytes = size


UNTRACKED = Storage(0)
"""The storage of tensors whose layout is not followed."""


class FakeTensor:
    """Shape and strides (in elements) of a tensor, the bytes of an element, and the storage that it lies in.

    Strides are None where only shapes are followed, which is several times as fast: parameters and MACs need no more.
    """

    __slots__ = ("item", "shape", "storage", "strides")

    def __init__(self, shape: Shape, strides: Shape | None, item: int, storage: Storage) -> None:
        self.shape = shape
        self.strides = strides
        self.item = item
        self.storage = storage

    @classmethod
    def fresh(cls, shape: Shape, item: int, strides: Shape | None = None) -> FakeTensor:
        """A tensor in storage of its own, by default contiguous."""
        return cls(shape, packed(shape) if strides is None else strides, item, Storage(count(shape) * item))

    @property
    def channels_last(self) -> bool:
        """Whether operators on this map give channels-last maps."""
        return self.strides is not None and prefers_channels_last(self.shape, self.strides)

    @property
    def channels_contiguous(self) -> bool:
        """Whether the channels of a map, or the second dimension of another tensor, are contiguous."""
        return self.strides is not None and self.strides[1] == 1

    def like(self, *shape: int) -> FakeTensor:
        """A map of that shape in storage of its own, channels-last where this one is."""
        if self.strides is None:
            return FakeTensor(shape, None, self.item, UNTRACKED)
        return FakeTensor.fresh(shape, self.item, packed(shape, CHANNELS_LAST if self.channels_last else None))

    def copied(self, *, channels_last: bool = False) -> FakeTensor:
        """A contiguous copy, or a channels-last one, in storage of its own."""
        if self.strides is None:
            return self
        return FakeTensor.fresh(self.shape, self.item, packed(self.shape, CHANNELS_LAST if channels_last else None))

    def contiguous(self, *, channels_last: bool = False) -> FakeTensor:
        """The tensor itself where it is contiguous, or channels-last, else a copy that is."""
        if self.strides is None or is_packed(self.shape, self.strides, CHANNELS_LAST if channels_last else None):
            return self
        return self.copied(channels_last=channels_last)

    def permute(self, *dimensions: int) -> FakeTensor:
        """A view with the dimensions in another order."""
        shape = tuple(self.shape[each] for each in dimensions)
        strides = None if self.strides is None else tuple(self.strides[each] for each in dimensions)
        return FakeTensor(shape, strides, self.item, self.storage)

    def transpose(self, one: int, other: int) -> FakeTensor:
        """A view with two dimensions exchanged."""
        order = list(range(len(self.shape)))
        order[one], order[other] = order[other], order[one]
        return self.permute(*order)

    def reshape(self, *shape: int) -> FakeTensor:
        """A view of that shape where there is one, else a copy."""
        if self.strides is None:
            return FakeTensor(shape, None, self.item, UNTRACKED)
        strides = viewed(self.shape, self.strides, shape)
        if strides is None:
            return FakeTensor.fresh(shape, self.item)
        return FakeTensor(shape, strides, self.item, self.storage)

    def flatten(self, start: int, end: int = -1) -> FakeTensor:
        """Dimensions ``start`` to ``end`` as one: a view where there is one, else a copy."""
        last = end % len(self.shape)
        joined = count(self.shape[start : last + 1])
        return self.reshape(*self.shape[:start], joined, *self.shape[last + 1 :])

    def unflatten(self, dimension: int, *sizes: int) -> FakeTensor:
        """A view with one dimension as several."""
        return self.reshape(*self.shape[:dimension], *sizes, *self.shape[dimension + 1 :])

    def part(self, dimension: int, size: int) -> FakeTensor:
        """A view of ``size`` places of a dimension; which ones makes no difference here."""
        shape = (*self.shape[:dimension], size, *self.shape[dimension + 1 :])
        return FakeTensor(shape, self.strides, self.item, self.storage)

    def first_of(self) -> FakeTensor:
        """A view of one entry of the first dimension, without that dimension."""
        strides = None if self.strides is None else self.strides[1:]
        return FakeTensor(self.shape[1:], strides, self.item, self.storage)

    def every_other(self) -> FakeTensor:
        """A view of every second row and column of a map; its sides are even."""
        batch, channels, height, width = self.shape
        shape, strides = (batch, channels, height // 2, width // 2), self.strides
        if strides is not None:
            strides = (*strides[:2], 2 * strides[2], 2 * strides[3])
        return FakeTensor(shape, strides, self.item, self.storage)
