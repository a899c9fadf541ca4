"""The names of dtypes: torch's own, short ones, and what is none."""

from __future__ import annotations

import pytest
import torch

import sparx_dsl
from sparx_dsl.language.dtypes import ITEM_BYTES, SHORT_NAMES, read_dtype


@pytest.mark.parametrize("name", [*ITEM_BYTES, *SHORT_NAMES])
def test_a_dtype_is_torch_s_of_that_name(name: str) -> None:
    """Whichever way it is written, also as torch's own; with as many bytes."""
    expected = getattr(torch, name.replace("fp", "float").replace("bf1", "bfloat1"))
    found = read_dtype(name)
    assert getattr(torch, found) is expected
    assert read_dtype(expected) == read_dtype(f"torch.{found}") == found
    assert ITEM_BYTES[found] == expected.itemsize


@pytest.mark.parametrize("dtype", ["int8", "complex64", torch.int64, "", None, "\x1b[31m"])
def test_another_dtype_is_refused(dtype: object) -> None:
    """With the names that there are, and nothing of what was given but visible characters."""
    with pytest.raises(sparx_dsl.SparxError) as caught:
        read_dtype(dtype)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "SPX321"
    assert diagnostic.message.isprintable()
    assert "bfloat16" in (diagnostic.help or "")
