"""What a tape has counted: parameters, multiply-accumulates by two conventions, and what autograd saves.

Multiply-accumulates (MACs) are counted twice, operation by operation. The project's own count is one for each product
of a convolution, a linear layer or an attention, the selective scan by its own formula, and none for norms, activations
and element-wise sums. fvcore (0.1.5, ``fvcore.nn.flop_count``) counts the same products, and besides 5 for each element
of a group or layer norm, 2 for each of a batch norm in evaluation, none of an RMS norm, 4 for each element that a
bilinear resizing writes, 1 for each that nearest neighbours write, and 1 for each that an adaptive pooling reads; it
does not know ``scaled_dot_product_attention``, so the products of such an attention count nothing. Where the published
implementation computes by other operators than ours, its operators decide: the attention of a mixer is two products
(Swin, DeiT, PVTv2), GCCA is one fused attention, and a scale on the residual path is a 1×1 depthwise convolution
(SparX-Mamba).
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from sparx_dsl.language.dtypes import ITEM_BYTES, DType
from sparx_dsl.pricing.price import Price
from sparx_dsl.pricing.tape.fake_tensor import UNTRACKED, FakeTensor, Storage
from sparx_dsl.pricing.tape.strides import count

FLOAT32 = 4
"""The bytes of one element."""


class Amounts:
    """What was counted so far, and how one operation adds to it.

    With ``saves`` false only shapes are followed, and nothing is known of saved bytes.
    """

    def __init__(self, dtype: DType = "float32", *, saves: bool = True) -> None:
        self.item = ITEM_BYTES[dtype]
        self.wide = max(self.item, FLOAT32)
        """The bytes of an element that is float32 at least."""
        self.saves = saves
        self.params: int = 0
        """Trainable parameters."""
        self.macs = 0
        """Multiply-accumulates for one image."""
        self.scan_macs = 0
        """Those of the MACs that are a selective scan's, whose formula counts operations."""
        self.fvcore_macs = 0
        """What fvcore counts for one image."""
        self.saved_bytes = 0
        """What autograd saves for the batch, each storage once."""
        self.save_calls = 0
        """How often ``save`` was called."""
        self._saved: set[Storage] = set()
        self._evaluated = True

    @property
    def price(self) -> Price:
        """Parameters and MACs so far."""
        return Price(self.params, self.macs, self.scan_macs, self.fvcore_macs)

    def new(self, *shape: int) -> FakeTensor:
        """A new contiguous tensor in the backbone's dtype."""
        return FakeTensor.fresh(shape, self.item) if self.saves else FakeTensor(shape, None, self.item, UNTRACKED)

    def weight(self, *shape: int) -> None:
        """A trainable parameter of that shape."""
        self.params += count(shape)

    def multiply(self, macs: int) -> None:
        """That many multiply-accumulates for one image, which fvcore counts as well."""
        self.add_macs(macs, macs)

    def add_macs(self, macs: int, fvcore: int) -> None:
        """That many multiply-accumulates for one image, and what fvcore counts in their place."""
        if self._evaluated:
            self.macs += macs
            self.fvcore_macs += fvcore

    def save(self, *tensors: FakeTensor) -> None:
        """Save tensors for the backward pass, which holds the whole storage that they lie in; or say that none is."""
        self.save_calls += 1
        if self.saves:
            for tensor in tensors:
                storage = tensor.storage
                if storage not in self._saved:
                    self._saved.add(storage)
                    self.saved_bytes += storage.bytes

    def has_saved(self, storage: Storage) -> bool:
        """Whether a tensor that lies there is saved."""
        return storage in self._saved

    def save_new(self, *shape: int, item: int | None = None) -> None:
        """Save a tensor that nothing else reads, of ``item`` bytes an element, by default those of the dtype."""
        self.save_calls += 1
        if self.saves:
            self.saved_bytes += count(shape) * (self.item if item is None else item)

    @contextmanager
    def training_only(self) -> Generator[None]:
        """What is recorded within runs in training alone: it has parameters and saves, and MACs count none."""
        before, self._evaluated = self._evaluated, False
        yield
        self._evaluated = before
