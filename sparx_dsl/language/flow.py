"""What happens inside a module, as boxes on a grid and arrows between them: what a kind says of itself for pictures."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Literal

OperationRole = Literal["map", "operation", "product", "sum"]
"""A map that goes in or comes out, what is done to it, a product of two, and a small sign such as a sum."""


@dataclass(frozen=True, slots=True)
class Operation:
    """A box: its text, of one line or several, and its place, in columns from the left and rows from the top."""

    name: str
    text: str
    column: float
    row: float
    role: OperationRole = "operation"
    gives: str = ""
    """The shape of what it gives, in the paper's letters, as in ``C × N``."""


@dataclass(frozen=True, slots=True)
class Wire:
    """An arrow from one box to another: down, across and down; or along a column of its own, where one is named."""

    source: str
    target: str
    column: float | None = None


@dataclass(frozen=True, slots=True)
class Flow:
    """The boxes and arrows of a module. Raises ``ValueError`` for names that are not its boxes', or not unique."""

    operations: tuple[Operation, ...]
    wires: tuple[Wire, ...]

    def __post_init__(self) -> None:
        names = Counter(operation.name for operation in self.operations)
        if twice := [name for name, count in names.items() if count > 1]:
            raise ValueError(f"two operations are called {twice[0]!r}")
        ends = {end for wire in self.wires for end in (wire.source, wire.target)}
        if strangers := sorted(ends - names.keys()):
            raise ValueError(f"no operation is called {strangers[0]!r}")
