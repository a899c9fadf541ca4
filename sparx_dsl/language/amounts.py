"""Numbers of parameters, MACs and bytes as a spec writes them: ``30M``, ``2GiB``, or in full."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

from sparx_dsl.reader.quantities import BYTES_PATTERN, COUNT_PATTERN, read_quantity, write_quantity


def _amount(value: object, *, of_bytes: bool) -> object:
    """The number that a text of an amount stands for; what is no amount is left to be refused."""
    amount = read_quantity(value, of_bytes=of_bytes) if isinstance(value, str) else None
    return value if amount is None else amount


def _written(amount: int | None, *, of_bytes: bool) -> str | int | None:
    return None if amount is None else write_quantity(amount, of_bytes=of_bytes)


def _amount_schema(pattern: str, example: str) -> dict[str, Any]:
    text = {"type": "string", "pattern": pattern, "examples": [example]}
    return {"anyOf": [{"type": "integer", "minimum": 1}, text]}


Count = Annotated[
    int, Field(ge=1), BeforeValidator(partial(_amount, of_bytes=False)),
    PlainSerializer(partial(_written, of_bytes=False)), WithJsonSchema(_amount_schema(COUNT_PATTERN, "30M")),
]  # fmt: skip
"""A number of parameters or MACs, also with one of the units K, M, G and T."""
Bytes = Annotated[
    int, Field(ge=1), BeforeValidator(partial(_amount, of_bytes=True)),
    PlainSerializer(partial(_written, of_bytes=True)), WithJsonSchema(_amount_schema(BYTES_PATTERN, "2GiB")),
]  # fmt: skip
"""A number of bytes, also with one of the units B, KB to TB (powers of 1000) and KiB to TiB (powers of 1024)."""
