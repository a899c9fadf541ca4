"""The dtypes of feature maps, by the names that they have in torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, cast

from sparx_dsl.errors import Code, Diagnostic, SparxError, visible

DType = Literal["float64", "float32", "bfloat16", "float16"]
ITEM_BYTES: Final[Mapping[str, int]] = {"float64": 8, "float32": 4, "bfloat16": 2, "float16": 2}
"""The bytes of an element of each dtype."""
SHORT_NAMES: Final[Mapping[str, DType]] = {
    "fp64": "float64", "double": "float64", "fp32": "float32", "float": "float32",
    "bf16": "bfloat16", "fp16": "float16", "half": "float16",
}  # fmt: skip
"""Other names of dtypes, as torch and people have them."""


def read_dtype(dtype: object) -> DType:
    """The name of a dtype that is given by its name, by a short one (``bf16``), or as torch's own.

    Raises ``SparxError`` (SPX321) for another.
    """
    given = str(dtype).removeprefix("torch.")
    name = SHORT_NAMES.get(given, given)
    if name not in ITEM_BYTES:
        message = f"unknown dtype {visible(given)!r} for feature maps"
        help = f"write one of {', '.join(ITEM_BYTES)}, or a short name such as bf16"
        raise SparxError(Diagnostic(Code.UNKNOWN_DTYPE, message, help=help))
    return cast("DType", name)
