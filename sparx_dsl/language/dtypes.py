"""The dtypes of feature maps, by the names that they have in torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

DType = Literal["float64", "float32", "bfloat16", "float16"]
ITEM_BYTES: Final[Mapping[str, int]] = {"float64": 8, "float32": 4, "bfloat16": 2, "float16": 2}
"""The bytes of an element of each dtype."""
SHORT_NAMES: Final[Mapping[str, DType]] = {
    "fp64": "float64", "double": "float64", "fp32": "float32", "float": "float32",
    "bf16": "bfloat16", "fp16": "float16", "half": "float16",
}  # fmt: skip
"""Other names of dtypes, as torch and people have them."""


def full_name(dtype: object) -> str:
    """The name of a dtype, given by its name, by a short one (``bf16``), or as torch's own."""
    name = str(dtype).removeprefix("torch.")
    return SHORT_NAMES.get(name, name)
