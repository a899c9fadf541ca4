"""The dtypes of feature maps, by the names that they have in torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

DType = Literal["float64", "float32", "bfloat16", "float16"]
ITEM_BYTES: Final[Mapping[str, int]] = {"float64": 8, "float32": 4, "bfloat16": 2, "float16": 2}
"""The bytes of an element of each dtype."""
