"""What autograd keeps of each operation, as PyTorch runs it on a CPU in training.

An operation keeps what its derivative needs: a convolution or a product its input, an activation its input, ReLU its
result, a norm its input and two statistics, an attention its operands and its weights. Sums, means, resizing, views and
copies keep nothing. Parameters are no part of this.
"""

from __future__ import annotations

from sparx_dsl.pricing.saved.outline import Memory, Outline
from sparx_dsl.pricing.saved.strides import count, elementwise
from sparx_dsl.schedule.values import ITEM_BYTES, DType
from sparx_dsl.spec.options.base import NormName

FLOAT32, INT64, BOOL = 4, 8, 1
"""The bytes of one number."""


class Tape:
    """A forward pass told operation by operation; ``bytes`` are those kept so far, each piece of memory once."""

    def __init__(self, dtype: DType) -> None:
        self.item = ITEM_BYTES[dtype]
        self.wide = max(self.item, FLOAT32)
        """The bytes of a number that is float32 at least."""
        self.bytes = 0
        self._kept: set[Memory] = set()

    def made(self, *shape: int) -> Outline:
        """A new tensor in the backbone's dtype."""
        return Outline.fresh(shape, self.item)

    def keep(self, *tensors: Outline) -> None:
        """Keep tensors for the backward pass, which holds the whole memory that they lie in."""
        for memory in (tensor.memory for tensor in tensors):
            if memory not in self._kept:
                self._kept.add(memory)
                self.bytes += memory.bytes

    def keep_new(self, *shape: int, item: int | None = None) -> None:
        """Keep a tensor that nothing else reads, of ``item`` bytes a number, by default those of the dtype."""
        self.keep(Outline.fresh(shape, self.item if item is None else item))

    def convolution(
        self, x: Outline, channels: int, kernel: int = 1, stride: int = 1, padding: int | None = None
    ) -> Outline:
        """A convolution to that many channels, by default with padding ``kernel // 2``; it keeps its input."""
        self.keep(x)
        pad = kernel // 2 if padding is None else padding
        height, width = ((side + 2 * pad - kernel) // stride + 1 for side in x.shape[2:])
        return x.like(x.shape[0], channels, height, width)

    def linear(self, x: Outline, outputs: int) -> Outline:
        """A product over the last dimension without bias; it keeps its input as a matrix, copied where it has to be."""
        *outer, inputs = x.shape
        self.keep(x.reshape(count(tuple(outer)), inputs))
        return Outline.fresh((*outer, outputs), x.item)

    def norm(self, name: NormName, x: Outline) -> Outline:
        """A norm on a map: it keeps the map and two statistics for each position, image or channel."""
        batch, channels, height, width = x.shape
        match name:
            case "layer":
                self.keep(x)
                self.keep_new(2, batch, height, width)
                return Outline.fresh((batch, height, width, channels), x.item).permute(0, 3, 1, 2)
            case "group":
                x = x.contiguous(channels_last=x.channels_last)
                self.keep(x)
                self.keep_new(2, batch)
            case "batch":
                self.keep(x)
                self.keep_new(2, channels)
        return x.like(*x.shape)

    def activation(self, x: Outline) -> Outline:
        """GELU or SiLU; it keeps its input."""
        self.keep(x)
        return self.mapped(x)

    def relu(self, x: Outline) -> Outline:
        """ReLU; it keeps its result."""
        result = self.mapped(x)
        self.keep(result)
        return result

    def mapped(self, *operands: Outline) -> Outline:
        """An element-wise operation that keeps nothing: a sum, or a product with a number."""
        shape, strides = elementwise(*((each.shape, each.strides) for each in operands))
        return Outline.fresh(shape, operands[0].item, strides)

    def product(self, x: Outline, y: Outline) -> Outline:
        """The product of two tensors, element by element; it keeps both."""
        self.keep(x, y)
        return self.mapped(x, y)

    def scaled(self, x: Outline) -> Outline:
        """A weight and a bias for each channel of a map; it keeps the map."""
        self.keep(x)
        per_channel = (x.shape[1], 1, 1), (1, 1, 1)
        shape, strides = elementwise(per_channel, (x.shape, x.strides), per_channel)
        return Outline.fresh(shape, x.item, strides)

    def dropped(self, x: Outline, rate: float) -> Outline:
        """Drop path: it keeps one number for each image, and nothing at rate 0."""
        if rate == 0:
            return x
        self.keep_new(x.shape[0])
        shape, strides = elementwise((x.shape, x.strides), ((x.shape[0], 1, 1, 1), (1, 1, 1, 1)))
        return Outline.fresh(shape, x.item, strides)

    def concatenated(self, tensors: tuple[Outline, ...], dimension: int = 1) -> Outline:
        """Tensors side by side, as a copy; channels are innermost in memory where all have them so."""
        first = tensors[0].shape
        joined = sum(each.shape[dimension] for each in tensors)
        shape = (*first[:dimension], joined, *first[dimension + 1 :])
        return next((each for each in tensors if not each.channels_last), tensors[0]).like(*shape)

    def padded(self, x: Outline, *shape: int) -> Outline:
        """The tensor within zeros, of that shape; the same where nothing is to be padded."""
        return x if shape == x.shape else x.like(*shape)

    def pooled(self, x: Outline, height: int, width: int) -> Outline:
        """Means over parts of a map, which keep it."""
        self.keep(x)
        return x.like(*x.shape[:2], height, width)

    def resized(self, x: Outline, like: Outline) -> Outline:
        """A map at the height and width of another."""
        return x.like(*x.shape[:2], *like.shape[2:])

    def batched_product(self, x: Outline, y: Outline) -> Outline:
        """Matrix products (…, n, m) · (…, m, k); both operands are kept as one batch, copied where they have to be."""
        *outer, rows, inner = x.shape
        columns, together = y.shape[-1], count(tuple(outer))
        self.keep(x.reshape(together, rows, inner), y.reshape(together, inner, columns))
        return Outline.fresh((*outer, rows, columns), x.item)

    def softmax(self, scores: Outline) -> Outline:
        """A softmax over the last dimension; it keeps its result."""
        result = self.mapped(scores)
        self.keep(result)
        return result
