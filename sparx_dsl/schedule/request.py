"""What a backbone is planned and priced for, checked: size and number of the images, dtype, outputs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING, cast

from sparx_dsl.errors import Code, Diagnostic, SparxError
from sparx_dsl.language.base import MAX_SIDE
from sparx_dsl.language.dtypes import ITEM_BYTES, DType, read_dtype
from sparx_dsl.schedule.outputs import Output, checked_outputs

if TYPE_CHECKING:
    from sparx_dsl.language.spec import Spec


@dataclass(frozen=True, slots=True)
class Request:
    """Images of ``size`` (height, width), ``batch`` of them, in ``dtype``, and the maps that are wanted."""

    size: tuple[int, int]
    batch: int
    dtype: DType
    features: tuple[Output, ...] | None

    @property
    def item_bytes(self) -> int:
        """The bytes of one number."""
        return ITEM_BYTES[self.dtype]


def checked_request(spec: Spec, size: object, batch: object, dtype: object, features: object) -> Request:
    """The request that these values make; ``size`` None stands for the spec's.

    A dtype is known by its name, also by a short one (``bf16``) or that of torch (``torch.float32``). Raises
    ``SparxError`` (SPX320 to SPX322) for what cannot be.
    """
    wanted = spec.input.size if size is None else size
    outputs, wrong_outputs = checked_outputs(spec, features)
    errors, name = [*_images(wanted, batch)], None
    try:
        name = read_dtype(dtype)
    except SparxError as error:
        errors += error.diagnostics
    errors += wrong_outputs
    if name is None or errors:
        raise SparxError(errors)
    height, width = cast("tuple[int, int]", wanted)
    return Request((int(height), int(width)), int(cast("int", batch)), name, outputs)


def _images(size: object, batch: object) -> Iterator[Diagnostic]:
    if not _is_pair(size):
        message = f"the image size must be two positive integers (height, width), got {size!r}"
        yield Diagnostic(Code.INVALID_INPUT_SHAPE, message, help="write two positive integers, such as (224, 224)")
    elif max(cast("tuple[int, int]", size)) > MAX_SIDE:
        message = f"an image of {size!r} pixels is larger than the limit of {MAX_SIDE:,} a side"
        yield Diagnostic(Code.INVALID_INPUT_SHAPE, message, help="plan for smaller images")
    if not _is_positive(batch):
        message = f"the batch must be a positive integer, got {batch!r}"
        yield Diagnostic(Code.INVALID_INPUT_SHAPE, message, help="write batch=1 or more")


def _is_positive(value: object) -> bool:
    return not isinstance(value, bool) and isinstance(value, Integral) and int(value) >= 1


def _is_pair(value: object) -> bool:
    if not isinstance(value, tuple):
        return False
    parts = cast("tuple[object, ...]", value)
    return len(parts) == 2 and all(map(_is_positive, parts))
