"""What each operation of a forward pass costs: parameters, multiply-accumulates, and what autograd saves.

A kind's ``cost.py`` records its module's forward pass on a ``Tape`` once, and every figure comes from that; how
products are counted is in ``amounts``.

Saved bytes are those of PyTorch on a CPU in training. An operation saves what its derivative needs: a convolution or a
product its input, an activation its input, ReLU its result, a norm its input and two statistics, an attention its
operands and its weights. Sums, means, resizing, views and copies save nothing. Parameters are no part of this.
"""

from __future__ import annotations

from typing import assert_never

from sparx_dsl.language.base import NormName
from sparx_dsl.pricing.tape.amounts import FLOAT32, Amounts
from sparx_dsl.pricing.tape.fake_tensor import UNTRACKED, FakeTensor
from sparx_dsl.pricing.tape.strides import Shape, count, elementwise

INT64, BOOL = 8, 1
"""The bytes of one element."""


class Tape(Amounts):
    """Counts what the operations cost that it records; an operation gives the fake tensor that PyTorch's would.

    Tensors are (batch, channels, height, width) maps, or have the batch as their first dimension.
    """

    # Products.

    def convolution(
        self,
        x: FakeTensor,
        channels: int,
        kernel: int = 1,
        stride: int = 1,
        padding: int | None = None,
        *,
        groups: int = 1,
        bias: bool = True,
    ) -> FakeTensor:
        """A ``kernel`` × ``kernel`` convolution of a map to ``channels``, by default with padding ``kernel // 2``.

        (batch, inputs, height, width) to (batch, channels, …), where stride and padding decide height and width.
        """
        batch, inputs, height, width = x.shape
        if kernel != 1 or stride != 1:
            pad = 2 * (kernel // 2 if padding is None else padding) - kernel
            height, width = (height + pad) // stride + 1, (width + pad) // stride + 1
        weights = inputs // groups * channels * kernel * kernel
        self.params += weights + channels if bias else weights
        self.multiply(weights * height * width)
        self.save(x)
        return x.like(batch, channels, height, width)

    def depthwise(self, x: FakeTensor, kernel: int, stride: int = 1, *, bias: bool = True) -> FakeTensor:
        """A convolution of each channel of (batch, channels, height, width) by itself, with padding ``kernel // 2``."""
        return self.convolution(x, x.shape[1], kernel, stride, groups=x.shape[1], bias=bias)

    def causal_convolution(self, x: FakeTensor, kernel: int) -> FakeTensor:
        """A depthwise convolution along (batch, channels, length) of what came before, with bias; it pads a copy."""
        batch, channels, length = x.shape
        self.weight(channels, kernel + 1)
        self.multiply(channels * kernel * length)
        before = kernel - 1
        self.save(self.new(batch, channels, length + before) if before else self.elementwise(x))
        return self.new(batch, channels, length)

    def linear(self, x: FakeTensor, outputs: int, *, bias: bool = False) -> FakeTensor:
        """A product (…, inputs) to (…, outputs); it saves its input as a matrix, copied where it has to be."""
        *outer, inputs = x.shape
        rows = count(tuple(outer))
        self.params += inputs * outputs + (outputs if bias else 0)
        self.multiply(rows // x.shape[0] * inputs * outputs)
        if self.saves:
            self.save(x.reshape(rows, inputs))
        return self.new(*outer, outputs)

    def batched_product(self, x: FakeTensor, y: FakeTensor, *, fvcore: bool = True) -> FakeTensor:
        """Matrix products (…, n, m) · (…, m, k); both operands are saved as one batch, copied where they have to be.

        Without ``fvcore`` they are part of an attention that the published implementation runs fused, where fvcore
        does not see them.
        """
        *outer, rows, inner = x.shape
        columns, together = y.shape[-1], count(tuple(outer))
        macs = together // x.shape[0] * rows * inner * columns
        self.add_macs(macs, macs if fvcore else 0)
        if self.saves:
            self.save(x.reshape(together, rows, inner), y.reshape(together, inner, columns))
        return self.new(*outer, rows, columns)

    def attention(self, query: FakeTensor, key: FakeTensor, value: FakeTensor, *, fvcore: bool = False) -> FakeTensor:
        """Fused attention without a bias, all (batch, heads, tokens, width).

        With ``fvcore`` the published implementation computes it by two products, which fvcore sees.

        It saves its operands, its result, and a sum for each query, float32 at least.
        """
        macs = _attention_macs(query, key)
        self.add_macs(macs, macs if fvcore else 0)
        result = self.new(*query.shape)
        self.save(query, key, value, result)
        self.save_new(*query.shape[:3], item=self.wide)
        return result

    def biased_attention(self, query: FakeTensor, key: FakeTensor, value: FakeTensor) -> FakeTensor:
        """Attention with a bias that is learned, step by step, in float32 at least; all (batch, heads, tokens, width).

        Both products count for fvcore, which sees them in the published implementations.

        It saves the scaled query and key, the value, and the weights of all pairs of tokens. The value is saved where
        it lies, with whatever else is there, unless it had to be converted or copied.
        """
        self.multiply(_attention_macs(query, key))
        if self.saves:
            batch, heads, tokens, width = query.shape
            self.save_new(*query.shape, item=self.wide)
            self.save_new(*key.shape, item=self.wide)
            self.save_new(batch, heads, tokens, key.shape[2], item=self.wide)
            if self.item < FLOAT32:
                self.save_new(*value.shape, item=self.wide)
            else:
                self.save(value.reshape(batch * heads, key.shape[2], width))
        return self.new(*query.shape)

    def selective_scan(
        self, operands: tuple[FakeTensor, ...], channels: int, length: int, state: int, *, copies: int = 1
    ) -> None:
        """A scan over (channels, length) with N = ``state``; ``channels`` counts those of every direction.

        Its parameters are A, D and the bias of the time steps; MACs are 9·channels·length·N + channels·length, which is
        the count behind the paper's tables. It saves the operands, and the decay rates −exp(A_logs) twice, once before
        the sign; these are float32 at least. Of several ``copies`` the parameters are those of the first channels,
        repeated, and D and the bias are saved as they were repeated.
        """
        self.weight(channels // copies, state + 2)
        macs = (9 * state + 1) * channels * length
        self.multiply(macs)
        self.scan_macs += macs
        self.save_new(channels // copies, state, item=self.wide)
        self.save(*operands)
        if copies > 1:
            self.save_new(2, channels)
        self.save_new(channels, state, item=self.wide)

    # Norms and element-wise operations.

    def norm(self, name: NormName, x: FakeTensor) -> FakeTensor:
        """A norm, of the map's shape: it saves the map and two statistics for each position, image or channel."""
        if name == "rms":
            return self._rms_norm(x)
        batch, channels, height, width = x.shape
        self.params += 2 * channels
        self.add_macs(0, (2 if name == "batch" else 5) * channels * height * width)
        if not self.saves:
            return x
        match name:
            case "layer":
                self.save(x)
                self.save_new(2, batch, height, width)
                return FakeTensor.fresh((batch, height, width, channels), x.item).permute(0, 3, 1, 2)
            case "group":
                x = x.contiguous(channels_last=x.channels_last)
                self.save(x)
                self.save_new(2, batch)
            case "batch":
                self.save(x)
                self.save_new(2, channels)
            case _:
                assert_never(name)
        return x.like(*x.shape)

    def _rms_norm(self, x: FakeTensor) -> FakeTensor:
        """PyTorch composes it of smaller operations on CPUs, in float32 at least; fvcore does not know it.

        It saves the map, a factor for each position, and the map times that, which the weight is multiplied with.
        """
        batch, channels, height, width = x.shape
        self.weight(channels)
        if not self.saves:
            return x
        if self.item < FLOAT32:
            self.save_new(*x.shape, item=FLOAT32)
        else:
            self.save(x)
        self.save_new(batch, height, width, item=self.wide)
        self.save_new(*x.shape, item=self.wide)
        return FakeTensor.fresh((batch, height, width, channels), x.item).permute(0, 3, 1, 2)

    def activation(self, x: FakeTensor) -> FakeTensor:
        """GELU or SiLU of a tensor of any shape; it saves its input."""
        self.save(x)
        return self.elementwise(x)

    def relu(self, x: FakeTensor) -> FakeTensor:
        """ReLU of a tensor of any shape; it saves its result."""
        result = self.elementwise(x)
        self.save(result)
        return result

    def softmax(self, scores: FakeTensor) -> FakeTensor:
        """A softmax over the last dimension; it saves its result."""
        return self.relu(scores)

    def product(self, x: FakeTensor, y: FakeTensor) -> FakeTensor:
        """The product of two tensors, element by element; it saves both."""
        self.save(x, y)
        return self.elementwise(x, y)

    def elementwise(self, *operands: FakeTensor) -> FakeTensor:
        """An element-wise operation that saves nothing: a sum, or a product with a number."""
        first = operands[0]
        shape, strides = elementwise(*((each.shape, each.strides) for each in operands))
        if strides is None:
            return FakeTensor(shape, None, first.item, UNTRACKED)
        return FakeTensor.fresh(shape, first.item, strides)

    def scaled(self, x: FakeTensor) -> FakeTensor:
        """A weight and a bias for each channel of a map, counted as a 1×1 depthwise convolution; it saves the map."""
        self.weight(2, x.shape[1])
        self.multiply(count(x.shape[1:]))
        if x.strides is None:
            return x
        self.save(x)
        per_channel: tuple[Shape, Shape] = (x.shape[1], 1, 1), (1, 1, 1)
        shape, strides = elementwise(per_channel, (x.shape, x.strides), per_channel)
        return FakeTensor.fresh(shape, x.item, strides)

    def scaled_branch(self, x: FakeTensor) -> FakeTensor:
        """A weight for each channel of a branch, which is a product and counts nothing; it saves the map."""
        self.weight(x.shape[1])
        if x.strides is None:
            return x
        self.save(x)
        shape, strides = elementwise((x.shape, x.strides), ((x.shape[1], 1, 1), (1, 1, 1)))
        return FakeTensor.fresh(shape, x.item, strides)

    def drop_path(self, x: FakeTensor, rate: float) -> FakeTensor:
        """Stochastic depth: it saves one number for each image, and nothing at rate 0."""
        if rate == 0 or x.strides is None:
            return x
        self.save_new(x.shape[0])
        shape, strides = elementwise((x.shape, x.strides), ((x.shape[0], 1, 1, 1), (1, 1, 1, 1)))
        return FakeTensor.fresh(shape, x.item, strides)

    def dropout(self, x: FakeTensor, rate: float) -> FakeTensor:
        """Dropout of a tensor of any shape: it saves what it multiplies by, and nothing at rate 0."""
        if rate == 0 or x.strides is None:
            return x
        self.save_new(*x.shape)
        return self.elementwise(x)

    # Maps concatenated, larger and smaller.

    def concatenate(self, tensors: tuple[FakeTensor, ...]) -> FakeTensor:
        """Tensors joined along the channels, as a copy; it is channels-last where all of them are."""
        batch, _, *rest = tensors[0].shape
        shape = (batch, sum(each.shape[1] for each in tensors), *rest)
        return next((each for each in tensors if not each.channels_last), tensors[0]).like(*shape)

    def pad(self, x: FakeTensor, height: int, width: int) -> FakeTensor:
        """The map within zeros, of that height and width; itself where nothing is to be padded."""
        return x if (height, width) == x.shape[2:] else x.like(*x.shape[:2], height, width)

    def pool(self, x: FakeTensor, height: int, width: int, *, adaptive: bool = False) -> FakeTensor:
        """Means over parts of a map, (batch, channels, height, width) of the given sides, which save it.

        With ``adaptive``, by ``adaptive_avg_pool2d``, which does not save a map that becomes one position.
        """
        if adaptive:
            self.add_macs(0, count(x.shape[1:]))
        if not (adaptive and height == width == 1):
            self.save(x)
        return x.like(*x.shape[:2], height, width)

    def resize(self, x: FakeTensor, like: FakeTensor, *, nearest: bool = False) -> FakeTensor:
        """A map at the height and width of another, bilinear or of the nearest neighbours."""
        self.add_macs(0, (1 if nearest else 4) * x.shape[1] * count(like.shape[2:]))
        return x.like(*x.shape[:2], *like.shape[2:])


def _attention_macs(query: FakeTensor, key: FakeTensor) -> int:
    """The scores of all pairs of tokens, and the sums of values."""
    _, heads, tokens, width = query.shape
    return 2 * heads * tokens * key.shape[2] * width
