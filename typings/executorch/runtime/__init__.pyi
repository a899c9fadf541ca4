# What this project uses of executorch.runtime 1.5, which has no complete types.
from collections.abc import Sequence
from pathlib import Path
from typing import Any

class Method:
    def execute(self, inputs: Sequence[object]) -> Sequence[Any]: ...

class Program:
    def load_method(self, name: str) -> Method: ...

class Runtime:
    @staticmethod
    def get() -> Runtime: ...
    def load_program(self, data: Path | str) -> Program: ...
